"""Places in UTF-16 units and edits of them, beside Python's own encoder."""

from __future__ import annotations

import random

import pytest

from archlang.editor.text import Edit, OpenText, TextPlace, TextRange, applied
from tests.editor.client import offset, position

PARTS = ["a", "\N{MATHEMATICAL BOLD SMALL A}", "\u00e9", "\t", "\n", "\r\n", "\r", "\u2028", "\x0c", "\x85", "->", " "]


def texts(count: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(PARTS, k=rng.randint(0, 30))) for _ in range(count)]


def cursors(text: str) -> list[int]:
    """The places at which a cursor can stand."""
    return [at for at in range(len(text) + 1) if text[max(at - 1, 0) : at + 1] != "\r\n"]


def place(text: str, at: int) -> TextPlace:
    told = position(text, at)
    return TextPlace(told["line"], told["character"])


@pytest.mark.parametrize("text", texts(60))
def test_places_are_those_of_the_encoder(text: str) -> None:
    ours = OpenText(text)
    for at in cursors(text):
        assert ours.place(at) == place(text, at)
        assert ours.offset(place(text, at)) == at == offset(text, position(text, at))


def test_a_place_behind_a_line_is_its_end() -> None:
    text = OpenText("ab\r\ncd")
    assert [text.offset(TextPlace(*p)) for p in ((0, 99), (9, 0), (1, 99), (-1, 5))] == [2, 6, 6, 0]


def test_a_place_inside_a_character_is_before_it() -> None:
    assert OpenText("a\N{PILE OF POO}b").offset(TextPlace(0, 2)) == 1


def test_edits_are_made_one_after_the_other() -> None:
    rng = random.Random(1)
    for text in texts(60, seed=2):
        wanted, edits = text, []
        for _ in range(4):
            start, end = sorted(rng.choices(cursors(wanted), k=2))
            new = "".join(rng.choices(PARTS, k=3))
            edits.append(Edit(TextRange(place(wanted, start), place(wanted, end)), new))
            wanted = wanted[:start] + new + wanted[end:]
        assert OpenText(text).edited(edits).text == wanted


def test_halves_of_a_character_from_two_edits_become_one() -> None:
    whole = "\N{PILE OF POO}".encode("utf-16-be")
    first, second = (whole[i : i + 2].decode("utf-16-be", "surrogatepass") for i in (0, 2))
    at = TextPlace(0, 1)
    assert OpenText("x").edited([Edit(TextRange(at, at), first)]).edited([
        Edit(TextRange(TextPlace(0, 2), TextPlace(0, 2)), second)
    ]).text == "x\N{PILE OF POO}"


def test_several_replacements_at_once() -> None:
    assert applied("one two three", [(8, 13, "3"), (0, 3, "1")]) == "1 two 3"
