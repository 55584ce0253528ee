"""Weights of operations that stand side by side in parallel paths (Tissera 2023, section 3.5.4)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx

from archlang.diagnostics import ArchError, error
from archlang.emit.names import module_name
from archlang.train.loop.evaluation import record_of

BINS = 40
KINDS = ("each", "parallel", "route", "branches")


@dataclass(frozen=True)
class Weights:
    """The weights of one of several parallel operations: moments, and how many lie in each bin of the layer's axis."""

    name: str
    count: int
    mean: float
    deviation: float
    least: float
    most: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class ParallelPart:
    """Parallel operations on one axis, from `low` to `high` in equal bins."""

    name: str
    low: float
    high: float
    members: tuple[Weights, ...]


def parallel_weights(model: fx.GraphModule) -> tuple[ParallelPart, ...]:
    """The `weight` of every operation with parallel peers, layer by layer, peers on the same axis.

    Raises `ArchError` (unsupported-module) where nothing with weights is parallel.
    """
    graph = record_of(model).network.graph
    held = model.state_dict()
    layers: dict[str, dict[str, torch.Tensor]] = {}

    for node in graph:
        members = [m for m in node.members if m.kind in KINDS]
        name = module_name(node.path)
        weight = held.get(f"{name}.weight")
        # Batch norms have a `weight` too, but theirs is a scale: its distribution is another question.
        if not members or weight is None or node.op.family not in ("convolution", "linear"):
            continue

        # Peers have one path but for the member's number: with a star in its place they get the same key.
        innermost = members[-1]
        rest = node.path[len(innermost.region):]
        stem = ".".join((*node.path[: len(innermost.region)], "*", *_after(rest)))
        layers.setdefault(stem, {})[name] = weight.detach().double().cpu().flatten()

    found = tuple(_layer(stem, peers) for stem, peers in layers.items() if len(peers) > 1)
    if not found:
        raise ArchError(error("unsupported-module", f"no operations with weights are parallel in `{graph.name}`",
                              help="parallel paths come with `each`, `parallel` and `cross_prediction`"))
    return found


def _after(rest: tuple[str, ...]) -> tuple[str, ...]:
    """Return what follows a member's own steps, which are numbers."""
    steps = list(rest)
    while steps and steps[0].isdigit():
        steps.pop(0)
    return tuple(steps)


def _layer(stem: str, peers: dict[str, torch.Tensor]) -> ParallelPart:
    low = min(float(w.min()) for w in peers.values())
    high = max(float(w.max()) for w in peers.values())
    # Weights that are all equal (a fresh layer of zeros) would have an axis without length.
    if not high > low:
        high = low + 1.0
    return ParallelPart(stem, low, high, tuple(_weights(name, w, low, high) for name, w in peers.items()))


def _weights(name: str, values: torch.Tensor, low: float, high: float) -> Weights:
    """The moments of one operation's weights [count], and their histogram from `low` to `high`."""
    bins = ((values - low) / (high - low) * BINS).long().clamp(0, BINS - 1)
    counts = tuple(torch.bincount(bins, minlength=BINS).tolist())
    mean, deviation = float(values.mean()), float(values.std(correction=0))
    return Weights(name, len(values), mean, deviation, float(values.min()), float(values.max()), counts)
