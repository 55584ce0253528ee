"""Histograms: several distributions on one axis as outlines, or as ridges one behind the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.views.canvas.plot import Plot
from archlang.views.canvas.scales import Scale, linear
from archlang.views.canvas.shapes import Page, abreast, margin

WIDTH, HEIGHT = 300.0, 120.0
RIDGE, OVER = 22.0, 1.8
"""Points between ridges, and how many of these the highest ridge reaches up."""


@dataclass(frozen=True)
class Bars:
    """One distribution: its name, and how many fell into each of its panel's equal bins."""

    name: str
    counts: Sequence[int]


@dataclass(frozen=True)
class Histogram:
    """Distributions over one axis from `low` to `high`; `axis` says what is counted."""

    title: str
    low: float
    high: float
    bars: Sequence[Bars]
    axis: str = "value"


def histograms(panels: Sequence[Histogram], across: int = 2, rule: float | None = None) -> Page:
    """Draw the panels as a page; heights are shares of each distribution, on a common scale within a panel.

    `rule` draws a dotted line upwards at a number, such as a gate's 0.5.
    """
    return margin(abreast([_panel(panel, rule) for panel in panels], across, 22.0))


def _panel(panel: Histogram, rule: float | None) -> Page:
    shares = [_shares(one.counts) for one in panel.bars]
    most = max((share for row in shares for share in row), default=0.0) or 1.0
    up = linear([0.0, most], "share", low=0.0, percent=True)
    plot = Plot(panel.title, linear((), panel.axis, panel.low, panel.high), up, WIDTH, HEIGHT)

    for number, (one, row) in enumerate(zip(panel.bars, shares, strict=True)):
        plot.area(_outline(row, panel, 0.0, 1.0), one.name, number)
        plot.key(one.name, number)
    if rule is not None:
        plot.stand(rule)
    return plot.page()


def ridges(panels: Sequence[Histogram], across: int = 2) -> Page:
    """Draw the distributions of each panel one behind the other, the first at the top (Tissera 2023, figure 3.9)."""
    return margin(abreast([_ridge(panel) for panel in panels], across, 26.0))


def _ridge(panel: Histogram) -> Page:
    shares = [_shares(one.counts) for one in panel.bars]
    most = max((share for row in shares for share in row), default=0.0) or 1.0
    count = len(panel.bars)

    # Each distribution stands on a line of its own, with its name beside the line.
    ticks = tuple((float(count - 1 - place), one.name) for place, one in enumerate(panel.bars))
    up = Scale(0.0, count - 1 + OVER, "", ticks, named=True)
    title = f"{panel.title}  (highest: {100 * most:.0f} %)"
    plot = Plot(title, linear((), panel.axis, panel.low, panel.high), up, WIDTH, RIDGE * (count - 1 + OVER))

    # From the back to the front: a ridge may hide a part of the one behind it, whose name still stands there.
    for place, (one, row) in enumerate(zip(panel.bars, shares, strict=True)):
        plot.area(_outline(row, panel, float(count - 1 - place), OVER / most), one.name, place, 0.45, hiding=True)
    return plot.page()


def _shares(counts: Sequence[int]) -> list[float]:
    # Shares, not counts: distributions of different sizes are to be compared.
    return [count / max(sum(counts), 1) for count in counts]


def _outline(row: Sequence[float], panel: Histogram, floor: float, scale: float) -> list[tuple[float, float]]:
    """The outline of steps on a floor, from the left end of the axis to the right."""
    wide = (panel.high - panel.low) / len(row)
    points = [(panel.low, floor)]
    for place, share in enumerate(row):
        left = panel.low + wide * place
        points += [(left, floor + scale * share), (left + wide, floor + scale * share)]
    return [*points, (panel.high, floor)]
