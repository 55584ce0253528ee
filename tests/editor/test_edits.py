"""Mends and renames: the text after them is judged by the compiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlang.diagnostics import did_you_mean
from archlang.editor.meaning import try_mends
from archlang.editor.problems import all_certain, fixes_of, formatted, problems_of
from archlang.editor.references import RefusedRename, places_of, renamed
from archlang.editor.text import applied
from archlang.editor.workspace import OpenFiles
from archlang.elaborate.network import check, check_text
from archlang.source import Source
from archlang.syntax import parse, print_file
from tests.editor.client import ROOT
from tests.editor.opened import NETWORK, opened

LIBRARY = 'archlang 1\nblock unit(c, k = 3) = conv(k, c) -> relu\nlet width = 8\n'
USER = ('archlang 1\nimport "./library.arch" (unit, width as w)\n'
        'network N {\n  input x: [3, 8, 8]\n  y = x -> unit(w) -> unit(c = 4, k = 1)\n  output y\n}\n')


def fixes(text: str, path: Path | None = None) -> list[tuple[str, str, bool]]:
    """The title of each mend, the text after it, and whether it is certain."""
    files, document = opened(text, path)
    assert document.meaning is not None
    problems = problems_of(files, document.now, document.meaning)
    return [(fix.title, applied(text, list(fix.edits)), fix.is_certain) for fix in fixes_of(problems, document.now)]


def test_near_names_mend_a_misspelt_one() -> None:
    found = fixes(NETWORK.replace("-> global_avg_pool", "-> global_avg_poll"))
    assert found[0] == ("Replace by `global_avg_pool`", NETWORK, False)


def test_near_names_are_read_as_they_are_written() -> None:
    # The form of the line is `did_you_mean`'s; here both meet.
    assert did_you_mean("rleu", ["relu", "conv"]) == ("did you mean `relu`?",)
    assert did_you_mean("blok", ["block", "blob", "clock"]) == ("did you mean `block`, `blob`, `clock`?",)


def test_mends_of_habits_are_those_of_check() -> None:
    path = ROOT / "examples" / "mistakes_pytorch.arch"
    text = path.read_text(encoding="utf-8")
    expected = [d.fix for d in check(path) if d.fix is not None]
    found = [fix for fix in fixes(text, path) if fix[2]]
    assert expected
    assert [after for _, after, _ in found] == [
        applied(text, [(fix.span.start, fix.span.end, fix.text)]) for fix in expected
    ]


@pytest.mark.parametrize("text", [
    "archlang 1\nnetwork N {\n  input x: [3, 8, 8]\n  y = x -> conv(3x3, ->\n  output y\n}\n",
    "import torch.nn as nn\n\nclass N(nn.Module):\n    def __init__(self):\n        self.fc = nn.Linear(8, 2)\n\n"
    "    def forward(self, x):\n        return self.fc(x)\n",
    "archlang 1\nnetwork N {\n  input x: [8]\n  def forward(self, x):\n    return x\n}\n",
    "", "archlang 2\n", "archlang 1\nlet a = \"b\n",
])
def test_mistakes_are_those_of_check_for_a_text_that_cannot_be_read(text: str) -> None:
    files, document = opened(text)
    assert document.meaning is not None
    assert document.meaning.diagnostics
    # `check` tries mends at once, an editor when it is asked for them.
    try_mends(document.meaning, files.situation(document.now))
    assert list(map(str, document.meaning.diagnostics)) == list(map(str, check_text(text)))


def test_all_certain_mends_at_once_leave_fewer_mistakes() -> None:
    path = ROOT / "examples" / "mistakes_pytorch.arch"
    text = path.read_text(encoding="utf-8")
    files, document = opened(text, path)
    assert document.meaning is not None
    problems = problems_of(files, document.now, document.meaning)
    after = applied(text, list(all_certain(list(fixes_of(problems, document.now)))))
    assert len(check_text(after)) < len(check_text(text))


def test_formatting_is_what_fmt_writes() -> None:
    _, document = opened(NETWORK)
    assert formatted(document.now) == print_file(parse(Source("text", NETWORK)))
    assert formatted(opened(NETWORK[:-3])[1].now) is None


@pytest.fixture
def two(tmp_path: Path) -> tuple[OpenFiles, Path, Path]:
    """A library on disk and an open file that uses it."""
    library, user = tmp_path / "library.arch", tmp_path / "user.arch"
    library.write_text(LIBRARY)
    user.write_text(USER)
    files, _ = opened(USER, user)
    return files, library, user


def after_rename(two: tuple[OpenFiles, Path, Path], word: str, name: str) -> tuple[str, str]:
    files, library, user = two
    document = files.documents[user.as_uri()]
    places = renamed(files, document.now, USER.index(word) + 1, name)
    texts = {library.as_uri(): LIBRARY, user.as_uri(): USER}
    for uri, (_, spans) in places.items():
        texts[uri] = applied(texts[uri], [(span.start, span.end, name) for span in spans])
    library.write_text(texts[library.as_uri()])
    user.write_text(texts[user.as_uri()])
    assert check(user) == check(library) == ()
    return texts[library.as_uri()], texts[user.as_uri()]


def test_a_rename_goes_through_all_files(two: tuple[OpenFiles, Path, Path]) -> None:
    assert after_rename(two, "unit(w)", "part") == (LIBRARY.replace("unit", "part"), USER.replace("unit", "part"))


def test_a_rename_behind_as_stays_in_its_file(two: tuple[OpenFiles, Path, Path]) -> None:
    library, user = after_rename(two, "w)", "wide")
    assert library == LIBRARY
    assert user == USER.replace("as w)", "as wide)").replace("unit(w)", "unit(wide)")


def test_a_rename_before_as_keeps_the_alias(two: tuple[OpenFiles, Path, Path]) -> None:
    library, user = after_rename(two, "width as", "wide")
    assert library == LIBRARY.replace("width", "wide")
    assert user == USER.replace("width as w", "wide as w")


def test_a_rename_of_a_parameter_reaches_the_calls_of_other_files(two: tuple[OpenFiles, Path, Path]) -> None:
    library, user = after_rename(two, "k = 1", "size_of")
    assert library == LIBRARY.replace("k = 3", "size_of = 3").replace("conv(k,", "conv(size_of,")
    assert user == USER.replace("k = 1", "size_of = 1")


def test_references_are_found_in_all_files(two: tuple[OpenFiles, Path, Path]) -> None:
    files, library, user = two
    document = files.documents[user.as_uri()].now
    declared = files.meant(document, USER.index("unit(w)"))
    assert declared is not None
    assert declared.file.place.path == library
    found = [(Path(one.file.place.name).name, one.span.text) for one in places_of(files, declared)]
    assert found == [("library.arch", "unit")] + [("user.arch", "unit")] * 3


@pytest.mark.parametrize(("word", "name"), [
    ("unit(16)", "conv"),       # a stage that the file uses
    ("unit(16)", "low"),        # a name of the network
    ("unit(16)", "basic"),      # a name that is imported
    ("low  =", "high"),         # bound a second time
    ("low  =", "paths"),        # hides a dial
    ("paths = 2", "image"),     # hides a tensor
    ("low  =", "network"),      # reserved
    ("low  =", "two words"), ("low  =", "1st"), ("low  =", ""), ("low  =", "x" * 65),
    ("relu", "gelu"),           # the catalogue's
    ("basic(64", "base"),       # the standard library's
])
def test_a_rename_that_would_change_a_meaning_is_refused(word: str, name: str) -> None:
    files, document = opened(NETWORK)
    with pytest.raises(RefusedRename):
        renamed(files, document.now, NETWORK.index(word) + 1, name)


def test_a_rename_that_would_catch_a_word_of_the_catalogue_is_refused() -> None:
    # With the new name the text is right all the same, and its second router is another one.
    text = ("archlang 1\nnetwork N {\n  input x: [3, 8, 8]\n  let mixed = cross_stitch\n"
            "  y = x -> fork(2) -> route(mixed) -> route(cross_connection) -> sum\n  output y\n}\n")
    assert check_text(text) == ()
    assert not [d for d in check_text(text.replace("mixed", "cross_connection")) if d.severity == "error"]
    files, document = opened(text)
    with pytest.raises(RefusedRename, match="has a meaning already"):
        renamed(files, document.now, text.index("mixed"), "cross_connection")


def test_a_rename_in_a_text_that_cannot_be_read_is_refused() -> None:
    text = NETWORK.replace("linear(classes)", "linear(classes")
    files, document = opened(text)
    with pytest.raises(RefusedRename, match="mistakes in its form"):
        renamed(files, document.now, text.index("low  ="), "lower")
