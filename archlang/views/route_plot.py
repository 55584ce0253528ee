"""Routes through parallel paths as rows of circles, from left to right (Tissera 2023, figure 3.7).

Each router has a column of its inputs and one of its outputs; lines between them are as wide and as dark as gates are
open, circles as red as tensors are active.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.views.canvas.letters import fitted, width_of
from archlang.views.canvas.shapes import (
    Disc,
    Lettering,
    Page,
    Pen,
    Polyline,
    Rectangle,
    Shape,
    abreast,
    margin,
    stacked,
)
from archlang.views.palette import FRAME, INK, QUIET, active, opened

RADIUS, BETWEEN, WIDE, AFTER = 9.0, 44.0, 120.0, 34.0
"""A circle; neighbours in a column; the columns of a router; a router and the next."""

NUMBERED = 9
"""Up to so many gates of a router have their numbers beside them."""


@dataclass(frozen=True)
class RouterRow:
    """A router on one input: its name, its gates [inputs][outputs], the shares of its inputs and of its outputs."""

    name: str
    gates: Sequence[Sequence[float]]
    inputs: Sequence[float]
    outputs: Sequence[float]


def route_page(ways: Sequence[tuple[str, Sequence[RouterRow]]]) -> Page:
    """Draw a row for each way: its name, then its routers one after the other; below them what strengths mean."""
    rows = [_row(name, routers) for name, routers in ways]
    return margin(stacked([*rows, _legend()], 18.0))


def _row(name: str, routers: Sequence[RouterRow]) -> Page:
    shapes: list[Shape] = [Lettering(0, 12, name, 12.0)]
    most = max(max(len(router.inputs), len(router.outputs)) for router in routers)
    middle = 40 + BETWEEN * (most - 1) / 2
    left, before = RADIUS, 0

    for router in routers:
        step = max(WIDE, width_of(router.name, 8.5) + 6 - AFTER)
        # The layers between two routers are paths side by side.
        if before == len(router.inputs):
            for y in _heights(before, middle):
                shapes.append(Polyline(((left - AFTER + RADIUS, y), (left - RADIUS, y)), Pen(FRAME, 1.2)))
        shapes += _router(router, left, left + step, middle)
        shapes.append(Lettering(left + step / 2, 26, fitted(router.name, step + AFTER - 4, 8.5), 8.5, QUIET, "middle"))
        left, before = left + step + AFTER, len(router.outputs)

    return Page(max(left - AFTER + RADIUS, width_of(name, 12.0)), 40 + BETWEEN * (most - 1) + RADIUS + 4, tuple(shapes))


def _heights(count: int, middle: float) -> list[float]:
    return [middle + BETWEEN * (place - (count - 1) / 2) for place in range(count)]


def _router(router: RouterRow, left: float, right: float, middle: float) -> list[Shape]:
    """Lines from the weakest gate to the strongest, so that none hides a stronger one, then the circles."""
    starts, ends = _heights(len(router.inputs), middle), _heights(len(router.outputs), middle)
    gates = sorted((gate, i, j) for i, row in enumerate(router.gates) for j, gate in enumerate(row))
    shapes: list[Shape] = []
    for gate, i, j in gates:
        colour, wide = opened(gate)
        shapes.append(Polyline(((left, starts[i]), (right, ends[j])), Pen(colour, 0.4 + 1.3 * wide), tip=f"{gate:.3f}"))

    if len(gates) <= NUMBERED:
        for gate, i, j in gates:
            # Before the middle, where lines cross, on a ground of their own.
            x, y = left + 0.3 * (right - left), starts[i] + 0.3 * (ends[j] - starts[i])
            shapes += [Rectangle(x - 9, y - 5, 18, 10, "#ffffff", None, 2.0, 0.9),
                       Lettering(x, y + 3, f"{gate:.2f}", 8.0, INK, "middle")]
    for x, heights, shares in ((left, starts, router.inputs), (right, ends, router.outputs)):
        for y, share in zip(heights, shares, strict=True):
            paint = active(share)
            shapes.append(Disc(x, y, RADIUS, RADIUS, paint.fill, Pen(paint.border, 0.9), f"{share:.3f}"))
    return shapes


def _legend() -> Page:
    """Five strengths of gates and of tensors."""
    lines: list[Shape] = [Lettering(0, 10, "gate", 9.5, QUIET)]
    discs: list[Shape] = [Lettering(0, 10, "share of the layer's activity", 9.5, QUIET)]
    start = width_of("share of the layer's activity", 9.5) + 14
    for place, strength in enumerate((0.0, 0.25, 0.5, 0.75, 1.0)):
        colour, wide = opened(strength)
        x = 34 + 46 * place
        lines += [Polyline(((x, 7), (x + 30, 7)), Pen(colour, 0.4 + 1.3 * wide)),
                  Lettering(x + 15, 24, f"{strength:g}", 8.5, QUIET, "middle")]
        paint = active(strength)
        discs += [Disc(start + 30 * place, 7, 6, 6, paint.fill, Pen(paint.border, 0.9)),
                  Lettering(start + 30 * place, 24, f"{strength:g}", 8.5, QUIET, "middle")]
    return abreast([Page(270, 28, tuple(lines)), Page(start + 140, 28, tuple(discs))], 2, 30.0)
