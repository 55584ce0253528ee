"""Maps of kernel positions as heat maps, and curves over training, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.views.canvas.labels import labels
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

    x = linear([x for x, _ in every], along, room=0.0, whole=True)
    plot = Plot(title, x, linear([y for _, y in every], up, low=floor, percent=percent), 420.0, 220.0)
    for number, curve in enumerate(curves):
        plot.line(curve.points, curve.name, number)
    return plot.page()


def trade_curve(points: Sequence[tuple[str, float, float]], across: str, up: str) -> Page:
    """Draw shares against shares, a dot with its name for each, joined in the order of the lying axis."""
    x = linear([x for _, x, _ in points], across, percent=True)
    plot = Plot("", x, linear([y for *_, y in points], up, room=0.12, percent=True), 380.0, 220.0)
    plot.line(sorted((x, y) for _, x, y in points), "", 0, 1.0)
    for name, right, high in points:
        plot.dot(right, high, 0, 3.5, name)
    spots = [plot.at(right, high) for _, right, high in points]
    plot.shapes += labels(spots, [name for name, *_ in points], 380.0, 220.0)
    return margin(plot.page())


def _map(one: Map) -> Page:
    rows, columns = len(one.rows), len(one.rows[0])
    # Rows are counted from the top, as in a kernel.
    x, y = names([str(i + 1) for i in range(columns)]), names([str(i) for i in range(rows, 0, -1)])
    plot = Plot(one.title, x, y, CELL * columns, CELL * rows)
    plot.cells(one.rows, 0.0, 1.0, ".2f")
    return plot.page()


def learning_page(frames: Sequence[tuple[str, Sequence[tuple[str, Sequence[tuple[float, float]]]]]]) -> Page:
    """Draw a frame for each figure, a line for each run: (figure, [(run, [(epoch, value)])])."""
    shown = []
    for name, runs in frames:
        values = [value for _, course in runs for _, value in course]
        ends = [epoch for _, course in runs for epoch, _ in course]
        percent = name.endswith("accuracy")
        epochs = linear(ends, "epoch", room=0.0, whole=True)
        plot = Plot(name.replace("_", " "), epochs, linear(values, percent=percent), 300.0, 180.0)
        for number, (run, course) in enumerate(runs):
            plot.line(course, run, number)
        shown.append(plot.page())
    return margin(abreast(shown, 2, 22.0))
