"""The way in which each parallel part of a compiled network runs, chosen by timing."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from archlang.emit.emit import rewritten
from archlang.emit.grouping import Parallel
from archlang.emit.module import ArchModule
from archlang.graph.ir import Graph
from archlang.tuning.cache import key, remember, remembered
from archlang.tuning.layouts import tuned_layout
from archlang.tuning.regions import Region, regions_of
from archlang.tuning.running import as_inputs, place_of, require_forward, shapes_of, step_of, unseen
from archlang.tuning.timing import faster, machine


def tuned_form(graph: Graph, model: ArchModule, inputs: object, *, taps: bool = False) -> ArchModule:
    """A model of a graph around the same weights, each parallel part in the way that takes less time in training.

    Parts that are built alike run alike. A way that was timed on this machine for such a part is taken from the cache
    and not timed again. `meta["tuned"]` of the result says what was chosen, by part.

    Args:
        graph: the checked graph.
        model: its model, whose weights the result shares; they, its statistics and its mode stay as they are.
        inputs: those of a call, of the size that is trained with.
        taps: whether the result gives its taps too.

    Raises ArchError (usage, input-shape) where the inputs are none of the network.
    """
    device = place_of(model)
    given = tuple(_there(x, device) for x in as_inputs(inputs))
    require_forward(model, given)
    found = regions_of(graph)
    facts = {**machine(device), "inputs": shapes_of(given), "mode": model.training}
    names = {region: key({**facts, "part": region.nodes}) for region in found}

    known = remembered()
    ways: dict[str, Parallel] = {}
    new: list[Region] = []
    for region in found:
        kept = [way for way in region.ways if way == known.get(names[region])]
        ways.update(dict.fromkeys(region.names, (*kept, region.ways[0])[0]))
        if not kept:
            new.append(region)

    if new:
        ways = _timed(graph, model, given, ways, new, device, taps)
        remember({names[region]: ways[region.names[0]] for region in new})

    made = rewritten(graph, model, ways, taps)
    chosen: dict[str, str] = {region.label: ways[region.names[0]] for region in found}
    chosen["layout"] = tuned_layout(made, given, training=True)
    made.meta["tuned"] = chosen
    return made


def _there(x: Any, device: torch.device) -> Any:
    """A tensor on a device; anything else as it is."""
    if isinstance(x, torch.Tensor):
        return x.to(device)
    return x


def _timed(graph: Graph, model: ArchModule, inputs: Sequence[Any], ways: Mapping[str, Parallel],
           regions: Sequence[Region], device: torch.device, taps: bool) -> dict[str, Parallel]:
    """The ways of all parts, those of `regions` timed one after the other, the others as they are."""
    # A copy: steps move the statistics of batch norms.
    twin = copy.deepcopy(model)
    current = dict(ways)
    best = rewritten(graph, twin, current, taps)
    with unseen(device):
        for region in regions:
            for way in region.ways[1:]:
                other = {**current, **dict.fromkeys(region.names, way)}
                candidate = rewritten(graph, twin, other, taps)
                if faster(step_of(candidate, inputs), step_of(best, inputs), device):
                    current, best = other, candidate
    return current
