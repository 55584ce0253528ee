"""Points in the plane by group, and functions over the plane as shaded panels; as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.views.elements import BLUE, WHITE, page, plain
from archlang.views.palette import FRAME, INK, QUIET, between
from archlang.views.patch_experts import colour

SIDE, GAP, LINE, DOT = 260, 16, 20, 1.8
SAND = (196, 164, 110)
"""The dark end of values below a half."""


@dataclass(frozen=True)
class Plane:
    """A square: a title, points (x, y, group) and, beneath them, values from 0 to 1 on an even grid, bottom row first.

    `bounds` are the least and the largest x, the least and the largest y.
    """

    title: str
    bounds: tuple[float, float, float, float]
    points: Sequence[tuple[float, float, int]]
    field: Sequence[Sequence[float]] = ()


def planes(shown: Sequence[Plane], groups: int, across: int = 3) -> str:
    """Draw planes side by side, `across` in a row; groups have colours, values shades (0.5 is white, darker is more).

    >>> planes([Plane("a", (0, 1, 0, 1), [(0.5, 0.5, 0)])], 2).count("<circle")
    1
    """
    parts: list[str] = []
    for place, one in enumerate(shown):
        left = GAP + place % across * (SIDE + GAP)
        top = GAP + place // across * (SIDE + LINE + GAP)
        parts += [_words(left, top + 12, one.title), *_plane(one, left, top + LINE, groups)]

    rows, columns = -(-len(shown) // across), min(len(shown), across)
    return page(GAP + columns * (SIDE + GAP), GAP + rows * (SIDE + LINE + GAP), parts, 12)


def _plane(one: Plane, left: float, top: float, groups: int) -> list[str]:
    parts = [*_field(one.field, left, top)]

    low_x, high_x, low_y, high_y = one.bounds
    for x, y, group in one.points:

        # Points that all lie on a line have no extent across it.
        across = (x - low_x) / ((high_x - low_x) or 1.0)
        up = (y - low_y) / ((high_y - low_y) or 1.0)
        parts.append(f'<circle cx="{left + SIDE * across:.1f}" cy="{top + SIDE * (1 - up):.1f}" r="{DOT}" '
                     f'fill="{_group_colour(group, groups)}"/>')

    parts.append(f'<rect x="{left}" y="{top}" width="{SIDE}" height="{SIDE}" fill="none" stroke="{FRAME}"/>')
    return parts


def _field(field: Sequence[Sequence[float]], left: float, top: float) -> list[str]:
    """Shade the plane by a function's values; cells overlap a little, so that no hairline shows between them."""
    parts = []
    step = SIDE / max(len(field), 1)
    for r, row in enumerate(field):
        for c, value in enumerate(row):
            parts.append(f'<rect x="{left + c * SIDE / len(row):.1f}" y="{top + SIDE - (r + 1) * step:.1f}" '
                         f'width="{SIDE / len(row) + 0.2:.1f}" height="{step + 0.2:.1f}" fill="{_shade(value)}"/>')
    return parts


def _group_colour(group: int, groups: int) -> str:
    """The colour of a group; points of none (below 0) are grey."""
    if group < 0:
        return QUIET
    return colour(group, groups)


def _shade(value: float) -> str:
    """White at a half, towards blue above and sand below: the contour of a half is where they meet."""
    end = SAND
    if value >= 0.5:
        end = BLUE
    # Twice as steep as a whole range would be: a half is white, 0.25 and 0.75 are already dark.
    return between(WHITE, end, abs(value - 0.5) * 4)


def _words(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{INK}">{plain(text)}</text>'
