"""Sizes of texts and boxes in points, without a font at hand: widths of Helvetica's letters in classes."""

from __future__ import annotations

from archlang.views.picture import Box

TEXT, SMALL = 11.0, 9.0
NARROW, WIDE = frozenset("ijlI.,:;|'!()[]{} ft"), frozenset("mwMW@%Σ×")


def text_width(text: str, size: float = TEXT) -> float:
    """About how wide a text is, rather more than less.

    >>> text_width("ill") < text_width("abc") < text_width("WMW")
    True
    """
    return size * sum(0.34 if c in NARROW else 0.9 if c in WIDE else 0.7 if c.isupper() else 0.58 for c in text)


def box_size(box: Box) -> tuple[float, float]:
    """Width and height of a box around its lines."""
    if box.look == "sum":
        return 22.0, 22.0
    widest, lines = max(text_width(line) for line in box.lines), len(box.lines)
    if box.look == "gate":
        return widest + 22.0, 20.0
    return widest + 22.0, 14.0 * lines + 10.0
