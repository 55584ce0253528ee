"""Texts joined with texts and whole numbers, and modules that are called so."""

from __future__ import annotations

import pytest

from archlang.elaborate.network import loads
from archlang.source import Source
from archlang.syntax import parse
from archlang.syntax.printer import print_file
from tests.elaborate.texts import names, net, text, wrong


@pytest.mark.parametrize(("body", "expected"), [
    ('output x -> conv(1x1, 4) as "stem"', ["stem"]),
    ('output x -> conv(1x1, 4) as ("stage" + 1)', ["stage1"]),
    ('output x -> for i in range(2) { conv(1x1, 4) as ("c" + (i + 3)) }', ["loop.0.c3", "loop.1.c4"]),
    ('output x -> for (n, c) in [("a", 4), ("b", 5)] { conv(1x1, c) as (n + "_" + c) }', ["loop.0.a_4", "loop.1.b_5"]),
    ('let s = "st" + "em"\n  output x -> (conv(1x1, 4) -> relu) as (s)', ["stem.conv", "stem.relu"]),
    ('output x -> conv(1x1, 4) as ("s" + 1) -> relu as ("s" + 1)', ["s1", "s1_2"]),
    ('output x -> 2 * (conv(1x1, in.channels + 1) as ("s" + 1))', ["s1.0", "s1.1"]),
    ('y = parameter([4, 8, 8]) as ("p" + 1)\n  output (x, y) -> concat', ["y.p1", "concat"]),
    ('output x -> conv(1x1, 4) as (if true { "a" } else { "b" })', ["a"]),
    ('output x -> conv(1x1, 4) as (1 + 1 + "x" + 3 == "2x3" and true)', []),
])
def test_names_of_modules(body: str, expected: list[str]) -> None:
    if expected:
        assert names(net(body)) == expected
    else:
        assert wrong(text(body)) == ["wrong-kind"]


@pytest.mark.parametrize("name", [
    '"2nd"', '"a b"', '""', '"a.b"', '"input"', '("é")', '(3)', '("a" + 1.5)', '("a" + true)', '("a" + [1])',
    '("a" - 1)', f'("{"a" * 60}" + 123456)',
])
def test_what_is_no_name(name: str) -> None:
    assert wrong(text(f"output x -> relu as {name}")) == ["wrong-kind"]


def test_texts_are_not_too_long() -> None:
    body = "\n".join(f"  let t{i} = t{i - 1} + t{i - 1}" for i in range(1, 12))
    assert "string-too-long" in wrong(text(f"{body}\n  output x -> relu as (t11)", 'let t0 = "ab"\n'))


def test_a_text_comes_back() -> None:
    source = text('  output x -> conv(1x1, 4) as "stem" -> relu as ("a" + 1)')
    tree = parse(Source("x.arch", source))
    printed = print_file(tree)
    assert 'conv(1x1, 4) as stem -> relu as ("a" + 1)' in printed
    assert parse(Source("x.arch", printed)) == tree
    assert names(loads(loads(source).text)) == ["stem", "a1"]
