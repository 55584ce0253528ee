"""Layers against time: a strip for each layer, coloured by a number between two bounds, as SVG text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from xml.sax.saxutils import quoteattr

from archlang.views.elements import plain
from archlang.views.palette import FONT, FRAME, INK, QUIET, between

LOW, HIGH = (247, 249, 251), (74, 40, 130)
"""The colours of the smallest and the largest number."""

WIDTH, STRIP, LEFT, TOP, RIGHT = 640.0, 22.0, 120.0, 44.0, 90.0

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


def strips(course: Course, low: float | None = None, high: float | None = None) -> str:
    """Draw a course: time to the right, the first name at the bottom, first and last numbers beside it.

    More than 160 steps are put together by their means. Numbers that are none stay white.

    >>> strips(Course("attention", ("1", "2"), [(0.5, 0.5), (0.2, 0.8)])).count("<rect")
    6
    """
    # A run that was stopped while it wrote may leave a short last row.
    rows = binned([row for row in course.rows if len(row) == len(course.names)])
    low, high = _bounds(rows, low, high)

    parts = [*_head(course, low, high)]
    for place, name in enumerate(reversed(course.names)):
        column = [row[len(course.names) - 1 - place] for row in rows]
        parts += _strip(name, column, TOP + STRIP * place, low, high)

    bottom = TOP + STRIP * len(course.names)
    parts += [
        f'<rect x="{LEFT:.0f}" y="{TOP:.0f}" width="{WIDTH:.0f}" height="{bottom - TOP:.0f}" fill="none" '
        f'stroke="{FRAME}"/>',
        _words(LEFT, bottom + 18, f"{course.unit} 1", QUIET),
        _words(LEFT + WIDTH, bottom + 18, f"{course.unit} {len(course.rows)}", QUIET, anchor="end"),
    ]
    return "\n".join([*parts, "</svg>", ""])


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


def _head(course: Course, low: float, high: float) -> list[str]:
    height = TOP + STRIP * len(course.names) + 34
    wide = LEFT + WIDTH + RIGHT

    return [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {wide:.0f} {height:.0f}" font-family={quoteattr(FONT)} font-size="11">',
        f'<title>{plain(course.title[:LONGEST])}</title><rect width="{wide:.0f}" height="{height:.0f}" fill="white"/>',
        _words(LEFT, 20, course.title, INK, 13),
        _words(LEFT, 36, f"light: {low:.3g}   dark: {high:.3g}", QUIET),
    ]


def _strip(name: str, column: Sequence[float], y: float, low: float, high: float) -> list[str]:
    wide = WIDTH / max(len(column), 1)
    # Cells overlap a little, so that no viewer shows a hairline between them.
    cells = [
        f'<rect x="{LEFT + i * wide:.2f}" y="{y:.1f}" width="{wide + 0.3:.2f}" height="{STRIP:.1f}" '
        f'fill="{_colour(v, low, high)}"/>'
        for i, v in enumerate(column)
    ]

    finite = [v for v in column if isfinite(v)]
    change = ""
    if finite:
        change = f"{finite[0]:.3g} → {finite[-1]:.3g}"

    return [
        *cells, _words(LEFT - 8, y + STRIP * 0.7, name, INK, anchor="end"),
        _words(LEFT + WIDTH + 8, y + STRIP * 0.7, change, QUIET),
    ]


def _colour(value: float, low: float, high: float) -> str:
    if not isfinite(value):
        return "#ffffff"

    # One number alone has no scale: it gets the middle of it.
    if high <= low:
        return between(LOW, HIGH, 0.5)
    return between(LOW, HIGH, (value - low) / (high - low))


def _words(x: float, y: float, text: str, colour: str, size: int = 11, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">'
        f"{plain(text[:LONGEST])}</text>"
    )
