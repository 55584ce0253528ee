"""Maps of kernel positions as heat maps, and curves over training, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.views.canvas.plot import Plot, colour_bar
from archlang.views.canvas.scales import linear, names
from archlang.views.canvas.shapes import Page, abreast, margin, stacked

CELL = 34.0


@dataclass(frozen=True)
class Map:
    """A map with its title; values from 0 to 1, row by row."""

    title: str
    rows: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Curve:
    """A curve with its name: (x, y) points."""

    name: str
    points: Sequence[tuple[float, float]]


def heatmaps(maps: Sequence[Map], curves: Sequence[Curve] = (), across: int = 5, along: str = "iterations",
             up: str = "dispersion of positions", bar: str = "mean magnitude, largest 1") -> Page:
    """Draw maps side by side, `across` in a row, the largest value of each in bold; below them curves in one frame."""
    parts = []
    if maps:
        shown = [_map(one) for one in maps]
        parts.append(abreast([abreast(shown, across, 18.0), colour_bar(0.0, 1.0, bar)], 2, 26.0))
    if curves:
        parts.append(courses(curves, along, up))
    return margin(stacked(parts, 22.0))


def courses(curves: Sequence[Curve], along: str, up: str, title: str = "", percent: bool = False) -> Page:
    """Draw curves in one frame, each with its name at its end."""
    every = [point for curve in curves for point in curve.points]
    low = min((y for _, y in every), default=0.0)
    # Numbers that cannot be negative have their axis from 0 on.
    floor = 0.0
    if low < 0:
        floor = low * 1.05

    x = linear([x for x, _ in every], along, room=0.0)
    plot = Plot(title, x, linear([y for _, y in every], up, low=floor, percent=percent), 420.0, 220.0)
    for number, curve in enumerate(curves):
        plot.line(curve.points, curve.name, number)
    return plot.page()


def _map(one: Map) -> Page:
    rows, columns = len(one.rows), len(one.rows[0])
    # Rows are counted from the top, as in a kernel.
    x, y = names([str(i + 1) for i in range(columns)]), names([str(i) for i in range(rows, 0, -1)])
    plot = Plot(one.title, x, y, CELL * columns, CELL * rows)
    plot.cells(one.rows, 0.0, 1.0, ".2f")
    return plot.page()
