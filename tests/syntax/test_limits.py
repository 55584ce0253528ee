"""Every limit of a file's form: a text at the limit, and one past it, which is refused at its place."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from archlang.diagnostics import ArchError
from archlang.limits import DEFAULT
from archlang.source import Source
from archlang.syntax import decode, parse, print_file
from tests.syntax.helpers import PRAGMA, mistakes, names, place


def test_file_size() -> None:
    data = PRAGMA.encode() + b"#" * (DEFAULT.file_bytes - len(PRAGMA))
    parse(decode(data, "test.arch"))
    with pytest.raises(ArchError) as problem:
        decode(data + b"#", "test.arch")
    assert [one.name for one in problem.value.diagnostics] == ["file-too-large"]
    assert names(data.decode() + "#") == ["file-too-large"]


def test_tokens() -> None:
    limits = replace(DEFAULT, tokens=10)
    assert names(PRAGMA + "let a = 1 let b = 2", limits) == []
    (mistake,) = mistakes(PRAGMA + "let a = 1 let b = 2;", limits)
    assert (mistake.name, place(mistake)) == ("too-many-tokens", (2, 20, ";"))


def test_name() -> None:
    assert names(PRAGMA + f"let {'a' * 64} = 1") == []
    (mistake,) = mistakes(PRAGMA + f"let {'a' * 65} = 1")
    assert (mistake.name, place(mistake)) == ("name-too-long", (2, 5, "a" * 65))


def test_string() -> None:
    assert names(PRAGMA + f'let a = "{"x" * 1024}"') == []
    (mistake,) = mistakes(PRAGMA + f'let a = "{"x" * 1025}"')
    assert (mistake.name, place(mistake)[:2]) == ("string-too-long", (2, 9))


def test_doc_string() -> None:
    assert names(PRAGMA + f'"""{"x" * DEFAULT.doc}"""') == []
    (mistake,) = mistakes(PRAGMA + f'"""{"x" * (DEFAULT.doc + 1)}"""')
    assert (mistake.name, place(mistake)[:2]) == ("string-too-long", (2, 1))


@pytest.mark.parametrize("number", [DEFAULT.integer + 1, "9" * 5000, "1e999", f"3x{DEFAULT.integer + 1}"])
def test_number(number: object) -> None:
    assert names(PRAGMA + f"let a = {DEFAULT.integer}\nlet b = 3x{DEFAULT.integer}\nlet c = 1e300") == []
    (mistake,) = mistakes(PRAGMA + f"let a = {number}")
    assert (mistake.name, place(mistake)) == ("number-too-large", (2, 9, str(number)))


@pytest.mark.parametrize("sign", ["+", "*", "or", "and", "%"])
def test_terms(sign: str) -> None:
    assert names(PRAGMA + "let a = " + f" {sign} ".join(["x"] * 256)) == []
    (mistake,) = mistakes(PRAGMA + "let a = " + f" {sign} ".join(["x"] * 256 + ["y", "x"]))
    assert (mistake.name, place(mistake)[2]) == ("expression-too-long", "y")


DEEP = [
    ("(", "x", ")"), ("[", "x", "]"), ("f(", "x", ")"), ("each { ", "x", " }"), ("x[", "x", "]"),
    ("not ", "x", ""), ("- ", "x", ""), ("if a { b } else ", "if a { b }", ""), ("for a in b { ", "x", " }"),
]  # fmt: skip


@pytest.mark.parametrize(("opening", "core", "closing"), DEEP)
def test_nesting(opening: str, core: str, closing: str) -> None:
    def nested(depth: int) -> str:
        return PRAGMA + "let a = " + opening * depth + core + closing * depth

    assert names(nested(64)) == []
    (mistake,) = mistakes(nested(65))
    assert mistake.name == "nesting-too-deep"
    assert names(nested(12_000))[0] in ("nesting-too-deep", "too-many-tokens")


def test_what_is_deep_in_several_ways_at_once_is_refused_before_anything_recurses() -> None:
    def nested(depth: int) -> str:
        return PRAGMA + "let a = " + "(not - x + (x -> f(" * depth + "x" + ")))" * depth

    parse(Source("deep.arch", nested(20)))
    assert names(nested(21)) == []
    assert names(nested(30)) == ["nesting-too-deep"]
    text = PRAGMA + "let a = " + "(x + " * 64 + "x" + ")" * 64 + " + x" * 100
    assert parse(Source("again.arch", print_file(parse(Source("deep.arch", text))))) == parse(Source("deep.arch", text))


def test_chains_without_depth_may_be_long() -> None:
    text = PRAGMA + "let a = " + " -> ".join(["x"] * 5000) + "\nlet b = [" + "1, " * 9000 + "]\nlet c = d" + "(1)" * 200
    assert names(text) == []
    assert names(PRAGMA + "let c = d" + "(1)" * 400) == ["nesting-too-deep"]


@pytest.mark.parametrize(
    "text",
    ["let " * 50_000, "let a = = 1\n" * 9_000, "(" * 60_000, "- " * 60_000, "#" * 200_000, '"' * 60_000,
     "if x {" * 9_000, "network N { " + "a = = 1\n" * 9_000 + "}", "let a = [\n" + "1 # c\n,\n" * 9_000 + "]",
     "$" * 60_000, "a b " * 20_000, "network N(" + "a = 1, " * 8_000 + ") {" + "a = = 1\n" * 4_000 + "}"],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_hostile_files_are_refused_in_short_time(text: str) -> None:
    start = time.process_time()
    mistakes(PRAGMA + text)
    assert time.process_time() - start < 10
