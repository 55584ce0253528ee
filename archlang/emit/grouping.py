"""Which nodes of a graph may run as one: the same operation at the same place in every member of something parallel."""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import Literal

from archlang.emit.coded import tails
from archlang.graph.ir import Graph, Node, Port
from archlang.shapes import Poly

Parallel = Literal["loop", "grouped", "auto"]
Unit = tuple[Node, ...]
"""Nodes that run as one, in the order of their members; most often a single node."""

HEAVY = {
    **{f"torch.nn.Conv{n}d": "convolution" for n in (1, 2, 3)},
    **{f"torch.nn.BatchNorm{n}d": "batch_norm" for n in (1, 2, 3)},
    "torch.nn.Linear": "linear",
}
"""Targets that have a grouped form, and its name in `archlang.layers.grouped`."""
LIGHT = frozenset([
    "torch.flatten",
    *(f"torch.nn.{name}" for name in (
        "ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid",
        "Sigmoid", "Tanh", "Softplus", "Identity", "Upsample")),
    *(f"torch.nn.{kind}Pool{n}d" for kind in ("Max", "Avg", "AdaptiveAvg", "AdaptiveMax") for n in (1, 2, 3)),
])
"""Targets without weights that treat every channel by itself, and so run on members side by side as they are."""

MEMBERS = ("each", "parallel", "route", "branches")
"""Kinds of parallel parts whose members may run as one."""

SMALL_DENSE = 4096
LEAST_MEMBERS = 6
"""Up to how many weights, and from how many members on, dense maps measured faster as one batched product."""


def plan(graph: Graph, parallel: Parallel) -> tuple[Unit, ...]:
    """The units of a graph in a running order; without grouping, its nodes in program order."""
    alone: tuple[Unit, ...] = tuple((node,) for node in graph)
    if parallel == "loop":
        return alone
    grouped: dict[str, Unit] = {}
    chosen: set[tuple[Port, ...]] = set()
    for unit in _twins(graph):
        entering = tuple(node.inputs[0] for node in unit)
        joined = entering in chosen
        if _groupable(graph, unit, joined) and (parallel == "grouped" or _faster(graph, unit, joined)):
            grouped.update((node.id, unit) for node in unit)
            chosen.add(tuple(Port(node.id) for node in unit))
    for unit in tails(graph):
        grouped.update((node.id, unit) for node in unit)
    return _ordered(graph, grouped) or alone


def _twins(graph: Graph) -> list[Unit]:
    """Sets of nodes that do the same to every member of a region, in program order of the first."""
    found: dict[object, dict[int, Node]] = defaultdict(dict)
    seen: dict[object, int] = defaultdict(int)
    for node in graph:
        if node.members and node.members[-1].kind in MEMBERS and node.members[-1].count > 1:
            member = node.members[-1]
            rest = node.path[len(member.region) + (2 if member.kind == "route" else 1) :]
            place = (member.region, member.index, rest)
            found[member.region, rest, seen[place]][member.index] = node
            seen[place] += 1
    units = [tuple(members[i] for i in sorted(members)) for members in found.values()]
    return [unit for unit in units if len(unit) == unit[0].members[-1].count and _alike(graph, unit)]


def _alike(graph: Graph, unit: Unit) -> bool:
    first, types = unit[0], graph.call(unit[0]).inputs
    return len({node.path for node in unit}) == len(unit) and all(
        node.op is first.op and node.args == first.args and node.outputs == first.outputs
        and graph.call(node).inputs == types and len(node.inputs) == 1 for node in unit
    )


def _groupable(graph: Graph, unit: Unit, side_by_side: bool) -> bool:
    """`side_by_side`: whether what enters is the result of a unit that runs as one."""
    call = graph.call(unit[0])
    target = unit[0].op.torch.dotted(call)
    if target not in HEAVY:
        return target in LIGHT and side_by_side
    match HEAVY[target]:
        case "linear":
            return call.x.rank == 1
        case "convolution":
            return bool(call.args.get("padding_mode", "zeros") == "zeros")
    return side_by_side or len({node.inputs[0] for node in unit}) > 1


def _faster(graph: Graph, unit: Unit, side_by_side: bool) -> bool:
    """What measured faster on a CPU; a model's device is not known while it is compiled.

    Convolutions gain nothing from groups in training-sized batches (grouped took 1.0 to 1.4 of the time, up to 1.7 with
    eight members on 32x32 maps), large dense maps lose (1.3 to 2.9: stacking copies their weights), small ones win from
    about six members on (0.6 to 0.9 with eight), or where all members read one tensor. Light operations and batch norms
    follow what stands before them, they move the same numbers either way.
    """
    kind = HEAVY.get(unit[0].op.torch.dotted(graph.call(unit[0])))
    if unit[0].members[-1].kind == "branches":
        return kind is not None or side_by_side
    if kind != "linear":
        return kind != "convolution" and side_by_side
    size, same = graph.weights(unit[0])[0].numel, len({node.inputs[0] for node in unit}) == 1
    return not isinstance(size, Poly) and size <= SMALL_DENSE and (same or len(unit) >= LEAST_MEMBERS)


def _ordered(graph: Graph, grouped: dict[str, Unit]) -> tuple[Unit, ...] | None:
    """Units in an order that respects who reads whom, near program order; None where grouping made a circle."""
    number = {node.id: n for n, node in enumerate(graph)}
    unit_of = {node.id: grouped.get(node.id, (node,)) for node in graph}
    head = {id: number[unit[0].id] for id, unit in unit_of.items()}
    units = {head[id]: unit for id, unit in unit_of.items()}
    needs = {n: {head[port.node] for node in unit for port in node.inputs} - {n} for n, unit in units.items()}
    readers: dict[int, list[int]] = defaultdict(list)
    for n, sources in needs.items():
        for source in sources:
            readers[source].append(n)
    ready = [n for n, sources in needs.items() if not sources]
    heapq.heapify(ready)
    order = []
    while ready:
        n = heapq.heappop(ready)
        order.append(units[n])
        for reader in readers[n]:
            needs[reader].discard(n)
            if not needs[reader]:
                heapq.heappush(ready, reader)
    return tuple(order) if len(order) == len(units) else None
