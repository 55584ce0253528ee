"""Unfinished texts: as much as can be read is read, and no type is shown that the finished text has not."""

from __future__ import annotations

import random

import pytest

from archlang.editor.hints import shape_hints
from archlang.editor.outline import outline_of
from archlang.editor.reading import reading_of
from archlang.limits import Limits
from archlang.source import Source
from archlang.syntax import parse
from tests.editor.client import ROOT
from tests.editor.opened import NETWORK, opened

PLACES = sorted(random.Random(3).sample(range(len(NETWORK)), 40))


def statements(text: str) -> list[str]:
    """The names of the network's statements, as far as they can be read."""
    entered = outline_of(reading_of(Source("text", text)))
    return [inner.name for one in entered if one.part == "network" for inner in one.inner if inner.part != "dial"]


def types(text: str) -> dict[tuple[int, str], set[str]]:
    """The types behind each stage, by the place where it ends and all the text before it on its line."""
    _, document = opened(text)
    return {
        (hint.offset, text[text.rfind("\n", 0, hint.offset) : hint.offset]): set(hint.full.split("\n"))
        for hint in shape_hints(document)
    }


def test_a_whole_text_is_what_the_parser_reads() -> None:
    for path in (*ROOT.glob("examples/*.arch"), *ROOT.glob("archlang/std/*.arch")):
        text = path.read_text(encoding="utf-8")
        reading = reading_of(Source(path.name, text))
        assert reading.is_whole
        assert reading.tree == reading.firm == parse(Source(path.name, text))


@pytest.mark.parametrize(("broken", "left"), [
    ("-> max_pool(2x2", ["image", "low", "high", "logits", "output"]),
    ("-> max_pool(2x2) ->", ["image", "low", "high", "logits", "output"]),
    ("-> each { relu", ["image", "low", "high", "logits", "output"]),
    ("-> \"text", ["image", "low", "high", "logits", "output"]),
    ("\N{WHITE SMILING FACE}", ["image", "low", "high", "logits", "output"]),
    ("(", ["image", "low", "high", "logits", "output"]),
])
def test_one_unfinished_statement_leaves_the_others(broken: str, left: list[str]) -> None:
    assert statements(NETWORK.replace("-> max_pool(2x2)\n", broken + "\n", 1)) == left


def test_a_head_that_cannot_be_read_leaves_the_other_declarations() -> None:
    names = [one.name for one in outline_of(reading_of(Source("text", NETWORK.replace("paths = 2,", "paths = ,"))))]
    assert names == ["std.resnet", "unit", "train"]


@pytest.mark.parametrize("at", PLACES)
def test_the_beginning_of_a_text_shows_no_other_types(at: int) -> None:
    whole = types(NETWORK)
    shown = types(NETWORK[:at])
    for key, found in shown.items():
        if key in whole:
            assert found <= whole[key]


@pytest.mark.parametrize("sign", ["(", ")", "{", "}", "->", "=", '"', "\N{WHITE SMILING FACE}", " let "])
def test_a_wrong_sign_anywhere_shows_no_other_types(sign: str) -> None:
    whole = {key[1]: found for key, found in types(NETWORK).items()}
    body = range(NETWORK.index("  low"), NETWORK.index("}\ntrain"))
    seen = 0
    for at in random.Random(sign).sample(body, 8):
        text = NETWORK[:at] + sign + NETWORK[at:]
        if not reading_of(Source("text", text)).is_whole:
            shown = types(text)
            seen += len(shown)
            assert all(found <= whole[line] for (_, line), found in shown.items() if line in whole)
    assert seen or sign == "{"


def test_a_name_that_is_being_bound_is_unknown_elsewhere() -> None:
    # Were `low` the image, all behind it would have types that the finished text has not.
    shown = types(NETWORK.replace("image -> unit(16) -> max_pool(2x2)", "image -> unit(16) -> max_pool("))
    assert any("unit(16)" in line for _, line in shown)
    assert not any("fork" in line or "linear" in line for _, line in shown)


def test_braces_that_are_open_have_no_type_yet() -> None:
    text = NETWORK[: NETWORK.index("  logits")] + "  more = high -> fork(3) -> each { relu -> flatten"
    shown = {line.rsplit("-> ", 1)[-1]: found for (_, line), found in types(text).items() if "more" in line}
    assert shown == {"fork(3)": {"3 * [32, 8, 8]"}, "each { relu": {"[32, 8, 8]"}, "flatten": {"[2048]"}}


def test_a_block_that_is_being_written_hides_the_stage_of_its_name() -> None:
    text = NETWORK.replace("block unit(c) = conv(3x3, c) -> batch_norm -> relu", "block max_pool(k) = conv(3x3, ")
    assert not any("max_pool(2x2)" in line for _, line in types(text))


def test_a_long_text_is_read_as_soon_as_it_is_whole() -> None:
    long = "archlang 1\n" + "".join(f"let a{number} = {number}\n" for number in range(1_300))
    assert len(reading_of(Source("text", long)).tree.declarations) == 1_300
    unfinished = reading_of(Source("text", long + "let b ="))
    assert (unfinished.tree.declarations, unfinished.is_whole) == ((), False)
    assert len(unfinished.tokens) == 5_205


def test_a_text_that_is_too_large_is_not_looked_at() -> None:
    reading = reading_of(Source("text", NETWORK), Limits(file_bytes=100))
    assert (reading.tokens, reading.tree.declarations) == ((), ())
