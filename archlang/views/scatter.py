"""Points in the plane by group, and functions over the plane as shaded panels; as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from archlang.views.palette import FONT, FRAME, INK, QUIET
from archlang.views.patch_experts import colour

SIDE, GAP, LINE, DOT = 260, 16, 20, 1.8


@dataclass(frozen=True)
class Panel:
    """A square: a title, points (x, y, group) and, beneath them, values from 0 to 1 on an even grid, bottom row first.

    `bounds` are the least and the largest x, the least and the largest y.
    """

    title: str
    bounds: tuple[float, float, float, float]
    points: Sequence[tuple[float, float, int]]
    field: Sequence[Sequence[float]] = ()


def panels(found: Sequence[Panel], groups: int, across: int = 3) -> str:
    """Panels side by side, `across` in a row; groups have colours, values shades (0.5 is white, darker is more).

    >>> panels([Panel("a", (0, 1, 0, 1), [(0.5, 0.5, 0)])], 2).count("<circle")
    1
    """
    parts: list[str] = []
    for place, one in enumerate(found):
        left = GAP + place % across * (SIDE + GAP)
        top = GAP + place // across * (SIDE + LINE + GAP)
        parts += [_words(left, top + 12, one.title), *_panel(one, left, top + LINE, groups)]
    rows, columns = -(-len(found) // across), min(len(found), across)
    wide, high = GAP + columns * (SIDE + GAP), GAP + rows * (SIDE + LINE + GAP)
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
            f'font-family={quoteattr(FONT)} font-size="12">')
    return "\n".join([head, f'<rect width="{wide}" height="{high}" fill="white"/>', *parts, "</svg>", ""])


def _panel(one: Panel, left: float, top: float, groups: int) -> list[str]:
    low_x, high_x, low_y, high_y = one.bounds
    parts = []
    step = SIDE / max(len(one.field), 1)
    for r, row in enumerate(one.field):
        for c, value in enumerate(row):
            parts.append(f'<rect x="{left + c * SIDE / len(row):.1f}" y="{top + SIDE - (r + 1) * step:.1f}" '
                         f'width="{SIDE / len(row) + 0.2:.1f}" height="{step + 0.2:.1f}" fill="{_shade(value)}"/>')
    for x, y, group in one.points:
        across = (x - low_x) / ((high_x - low_x) or 1.0)
        up = (y - low_y) / ((high_y - low_y) or 1.0)
        parts.append(f'<circle cx="{left + SIDE * across:.1f}" cy="{top + SIDE * (1 - up):.1f}" r="{DOT}" '
                     f'fill="{colour(group, groups) if group >= 0 else QUIET}"/>')
    parts.append(f'<rect x="{left}" y="{top}" width="{SIDE}" height="{SIDE}" fill="none" stroke="{FRAME}"/>')
    return parts


def _shade(value: float) -> str:
    """White at a half, towards blue above and sand below: the contour of a half is where they meet."""
    share = min(abs(value - 0.5) * 4, 1.0)
    end = (23, 62, 122) if value >= 0.5 else (196, 164, 110)
    red, green, blue = (round(255 + (part - 255) * share) for part in end)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _words(x: float, y: float, text: str) -> str:
    plain = escape("".join(c if c.isprintable() else " " for c in text))
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{INK}">{plain}</text>'
