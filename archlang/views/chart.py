"""Layers against time: a strip for each layer, coloured by a number between two bounds, with a colour bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from archlang.views.canvas.plot import Plot, colour_bar
from archlang.views.canvas.scales import linear, names
from archlang.views.canvas.shapes import Page, abreast, margin
from archlang.views.palette import QUIET

WIDTH, STRIP = 560.0, 22.0

MOST = 160
"""More steps than this are put together: a cell would be thinner than a line."""

LONGEST = 100
"""Letters of a text that are shown."""


@dataclass(frozen=True)
class Course:
    """The course of several numbers: a title, a name for each, and a row of them for every step."""

    title: str
    names: tuple[str, ...]
    rows: Sequence[Sequence[float]]
    unit: str = "step"


def strips(course: Course, low: float | None = None, high: float | None = None) -> Page:
    """Draw a course: time to the right, the first name at the bottom, first and last numbers beside it.

    More than 160 steps are put together by their means. Numbers that are none stay white.
    """
    # A run that was stopped while it wrote may leave a short last row.
    rows = binned([row for row in course.rows if len(row) == len(course.names)])
    low, high = _bounds(rows, low, high)

    steps = linear((), course.unit, 0.5, max(len(course.rows), 1) + 0.5, whole=True)
    upwards = names([name[:LONGEST] for name in course.names])
    plot = Plot(course.title[:LONGEST], steps, upwards, WIDTH, STRIP * max(len(course.names), 1))

    if rows:
        columns = [[row[place] for row in rows] for place in range(len(course.names))]
        # The first row of cells is at the top, the first name at the bottom.
        plot.cells(columns[::-1], low, high)
        for place, column in enumerate(columns):
            plot.ends.append((STRIP * (len(columns) - place - 0.5), _change(column), QUIET))

    bar = colour_bar(low, high, "", max(STRIP * len(course.names), 44.0))
    return margin(abreast([plot.page(), bar], 2))


def course_lines(course: Course) -> Page:
    """Draw a course of shares as lines; a dotted line lies where all of them would be equal."""
    rows = binned([row for row in course.rows if len(row) == len(course.names)])
    # Steps that were put together lie in their middle.
    wide = len(course.rows) / max(len(rows), 1)
    every = [value for row in rows for value in row]
    equal = 1 / max(len(course.names), 1)

    steps = linear((), course.unit, 0.5, max(len(course.rows), 1) + 0.5, whole=True)
    plot = Plot("", steps, linear([*every, equal], "share"), WIDTH, 170.0)
    for number, name in enumerate(course.names):
        plot.line([(0.5 + wide * (i + 0.5), row[number]) for i, row in enumerate(rows)], name[:LONGEST], number)
    plot.rule(equal, "equal")
    return margin(plot.page())


def binned(rows: Sequence[Sequence[float]], most: int = MOST) -> list[list[float]]:
    """Return at most so many rows: neighbours replaced by their means, each row counted once.

    >>> binned([[1.0], [3.0], [5.0]], 2)
    [[1.0], [4.0]]
    """
    count = min(len(rows), most)
    if not count:
        return []

    # Cut by whole numbers: every row falls into one part, and parts differ by one row at most.
    cuts = [i * len(rows) // count for i in range(count + 1)]
    parts = [rows[start:stop] for start, stop in pairwise(cuts)]
    return [[sum(column) / len(part) for column in zip(*part, strict=True)] for part in parts]


def _bounds(rows: Sequence[Sequence[float]], low: float | None, high: float | None) -> tuple[float, float]:
    """The numbers of the lightest and the darkest colour: those given, else the least and the largest there are."""
    numbers = [v for row in rows for v in row if isfinite(v)]
    if low is None:
        low = min(numbers, default=0.0)
    if high is None:
        high = max(numbers, default=1.0)
    return low, high


def _change(column: Sequence[float]) -> str:
    """The first and the last number of a strip."""
    finite = [v for v in column if isfinite(v)]
    if not finite:
        return ""
    return f"{finite[0]:.3g} → {finite[-1]:.3g}"
