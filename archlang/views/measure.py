"""Sizes of texts and boxes in points, without a font at hand: widths of Helvetica's letters in classes."""

from __future__ import annotations

from functools import lru_cache

from archlang.views.picture import Box

TEXT, SMALL = 11.0, 9.0
NARROW, WIDE = frozenset("ijlI.,:;|'!()[]{} ft"), frozenset("mwMW@%Σ×")


@lru_cache(maxsize=1 << 12)  # the labels of a network are few, and are asked for often
def text_width(text: str, size: float = TEXT) -> float:
    """Estimate how wide a text is, rather more than less.

    >>> text_width("ill") < text_width("abc") < text_width("WMW")
    True
    """
    return size * sum(map(_letter_width, text))


def _letter_width(letter: str) -> float:
    """The width of a letter, as a share of the size of the letters."""
    if letter in NARROW:
        return 0.34
    if letter in WIDE:
        return 0.9
    if letter.isupper():
        return 0.7
    return 0.58


def box_size(box: Box) -> tuple[float, float]:
    """Return the width and the height of a box around its lines."""
    if box.look == "sum":
        return 22.0, 22.0

    widest, lines = max(text_width(line) for line in box.lines), len(box.lines)
    if box.look == "gate":
        return widest + 22.0, 20.0
    return widest + 22.0, 14.0 * lines + 10.0
