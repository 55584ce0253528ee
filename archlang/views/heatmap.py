"""Maps of kernel positions as heat maps, and curves over training, as one SVG that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from archlang.views.elements import shade

CELL, GAP, HEAD = 34, 26, 22
WIDTH, HEIGHT = 420, 220

DARK = 0.6
"""Cells with more than this are dark: their numbers are written in white."""


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


def heatmaps(maps: Sequence[Map], curves: Sequence[Curve] = (), across: int = 5) -> str:
    """Draw maps side by side, `across` in a row, the largest value of each in bold; below them curves in one frame.

    >>> heatmaps([Map("one", [[1.0, 0.5]])]).count("<rect")
    3
    """
    parts: list[str] = []
    top = left = lowest = widest = 0
    for index, one in enumerate(maps):
        # The next row begins below the longest map of this one.
        if index and index % across == 0:
            top, left = lowest, 0

        parts += _map(one, left + GAP, top + GAP)
        left += max(len(one.rows[0]) * CELL, 8 * len(one.title)) + GAP
        lowest = max(lowest, top + GAP + HEAD + len(one.rows) * CELL)
        widest = max(widest, left + GAP)

    if curves:
        parts += _curves(curves, GAP + 34, lowest + GAP)
        lowest = lowest + 2 * GAP + HEIGHT + 16 * len(curves)
        widest = max(widest, WIDTH + 3 * GAP + 34)

    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{widest}" height="{lowest + GAP}" '
            f'viewBox="0 0 {widest} {lowest + GAP}" font-family="sans-serif" font-size="11">')
    return "\n".join([head, '<rect width="100%" height="100%" fill="#ffffff"/>', *parts, "</svg>", ""])


def _map(one: Map, left: int, top: int) -> list[str]:
    most = max(max(row) for row in one.rows)
    parts = [f'<text x="{left}" y="{top + 12}">{escape(one.title)}</text>']

    for r, row in enumerate(one.rows):
        for c, value in enumerate(row):
            x, y = left + c * CELL, top + HEAD + r * CELL
            parts += _cell(x, y, value, value == most)

    return parts


def _cell(x: int, y: int, value: float, largest: bool) -> list[str]:
    ink = "#1a1a1a"
    if value > DARK:
        ink = "#ffffff"
    bold = ""
    if largest:
        bold = ' font-weight="bold"'

    return [
        f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="{shade(value)}"/>',
        f'<text x="{x + CELL / 2}" y="{y + CELL / 2 + 4}" text-anchor="middle" fill="{ink}"{bold}>{value:.2f}</text>',
    ]


def _curves(curves: Sequence[Curve], left: int, top: int) -> list[str]:
    every = [point for curve in curves for point in curve.points]
    # Curves that never leave 0 have no scale of their own; any will do.
    right = max((x for x, _ in every), default=1) or 1
    high = max((y for _, y in every), default=1) or 1

    parts = [f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999999"/>',
             f'<text x="{left - 6}" y="{top + 10}" text-anchor="end">{high:.3f}</text>',
             f'<text x="{left - 6}" y="{top + HEIGHT}" text-anchor="end">0</text>',
             f'<text x="{left + WIDTH}" y="{top + HEIGHT + 14}" text-anchor="end">{right:g} iterations</text>']

    for index, curve in enumerate(curves):
        colour = f"hsl({index * 360 // max(len(curves), 1)}, 65%, 40%)"
        places = [(left + x / right * WIDTH, top + HEIGHT * (1 - y / high)) for x, y in curve.points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')

        below = top + HEIGHT + 30 + 16 * index
        parts.append(f'<text x="{left}" y="{below}" fill="{colour}">{escape(curve.name)}</text>')

    return parts
