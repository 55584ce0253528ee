"""The human and the concise form: golden texts, and what holds for every text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archlang.diagnostics import ArchError, Diagnostic, Label, error, warning
from archlang.diagnostics.render import SHOWN, concise, human, summary
from archlang.diagnostics.render_sarif import as_sarif
from archlang.diagnostics.text import LONGEST, cells, safe, width
from archlang.limits import DEFAULT
from archlang.source import Source, Span
from tests.diagnostics.samples import ADD, SAMPLES
from tests.golden import check_golden

GOLDEN = Path(__file__).parent / "golden"
ANSI = re.compile("\x1b\\[[0-9;]*m")


@pytest.mark.parametrize("name", SAMPLES)
def test_human_form(name: str) -> None:
    check_golden(GOLDEN / f"{name}.txt", human([SAMPLES[name]]))


@pytest.mark.parametrize("name", SAMPLES)
def test_colour_changes_no_character(name: str) -> None:
    plain, coloured = human([SAMPLES[name]]), human([SAMPLES[name]], colour=True)
    assert "\x1b" not in plain
    assert ANSI.sub("", coloured) == plain
    assert coloured != plain


def test_the_form_is_the_one_of_the_language_document() -> None:
    assert human([SAMPLES["merge"]]) == """\
error[shape-mismatch]: add needs two equal maps
  --> specs/resnet50.arch:9:18
   |
 9 |   output body -> add(shortcut) -> relu
   |          ----    ^^^^^^^^^^^^^ this is [64, 56, 56]
   |          |
   |          this is [256, 56, 56]
   = help: `shortcut` passes its input through: its test `stride != 1` is false here
   = note: in bottleneck(width = 64), used by layer1 (line 22)"""


def test_concise_form() -> None:
    check_golden(GOLDEN / "concise.txt", concise(list(SAMPLES.values())))


def test_several_are_parted_by_a_blank_line() -> None:
    assert human([SAMPLES["nowhere"], SAMPLES["empty-file"]]).count("\n\n") == 1


def test_the_rest_is_told_of_and_errors_come_before_warnings() -> None:
    many = [warning("unused-name", f"w{i}") for i in range(5)] + [error("usage", f"e{i}") for i in range(3)]
    text = concise(many, limit=4)
    assert text.splitlines() == [
        "warning[unused-name]: w0", *(f"error[usage]: e{i}" for i in range(3)), "more mistakes are not shown",
    ]
    assert concise(many[:2], limit=1).endswith("more mistakes are not shown")
    assert "not shown" not in human(many, limit=8)


def test_summary_counts() -> None:
    one, two = error("usage", "a"), warning("unused-name", "b")
    assert summary([one, one, two]) == "2 errors, 1 warning"
    assert summary([two, two]) == "2 warnings"
    assert summary([]) == ""
    assert summary([two, *[one] * 51]) == "more than 50 errors, 1 warning"
    assert summary([one] * 3, limit=2) == "more than 2 errors"


def test_the_limits_are_those_of_the_limits_file() -> None:
    assert (DEFAULT.diagnostics, DEFAULT.message) == (SHOWN, LONGEST)


@pytest.mark.parametrize(("length", "cut"), [(LONGEST, False), (LONGEST + 1, True)])
def test_a_message_is_cut_past_its_limit(length: int, cut: bool) -> None:
    text = human([error("usage", "m" * length)])
    assert text.endswith("...") is cut
    assert len(text) == len("error[usage]: ") + LONGEST


def test_an_exception_shows_itself_in_the_human_form() -> None:
    assert str(ArchError(SAMPLES["merge"])) == human([SAMPLES["merge"]])


def test_the_marks_stand_under_what_they_mark() -> None:
    lines = human([SAMPLES["wide"]]).splitlines()
    shown, marks = lines[3], lines[4]
    column = width(shown[: shown.index("rélu")])
    assert marks[column : column + 4] == "^^^^"


@given(st.text(max_size=80))
def test_nothing_hidden_is_ever_shown(text: str) -> None:
    shown = safe(text)
    assert all(char == "\n" or not 0 <= ord(char) < 32 for char in shown)
    assert not set(shown) & set("\x7f\x9b\u200b\u202e\u2028\ufeff")
    shown.encode("utf-8")


@given(st.text(max_size=60), st.data())
def test_any_span_of_any_text_can_be_shown(text: str, data: st.DataObject) -> None:
    source = Source("any.arch", text)
    places = st.integers(0, len(text))

    def span() -> Span:
        a, b = data.draw(places), data.draw(places)
        return Span(source, min(a, b), max(a, b))

    labels = [Label(span(), data.draw(st.text(max_size=8))) for _ in range(data.draw(st.integers(0, 3)))]
    mistake: Diagnostic = error("usage", "m", span(), "primary", secondary=labels)
    shown = human([mistake])
    assert "^" in shown
    assert "primary" in shown
    assert ANSI.sub("", human([mistake], colour=True)) == shown


def test_a_line_full_of_marks_stays_short() -> None:
    assert len(cells("a" + "\u0301" * 5)) == 6
    source = Source("zalgo.arch", "e" + "\u0301" * 100_000)
    assert len(human([error("bad-character", "m", Span(source, 0, 1))])) < 500
    assert len(human([error("bad-character", "m", Span(source, 50_000, 50_001))])) < 500


def test_labels_of_other_files_have_their_own_part() -> None:
    assert "  ::: blocks/stem.arch:2:7" in human([SAMPLES["other-file"]])
    assert ADD.text in human([SAMPLES["merge"]])


def test_columns_of_sarif_count_characters_and_say_so() -> None:
    source = Source("a b\u00e9.arch", 'archlang 1\nlet a = "\U0001f600\U0001f600" + bb\n')
    start = source.text.index("bb")
    (run,) = as_sarif([error("undefined-name", "nothing is called `bb`", Span(source, start, start + 2))], "1")["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]

    # Each of the two smileys is two units of UTF-16, which the standard counts unless a run says otherwise.
    assert run["columnKind"] == "unicodeCodePoints"
    assert place["region"] == {"startLine": 2, "startColumn": 16, "endLine": 2, "endColumn": 18}
    assert source.text.split("\n")[1][15:17] == "bb"
    assert place["artifactLocation"]["uri"] == "a%20b%C3%A9.arch"
