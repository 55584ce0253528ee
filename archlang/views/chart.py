"""Layers against time: a strip for each layer, coloured by a number between two bounds, as SVG text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from xml.sax.saxutils import escape, quoteattr

from archlang.views.palette import FONT, FRAME, INK, QUIET

LOW, HIGH = (247, 249, 251), (74, 40, 130)
"""The colours of the smallest and the largest number."""

WIDTH, STRIP, LEFT, TOP, RIGHT, MOST = 640.0, 22.0, 120.0, 44.0, 90.0, 160


@dataclass(frozen=True)
class Course:
    """How several numbers went: a title, a name for each, and a row of them for every step."""

    title: str
    names: tuple[str, ...]
    rows: Sequence[Sequence[float]]
    unit: str = "step"


def strips(course: Course, low: float | None = None, high: float | None = None) -> str:
    """The course as a picture: time to the right, the first name at the bottom, first and last numbers beside it.

    More than 160 steps are put together by their means. Numbers that are none stay white.

    >>> strips(Course("attention", ("1", "2"), [(0.5, 0.5), (0.2, 0.8)])).count("<rect")
    6
    """
    rows = binned([row for row in course.rows if len(row) == len(course.names)])
    numbers = [v for row in rows for v in row if isfinite(v)]
    low = min(numbers, default=0.0) if low is None else low
    high = max(numbers, default=1.0) if high is None else high
    height = TOP + STRIP * len(course.names) + 34
    wide = LEFT + WIDTH + RIGHT
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {wide:.0f} {height:.0f}" font-family={quoteattr(FONT)} font-size="11">',
        f'<title>{_text(course.title)}</title><rect width="{wide:.0f}" height="{height:.0f}" fill="white"/>',
        _words(LEFT, 20, course.title, INK, 13),
        _words(LEFT, 36, f"light: {low:.3g}   dark: {high:.3g}", QUIET),
    ]
    for place, name in enumerate(reversed(course.names)):
        column = [row[len(course.names) - 1 - place] for row in rows]
        parts += _strip(name, column, TOP + STRIP * place, low, high)
    bottom = TOP + STRIP * len(course.names)
    parts.append(
        f'<rect x="{LEFT:.0f}" y="{TOP:.0f}" width="{WIDTH:.0f}" height="{bottom - TOP:.0f}" fill="none" '
        f'stroke="{FRAME}"/>'
    )
    parts.append(_words(LEFT, bottom + 18, f"{course.unit} 1", QUIET))
    parts.append(_words(LEFT + WIDTH, bottom + 18, f"{course.unit} {len(course.rows)}", QUIET, anchor="end"))
    return "\n".join([*parts, "</svg>", ""])


def binned(rows: Sequence[Sequence[float]], most: int = MOST) -> list[list[float]]:
    """At most so many rows: neighbours replaced by their means, each row counted once.

    >>> binned([[1.0], [3.0], [5.0]], 2)
    [[1.0], [4.0]]
    """
    count = min(len(rows), most)
    cuts = [i * len(rows) // count for i in range(count + 1)] if count else [0]
    parts = [rows[a:b] for a, b in pairwise(cuts)]
    return [[sum(column) / len(part) for column in zip(*part, strict=True)] for part in parts]


def _strip(name: str, column: Sequence[float], y: float, low: float, high: float) -> list[str]:
    wide = WIDTH / max(len(column), 1)
    cells = [
        f'<rect x="{LEFT + i * wide:.2f}" y="{y:.1f}" width="{wide + 0.3:.2f}" height="{STRIP:.1f}" '
        f'fill="{_colour(v, low, high)}"/>'
        for i, v in enumerate(column)
    ]
    known = [v for v in column if isfinite(v)]
    course = f"{known[0]:.3g} → {known[-1]:.3g}" if known else ""
    return [
        *cells, _words(LEFT - 8, y + STRIP * 0.7, name, INK, anchor="end"),
        _words(LEFT + WIDTH + 8, y + STRIP * 0.7, course, QUIET),
    ]


def _colour(value: float, low: float, high: float) -> str:
    if not isfinite(value):
        return "#ffffff"
    share = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(LOW, HIGH, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _words(x: float, y: float, text: str, colour: str, size: int = 11, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{_text(text)}</text>'
    )


def _text(text: str) -> str:
    return escape("".join(c if c.isprintable() else " " for c in text)[:100])
