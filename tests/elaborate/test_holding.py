"""Mends that are tried before they are told: those that lead to an error are withdrawn, and what trying costs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from archlang.diagnostics import Alternative, Diagnostic, Fix, error
from archlang.elaborate import holding
from archlang.elaborate.holding import bounded, with_mends_that_hold
from archlang.elaborate.network import check_text
from archlang.limits import DEFAULT
from archlang.source import Source, Span

TEXT = """archlang 1
network N {
  input image: [3, 8, 8]
  x = image -> conv(3x3, 8) -> rleu -> flatten
  output x -> linear(10)
}
"""


def mistake(text: str, *replacements: str) -> tuple[Source, Diagnostic]:
    """A mistake at `rleu`, with an alternative for each replacement, of which the first is told."""
    source = Source("net.arch", text)
    start = text.index("rleu")
    span = Span(source, start, start + 4)
    alternatives = [Alternative(f"write `{new}`", Fix(span, new)) for new in replacements]
    return source, error("unknown-stage", "there is no stage called `rleu`", span, help=(alternatives[0].help, "prose"),
                         fix=alternatives[0].fix, alternatives=alternatives)


def counted(texts: list[str]) -> holding.Recheck:
    """Check a text as the command line does, and note it."""

    def recheck(text: str) -> Sequence[Diagnostic]:
        texts.append(text)
        return check_text(text, name="net.arch", limits=bounded(DEFAULT))

    return recheck


@pytest.mark.parametrize(("replacements", "told"), [
    (("relu", "gelu"), "relu"),
    (("linear(3)", "gelu"), "gelu"),
    (("nothing", "conv(3)", "tanh"), "tanh"),
])  # fmt: skip
def test_the_first_that_holds_is_told(replacements: tuple[str, ...], told: str) -> None:
    source, one = mistake(TEXT, *replacements)
    (kept,) = with_mends_that_hold([one], source, counted([]))
    assert kept.help == (f"write `{told}`", "prose")
    assert kept.fix is not None
    assert kept.fix.text == told


def test_a_mend_that_breaks_is_withdrawn_and_prose_stays() -> None:
    source, one = mistake(TEXT, "linear(3)", "nothing")
    (kept,) = with_mends_that_hold([one], source, counted([]))
    assert kept.help == ("prose",)
    assert kept.fix is None


def test_a_guess_is_told_without_its_edit() -> None:
    source, one = mistake(TEXT, "nothing")
    assert one.fix is not None
    guess = Alternative("write `tanh`", Fix(one.fix.span, "tanh"), is_certain=False)
    (kept,) = with_mends_that_hold([error(one.name, one.message, one.fix.span, alternatives=(*one.alternatives, guess),
                                          help=one.help, fix=one.fix)], source, counted([]))
    assert kept.help == ("write `tanh`", "prose")
    assert kept.fix is None


def test_near_names_that_would_be_wrong_there_are_left_out() -> None:
    text = TEXT.replace("rleu", "softmx")
    (one,) = check_text(text)
    assert one.help == ("did you mean `softmax`, `log_softmax`?",)  # and not `lstm`, which needs an argument


@pytest.mark.parametrize("text", [TEXT.replace("rleu", "relu"), TEXT.replace("rleu", "relu") + "# right\n"])
def test_a_right_text_is_checked_once(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a text without errors was tried again")

    monkeypatch.setattr(holding, "with_mends_that_hold", refuse)
    assert check_text(text) == ()


def test_tries_are_bounded() -> None:
    lines = "".join(f"  x{i} = image -> conv(3x3, 8) -> nn.ReLU() -> flatten\n" for i in range(9))
    text = TEXT.replace("  output", lines + "  output").replace("rleu", "relu")
    found = check_text(text)
    source = Source("<text>", text)
    own = [error(one.name, one.message, Span(source, one.primary.span.start, one.primary.span.end), help=one.help,
                 fix=Fix(Span(source, one.fix.span.start, one.fix.span.end), one.fix.text))
           for one in found if one.fix and one.primary]
    texts: list[str] = []
    with_mends_that_hold(own, source, counted(texts))
    assert len(own) == 9
    assert len(texts) == holding.ERRORS

    source, many = mistake(TEXT, *[f"no{i}" for i in range(40)])
    texts.clear()
    with_mends_that_hold([many], source, counted(texts))
    assert len(texts) == holding.TRIES


def test_large_texts_and_networks_are_not_tried() -> None:
    long = TEXT + "# " + "x" * holding.LARGEST + "\n"
    source, one = mistake(long, "nothing", "relu")
    texts: list[str] = []
    assert with_mends_that_hold([one], source, counted(texts)) == (one,)
    assert texts == []

    # A short text of many nodes: the check ends at its bound and tells nothing, so that the mend stays as it is.
    deep = TEXT.replace("-> rleu", "-> 20 * (20 * relu) -> rleu")
    source, one = mistake(deep, "gelu", "relu", "tanh")
    (kept,) = with_mends_that_hold([one], source, counted(texts))
    assert kept.help == one.help
    assert len(texts) == 1


def test_edits_of_an_imported_file_stay() -> None:
    source, one = mistake(TEXT, "nothing", "relu")
    other = Source("other.arch", "archlang 1\nblock b = relu\n")
    assert with_mends_that_hold([one], other, counted([])) == (one,)
    assert one.primary is not None
    assert one.primary.span.source is source
