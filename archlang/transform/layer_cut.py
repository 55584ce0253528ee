"""The layers of a sequential network: the step that ends each, and the step at which the head begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archlang.transform.sequence import SequentialFlow, SequentialStep


@dataclass(frozen=True)
class LayerCut:
    """Indices among all steps: the last step of each layer, and the first step of the head."""

    ends: tuple[int, ...]
    head: int


def cut_layers(points: str, flows: Sequence[SequentialFlow]) -> LayerCut:
    """The layers by `points`: `layers`, `stages`, or names of flows with `+` between them.

    In a network over maps the head begins where a map becomes a vector; in one over vectors it is the last linear
    layer. Where neither is there, the head lies behind the last step.
    """
    steps = [step for flow in flows for step in flow.steps]
    # The first step tells: in a network over maps it sees a map.
    if any(step.entering.rank >= 3 for step in steps[:1]):
        head = next((i for i, s in enumerate(steps) if s.leaving.rank != s.entering.rank), len(steps))
        ends = [_behind(steps, i) for i in range(head) if steps[i].windowed]
    else:
        dense = [i for i, s in enumerate(steps) if s.dense]
        if dense:
            head = dense[-1]
        else:
            head = len(steps)
        ends = [_behind(steps, i) for i in dense[:-1]]

    if points == "stages":
        # Two layers of one size belong to one stage, which ends with the later of them.
        ends = [a for a, b in pairwise(ends) if _size(steps[a]) != _size(steps[b])] + ends[-1:]
    elif points != "layers":
        return LayerCut(tuple(_named(points.split("+"), flows, head)), head)

    if ends:
        ends[-1] = head - 1  # whatever stands before the head belongs to the last layer
    return LayerCut(tuple(dict.fromkeys(ends)), head)


def _size(step: SequentialStep) -> tuple[object, ...]:
    """The sizes of the map that leaves, without its channels."""
    return step.leaving.dims[1:]


def _behind(steps: Sequence[SequentialStep], i: int) -> int:
    """The last step of a layer that begins at `i`: the norm and activation that follow belong to it."""
    # What keeps the type and has no weights of its own (norm, activation, dropout) adds to the layer before it.
    while i + 1 < len(steps) and steps[i + 1].leaving == steps[i].leaving and not (
        steps[i + 1].windowed or steps[i + 1].dense
    ):
        i += 1
    return i


def _named(names: Sequence[str], flows: Sequence[SequentialFlow], head: int) -> list[int]:
    """The last steps of the flows with these names, as far as they stand before the head."""
    ends, done = [], 0
    for flow in flows:
        done += len(flow.steps)
        # A flow that reaches into the head has no layer's result as its value.
        if flow.name in names and 0 < done <= head:
            ends.append(done - 1)
    return ends
