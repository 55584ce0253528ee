"""Points in the plane by group, and functions over the plane as shaded panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.views.canvas.plot import Plot, colour_bar
from archlang.views.canvas.scales import linear
from archlang.views.canvas.shapes import Page, Rectangle, abreast, margin
from archlang.views.elements import shade
from archlang.views.palette import INK

SIDE, DOT = 230.0, 1.8
BANDS = 10
"""Shades of a function's values: the steps between them are its contours."""


@dataclass(frozen=True)
class Plane:
    """A square: a title, points (x, y, group) and, beneath them, values from 0 to 1 on an even grid, bottom row first.

    `bounds` are the least and the largest x, the least and the largest y. `axes` says what x and y are. Groups with
    a name in `names` have it in the middle of their points.
    """

    title: str
    bounds: tuple[float, float, float, float]
    points: Sequence[tuple[float, float, int]]
    field: Sequence[Sequence[float]] = ()
    axes: tuple[str, str] = ("x", "y")
    names: Sequence[str] = ()


def planes(shown: Sequence[Plane], across: int = 3) -> Page:
    """Draw planes side by side, `across` in a row; groups have colours, values of a function shades and contours."""
    pages = [_plane(one) for one in shown]
    # Without a function there is nothing that a colour bar would tell.
    if not any(one.field for one in shown):
        return margin(abreast(pages, across))
    return margin(abreast([abreast(pages, across), colour_bar(0.0, 1.0, "value of the function", 160.0)], 2))


def _plane(one: Plane) -> Page:
    low_x, high_x, low_y, high_y = one.bounds
    x, y = (linear((), label, low, high) for label, low, high in
            zip(one.axes, (low_x, low_y), (high_x, high_y), strict=True))
    plot = Plot(one.title, x, y, SIDE, SIDE, grid=False)

    _shaded(plot, one.field)
    for left, up, group in one.points:
        plot.dot(left, up, group, DOT)
    for group, name in enumerate(one.names):
        _named(plot, name, [(px, py) for px, py, g in one.points if g == group])
    return plot.page()


def _shaded(plot: Plot, field: Sequence[Sequence[float]]) -> None:
    """Shade the plane by a function's values, in bands; neighbours of one band are one rectangle."""
    tall = SIDE / max(len(field), 1)
    for r, row in enumerate(field):
        wide = SIDE / len(row)
        start = 0
        for c in range(1, len(row) + 1):
            if c < len(row) and _band(row[c]) == _band(row[start]):
                continue
            top = SIDE - (r + 1) * tall
            tone = shade(_band(row[start]) / (BANDS - 1) * 0.8)  # points must stand out from the darkest band
            plot.shapes.append(Rectangle(start * wide, top, (c - start) * wide + 0.3, tall + 0.3, tone))
            start = c


def _band(value: float) -> int:
    return min(max(int(value * BANDS), 0), BANDS - 1)


def _named(plot: Plot, name: str, points: Sequence[tuple[float, float]]) -> None:
    """Write the name of a group in the middle of its points, on a white ground."""
    if not points:
        return
    middle = [sorted(column)[len(points) // 2] for column in zip(*points, strict=True)]
    x, y = plot.at(middle[0], middle[1])
    wide = 6.0 * len(name) + 6
    plot.shapes.append(Rectangle(x - wide / 2, y - 7, wide, 14, "#ffffff", None, 3.0, 0.75))
    plot.words(middle[0], middle[1], name, INK, "middle", 11.0)
