"""A figure over what a network takes, such as accuracy over parameters: a dot with its interval for each network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archlang.views.canvas.labels import labels
from archlang.views.canvas.letters import width_of
from archlang.views.canvas.plot import Plot
from archlang.views.canvas.scales import linear, logarithmic
from archlang.views.canvas.shapes import Disc, Lettering, Page, margin
from archlang.views.palette import hue

WIDTH, HEIGHT = 420.0, 280.0
LINE = 15.0
NEAR, BESIDE = 6.0, 20.0
"""Points between two bars that would touch, and between them when they are drawn beside each other."""


@dataclass(frozen=True)
class Dot:
    """A network: its name, what it takes, its figure, the ends of an interval (None for none), and its group."""

    name: str
    cost: float
    value: float
    low: float | None = None
    high: float | None = None
    group: int = 0


def tradeoff(dots: Sequence[Dot], across: str, up: str) -> Page:
    """Draw dots over a logarithmic axis of cost; groups have colours, intervals are bars, numbers lead to the names.

    Dots with intervals at nearly one cost stand side by side, some points apart: a bar would cover another.
    """
    ends = [end for dot in dots for end in (dot.value, dot.low, dot.high) if end is not None]
    plot = Plot("", logarithmic([dot.cost for dot in dots], across), linear(ends, up, room=0.06), WIDTH, HEIGHT)

    costs = side_by_side(dots, plot)
    for dot, cost in zip(dots, costs, strict=True):
        if dot.low is not None and dot.high is not None:
            plot.bar(cost, dot.low, dot.high, dot.group)
        plot.dot(cost, dot.value, dot.group, 4.0, dot.name)

    spots = [plot.at(cost, dot.value) for dot, cost in zip(dots, costs, strict=True)]
    for label in labels(spots, [str(place + 1) for place in range(len(dots))], WIDTH, HEIGHT):
        # Dots at one spot share a label, in the colour of the first.
        first = dots[int(label.text.partition(",")[0]) - 1]
        plot.shapes.append(replace(label, colour=hue(first.group)))

    # Names stand aside: networks of nearly one size would cover each other's.
    for place, dot in enumerate(dots):
        y = 8 + LINE * place
        text = f"{place + 1}  {dot.name}"
        plot.shapes += [Disc(WIDTH + 18, y - 3.5, 3.5, 3.5, hue(dot.group)), Lettering(WIDTH + 28, y, text, 10.0)]
        plot.room = max(plot.room, 32 + width_of(text, 10.0))
    return margin(plot.page())


def side_by_side(dots: Sequence[Dot], plot: Plot) -> list[float]:
    """The cost at which each dot is drawn: its own, or one beside it where intervals would cover each other."""
    drawn = [dot.cost for dot in dots]
    barred = sorted((place for place, dot in enumerate(dots) if dot.low is not None), key=lambda i: dots[i].cost)

    # One step on a logarithmic axis is a factor: that of a point is the same everywhere.
    percent = plot.at(1.01 * dots[0].cost, dots[0].value)[0] - plot.at(dots[0].cost, dots[0].value)[0]
    point = 1.01 ** (1 / percent)

    while barred:
        run = [barred.pop(0)]
        while barred and dots[barred[0]].cost < dots[run[-1]].cost * point**NEAR:
            run.append(barred.pop(0))

        # The cheaper one stays left: a step that reversed two would tell a wrong order. At one cost, as in the legend.
        for number, place in enumerate(run):
            drawn[place] = dots[place].cost * point ** (BESIDE * (number - (len(run) - 1) / 2))
    return drawn
