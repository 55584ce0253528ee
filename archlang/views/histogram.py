"""Histograms: panels one below the other, several distributions on one axis as outlines in colours, as SVG text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.views.elements import page, plain, words
from archlang.views.palette import FRAME, INK, QUIET

WIDTH, HEIGHT, LEFT, TOP, ROOM = 420.0, 120.0, 30.0, 26.0, 46.0
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7d8b1f", "#56b4e9", "#a15c00", "#52606d", "#5b3fa0", "#b00020")
"""Okabe and Ito's set (2008), darkened where thin lines would be hard to see."""


@dataclass(frozen=True)
class Bars:
    """One distribution: its name, and how many fell into each of its panel's equal bins."""

    name: str
    counts: Sequence[int]


@dataclass(frozen=True)
class Histogram:
    """Distributions over one axis from `low` to `high`."""

    title: str
    low: float
    high: float
    bars: Sequence[Bars]


def histograms(panels: Sequence[Histogram]) -> str:
    """Draw the panels as a page; within one, heights are shares of each distribution, on a common scale.

    >>> histograms([Histogram("gate", 0.0, 1.0, [Bars("all", (1, 3))])]).count("<path")
    1
    """
    parts: list[str] = []
    top = TOP
    for panel in panels:
        parts += _panel(panel, top)
        # A panel is as high as its frame or as the list of names beside it.
        top += max(HEIGHT, 14.0 * len(panel.bars)) + ROOM

    return page(LEFT + WIDTH + 220, top, parts)


def _panel(panel: Histogram, top: float) -> list[str]:
    # Shares, not counts: distributions of different sizes are to be compared.
    shares = [[count / max(sum(one.counts), 1) for count in one.counts] for one in panel.bars]
    most = max((share for row in shares for share in row), default=0.0) or 1.0
    parts = [
        words(LEFT, top - 6, panel.title, INK),
        f'<rect x="{LEFT}" y="{top:.1f}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="{FRAME}"/>',
        words(LEFT - 4, top + 10, f"{100 * most:.0f} %", QUIET, "end"),
        words(LEFT, top + HEIGHT + 13, f"{panel.low:.3g}", QUIET, "middle"),
        words(LEFT + WIDTH, top + HEIGHT + 13, f"{panel.high:.3g}", QUIET, "middle"),
    ]

    for place, (one, row) in enumerate(zip(panel.bars, shares, strict=True)):
        colour = COLOURS[place % len(COLOURS)]
        parts.append(f'<path d="{_outline(row, most, top)}" fill="{colour}" fill-opacity="0.12" stroke="{colour}"'
                     f' stroke-width="1.3"><title>{plain(one.name)}</title></path>')
        parts.append(words(LEFT + WIDTH + 10, top + 11 + 14 * place, one.name, colour))

    return parts


def _outline(row: Sequence[float], most: float, top: float) -> str:
    wide, floor = WIDTH / len(row), top + HEIGHT
    steps = [f"M{LEFT:.1f} {floor:.1f}"]

    for place, share in enumerate(row):
        y = floor - HEIGHT * share / most
        steps.append(f"L{LEFT + wide * place:.1f} {y:.1f} L{LEFT + wide * (place + 1):.1f} {y:.1f}")

    return " ".join([*steps, f"L{LEFT + WIDTH:.1f} {floor:.1f} Z"])
