"""A figure over what a network takes, such as accuracy over parameters: a dot with its interval for each network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from archlang.views.elements import page, words
from archlang.views.palette import FRAME, INK, QUIET
from archlang.views.patch_experts import colour

WIDTH, HEIGHT, LEFT, TOP, BELOW = 460.0, 300.0, 64.0, 20.0, 46.0

NAMES = 230.0
"""Points to the right of the frame, for the names."""


@dataclass(frozen=True)
class Dot:
    """A network: its name, what it takes, its figure, the ends of an interval (None for none), and its group."""

    name: str
    cost: float
    value: float
    low: float | None = None
    high: float | None = None
    group: int = 0


def tradeoff(dots: Sequence[Dot], across: str, up: str) -> str:
    """Draw dots over a logarithmic axis of cost; groups have colours, intervals are bars.

    >>> tradeoff([Dot("a", 1e3, 0.5), Dot("b", 1e6, 0.9, 0.8, 1.0)], "parameters", "accuracy").count("<circle")
    4
    """
    groups = max((dot.group for dot in dots), default=0) + 1
    ends = [end for dot in dots for end in (dot.value, dot.low, dot.high) if end is not None]
    low, high = _widened(min(ends, default=0.0), max(ends, default=1.0), 0.06)
    costs = [math.log10(dot.cost) for dot in dots]
    first, last = _widened(min(costs, default=0.0), max(costs, default=1.0), 0.08)
    # Networks of one size must look so: the axis reaches over a factor of two at least.
    missing = max(0.0, math.log10(2) - (last - first)) / 2
    first, last = first - missing, last + missing

    def x(cost: float) -> float:
        return LEFT + WIDTH * (math.log10(cost) - first) / (last - first)

    def y(value: float) -> float:
        return TOP + HEIGHT * (1 - (value - low) / (high - low))

    parts = [f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="{FRAME}"/>']
    # Lines under the dots, so that they hide none.
    for value in _steps(low, high):
        parts.append(f'<path d="M {LEFT} {y(value):.1f} h {WIDTH}" stroke="{FRAME}" stroke-width="0.5"/>')
        parts.append(words(LEFT - 6, y(value) + 4, f"{value:g}", QUIET, "end"))
    for cost in _decades(first, last):
        parts.append(f'<path d="M {x(cost):.1f} {TOP} v {HEIGHT}" stroke="{FRAME}" stroke-width="0.5"/>')
        parts.append(words(x(cost), TOP + HEIGHT + 15, _short(cost), QUIET, "middle"))
    parts.append(words(LEFT + WIDTH / 2, TOP + HEIGHT + 34, across, INK, "middle"))
    parts.append(words(LEFT, TOP - 7, up, INK))

    for place, dot in enumerate(dots):
        ink = colour(dot.group, groups)
        if dot.low is not None and dot.high is not None:
            parts.append(f'<path d="M {x(dot.cost):.1f} {y(dot.low):.1f} V {y(dot.high):.1f}" stroke="{ink}"/>')
        parts.append(_circle(x(dot.cost), y(dot.value), ink))
        parts.append(words(x(dot.cost) + 7, y(dot.value) - 4, str(place + 1), ink))
        # Names stand aside: networks of nearly one size would cover each other's.
        parts.append(_circle(LEFT + WIDTH + 20, TOP + 8 + 17 * place, ink))
        parts.append(words(LEFT + WIDTH + 30, TOP + 12 + 17 * place, f"{place + 1}  {dot.name}", INK))

    return page(LEFT + WIDTH + NAMES, max(TOP + HEIGHT + BELOW, TOP + 17 * len(dots) + 12), parts)


def _circle(x: float, y: float, ink: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{ink}"/>'


def _widened(low: float, high: float, share: float) -> tuple[float, float]:
    """Bounds with room at both ends; where all is one number, some room around it."""
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room


def _steps(low: float, high: float) -> list[float]:
    """Four to ten round numbers between two bounds.

    >>> _steps(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((1 * power, 2 * power, 5 * power, 10 * power), key=lambda s: abs(s - rough))
    count = math.floor(high / step) - math.ceil(low / step)
    return [round((math.ceil(low / step) + i) * step, 12) for i in range(count + 1)]


def _decades(first: float, last: float) -> list[float]:
    """Powers of ten, with twice and five times of each, between two logarithms."""
    found = []
    for power in range(math.floor(first), math.ceil(last) + 1):
        found += [m * 10.0**power for m in (1, 2, 5) if first <= math.log10(m * 10.0**power) <= last]
    # Networks of nearly one size lie between two of them.
    if len(found) < 3:
        return _steps(10.0**first, 10.0**last)
    # With three numbers a decade over many decades, they would touch each other.
    if len(found) > 8:
        found = [cost for cost in found if str(f"{cost:e}").startswith("1")]
    return found


def _short(cost: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if cost >= size:
            return f"{cost / size:.3g} {letter}"
    return f"{cost:g}"
