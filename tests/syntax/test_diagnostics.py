"""Every kind of syntax mistake, each at its place."""

from __future__ import annotations

import pytest

from archlang.diagnostics import ArchError
from archlang.diagnostics.kinds import SYNTAX
from archlang.syntax import decode
from tests.syntax.helpers import PRAGMA, mistakes, names, place

CASES: list[tuple[str, str, tuple[int, int, str]]] = [
    ("missing-pragma", "let a = 1\n", (1, 1, "let a = 1")),
    ("missing-pragma", "", (1, 1, "")),
    ("missing-pragma", "# first\narchlang 1\n", (2, 1, "archlang")),
    ("missing-pragma", "archlang\nlet a = 1\n", (1, 9, "")),
    ("missing-pragma", "archlang 1 let a = 1\n", (1, 12, "let")),
    ("unsupported-version", "archlang 2\n", (1, 10, "2")),
    ("unsupported-version", "archlang 1.0\n", (1, 10, "1.0")),
    ("bad-character", PRAGMA + "let a = $\n", (2, 9, "$")),
    ("bad-character", PRAGMA + "let a = 'text' \n", (2, 9, "'text'")),
    ("bad-character", PRAGMA + "let a = b && c\n", (2, 11, "&&")),
    ("bad-character", PRAGMA + "block b = a \u2192 c\n", (2, 13, "\u2192")),
    ("bad-character", PRAGMA + "let \u00e4 = 1\n", (2, 5, "\u00e4")),
    ("hidden-character", PRAGMA + "let a = 1 # \u202e evil\n", (2, 13, "\u202e")),
    ("hidden-character", PRAGMA + 'let a = "\u200b"\n', (2, 10, "\u200b")),
    ("hidden-character", PRAGMA + "let a\x00 = 1\n", (2, 6, "\x00")),
    ("hidden-character", PRAGMA + '"""\x1b[31m"""\n', (2, 4, "\x1b[31m")),
    ("hidden-character", PRAGMA + "let a = 1\rlet b = 2\n", (2, 10, "\r")),
    ("bad-number", PRAGMA + "let a = 3abc\n", (2, 9, "3abc")),
    ("bad-number", PRAGMA + "let a = 3x\n", (2, 9, "3x")),
    ("bad-number", PRAGMA + "let a = 3x3x3x3\n", (2, 9, "3x3x3x3")),
    ("bad-number", PRAGMA + "let a = .5\n", (2, 9, ".5")),
    ("bad-number", PRAGMA + "let a = 5.\n", (2, 9, "5.")),
    ("bad-number", PRAGMA + "let a = 1_000\n", (2, 9, "1_000")),
    ("bad-number", PRAGMA + "let a = 1e\n", (2, 9, "1e")),
    ("bad-escape", PRAGMA + 'let a = "one \\q two"\n', (2, 14, "\\q")),
    ("bad-escape", PRAGMA + 'let a = "\\u{d800}"\n', (2, 10, "\\u{d800}")),
    ("unclosed-string", PRAGMA + 'let a = "one\nlet b = 2\n', (2, 9, '"one')),
    ("unclosed-string", PRAGMA + 'let a = "one\\\n', (2, 9, '"one\\')),
    ("unclosed-string", PRAGMA + '"""one\nlet b = 2\n', (2, 1, '"""')),
    ("unclosed-bracket", PRAGMA + "block b(c) = conv(c\nlet x = 1\n", (2, 20, "")),
    ("unclosed-bracket", PRAGMA + "network N {\n  input x: [3, 2\n  output x\n}\n", (3, 17, "")),
    ("unclosed-bracket", PRAGMA + "network N {\n  x = add(3, 4\n  y = z\n}\n", (3, 15, "")),
    ("unclosed-bracket", PRAGMA + "network N {\n  x = each {\n    relu\n  y = z\n}\n", (4, 9, "")),
    ("unclosed-bracket", PRAGMA + "block b {\n  output in -> parallel { relu; gelu -> sum\n}\n", (3, 44, "")),
    ("unclosed-bracket", PRAGMA + "network N(a = 2 {\n  input x: [3]\n}\n", (2, 16, "")),
    ("unclosed-bracket", PRAGMA + "network N {\n  input x: [3]\n  output x\n", (4, 11, "")),
    ("unclosed-bracket", PRAGMA + "block b = each { f(1 }\n", (2, 21, "")),
    ("unmatched-bracket", PRAGMA + "let a = 1)\n", (2, 10, ")")),
    ("unmatched-bracket", PRAGMA + "let a = f(1]\n", (2, 12, "]")),
    ("unexpected-token", PRAGMA + "let a = = 1\n", (2, 9, "=")),
    ("unexpected-token", PRAGMA + "let a =\nlet b = 2\n", (2, 8, "")),
    ("unexpected-token", PRAGMA + "network N {\n  y = x ->\n  output y\n}\n", (3, 11, "")),
    ("unexpected-end", PRAGMA + "let a =\n", (2, 8, "")),
    ("unexpected-end", PRAGMA + "network N  # and then?\n\n\n", (2, 10, "")),
    ("reserved-word", PRAGMA + "let at = 1\n", (2, 5, "at")),
    ("brace-in-head", PRAGMA + "block b = if each { relu } { gelu }\n", (2, 28, "{")),
    ("brace-in-head", PRAGMA + "block b = if each { relu } == x { gelu }\n", (2, 19, "{ relu }")),
    ("mixed-body", PRAGMA + "block b {\n  relu;\n  x = in\n}\n", (4, 3, "x = in")),
    ("mixed-body", PRAGMA + "block b {\n  x = in\n  relu -> gelu\n}\n", (4, 3, "relu")),
    ("empty-body", PRAGMA + "block b = each { }\n", (2, 16, "{ }")),
    ("empty-body", PRAGMA + 'network N { """only words""" }\n', (2, 11, '{ """only words""" }')),
    ("empty-body", PRAGMA + "train { ; }\n", (2, 7, "{ ; }")),
    ("misplaced-statement", PRAGMA + "block b {\n  input x: [3]\n  output x\n}\n", (3, 3, "input x: [3]")),
    ("misplaced-statement", PRAGMA + "network N { relu }\n", (2, 13, "relu")),
    ("misplaced-statement", PRAGMA + "network N { phase a { b = 1 } }\n", (2, 13, "phase a { b = 1 }")),
    ("misplaced-statement", PRAGMA + "train { output x }\n", (2, 9, "output x")),
    ("misplaced-statement", PRAGMA + "train { phase a { step b { c = 1 } } }\n", (2, 19, "step b { c = 1 }")),
    ("positional-after-keyword", PRAGMA + "let a = f(x = 1, 2)\n", (2, 18, "2")),
    ("positional-after-keyword", PRAGMA + "network N { input x: [3] (mean = 1, 2) output x }\n", (2, 37, "2")),
]


@pytest.mark.parametrize(("name", "text", "where"), CASES)
def test_kind_and_place(name: str, text: str, where: tuple[int, int, str]) -> None:
    (mistake,) = mistakes(text)
    assert (mistake.name, place(mistake)) == (name, where)


def test_every_syntax_kind_is_shown() -> None:
    assert {name for name, _, _ in CASES} | {"not-utf8"} == set(SYNTAX)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"archlang 1\n# \xff\n", (2, 3, "\ufffd")),
        (b"\xfe\xff", (1, 1, "\ufffd")),
        (b"archlang 1\n\xc3", (2, 1, "\ufffd")),
    ],
)
def test_bytes_that_are_not_utf8(data: bytes, where: tuple[int, int, str]) -> None:
    with pytest.raises(ArchError) as problem:
        decode(data, "test.arch")
    (mistake,) = problem.value.diagnostics
    assert (mistake.name, place(mistake)) == ("not-utf8", where)


def test_a_byte_order_mark_is_skipped() -> None:
    assert decode(b"\xef\xbb\xbfarchlang 1\n", "test.arch").text == PRAGMA


def test_all_mistakes_show_in_one_run_and_none_twice() -> None:
    text = PRAGMA + (
        "let a = 3abc\n"
        "let b = [1 2]\n"
        "network N {\n"
        "  input x: [3]\n"
        "  y = x -> \n"
        "  z = y relu\n"
        "  output z + \n"
        "}\n"
        "let c = 'd'\n"
        "train { phase e { } }\n"
    )
    assert [(one.name, place(one)[0]) for one in mistakes(text)] == [
        ("bad-number", 2),
        ("unexpected-token", 3),
        ("unexpected-token", 6),
        ("unexpected-token", 7),
        ("unexpected-token", 8),
        ("bad-character", 10),
        ("empty-body", 11),
    ]


def test_behind_a_broken_bracket_nothing_is_guessed() -> None:
    text = PRAGMA + "let a = = 1\nlet b = f(1\nlet c = = 2\n"
    assert [(one.name, place(one)[0]) for one in mistakes(text)] == [("unexpected-token", 2), ("unclosed-bracket", 3)]


def test_what_could_stand_there_is_said_in_words() -> None:
    (mistake,) = mistakes(PRAGMA + "let x == 3\n")
    assert mistake.primary is not None and mistake.primary.text == "expected `=`"
    (mistake,) = mistakes(PRAGMA + "let y = [1, , 2]\n")
    assert mistake.primary is not None and mistake.primary.text == "expected a value or `]`"


def test_long_and_hostile_text_is_not_echoed_whole() -> None:
    (mistake,) = mistakes(PRAGMA + f'let x = 1 "{"y" * 900}"\n')
    assert len(mistake.message) + sum(map(len, mistake.help)) < 300
    assert names(PRAGMA + "let \x1b[31m = 1") == ["hidden-character"]
