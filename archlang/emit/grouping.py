"""The nodes of a graph that may run as one: the same operation at the same place in every member of a parallel part."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

from archlang.emit.coded import CodedTail, coded_tails
from archlang.emit.kernels_in_one import Channelwise, OneKernel, channelwise_nodes, one_kernels
from archlang.emit.targets import HEAVY, LIGHT, heavy_kind, target_of
from archlang.graph.ir import Graph, Node, Port

Parallel = Literal["loop", "grouped", "auto"]
"""The way that equal members of a parallel part run: one by one, as one operation, or as measured faster."""

Ways = Parallel | Mapping[str, Parallel]
"""One way for a whole network, or one for each parallel part by its module path; `auto` for those not named."""

PARALLEL: tuple[Parallel, ...] = ("auto", "loop", "grouped")
"""All ways, the usual one first."""

Twins = tuple[Node, ...]
"""Nodes that run as one, in the order of their members."""

Unit = Twins | CodedTail | OneKernel | Channelwise
"""Nodes that are written together: most often a single one."""

MEMBERS = ("each", "parallel", "route", "branches")
"""Kinds of parallel parts whose members may run as one."""

SMALL_DENSE = 4096
LEAST_MEMBERS = 6
"""Up to how many weights, and from how many members on, dense maps measured faster as one batched product."""


def nodes_of(unit: Unit) -> tuple[Node, ...]:
    """The nodes of a unit."""
    if isinstance(unit, tuple):
        return unit
    return unit.nodes


def as_written(unit: Unit) -> bool:
    """True for a single node that runs as the module or function that its operation names."""
    return isinstance(unit, tuple) and len(unit) == 1


def region_of(unit: Unit) -> str:
    """The module path of the parallel part that a unit is in: the innermost one; empty where there is none."""
    members = nodes_of(unit)[0].members
    if not members:
        return ""
    return ".".join(members[-1].region)


def _way(ways: Ways, unit: Unit) -> Parallel:
    """The way in which a unit's parallel part runs."""
    if isinstance(ways, str):
        return ways
    return ways.get(region_of(unit), "auto")


def plan(graph: Graph, ways: Ways) -> tuple[Unit, ...]:
    """The units of a graph in a running order; without grouping, its nodes in program order."""
    alone: tuple[Unit, ...] = tuple((node,) for node in graph)
    if ways == "loop":
        return alone

    unit_of: dict[str, Unit] = {}
    side_by_side: set[tuple[Port, ...]] = set()  # results of units that run as one
    for twins in _twins(graph):
        way, joined = _way(ways, twins), tuple(node.inputs[0] for node in twins) in side_by_side
        if way == "loop" or not _groupable(graph, twins, joined):
            continue
        if way == "grouped" or _faster(graph, twins, joined):
            unit_of.update((node.id, twins) for node in twins)
            side_by_side.add(tuple(Port(node.id) for node in twins))

    # The convolutions of a coded tail may be twins as well: the tail saves more, and so comes last.
    others: list[CodedTail | OneKernel | Channelwise] = [*coded_tails(graph), *channelwise_nodes(graph)]
    # On a CPU kernels in one convolution measured slower but on the smallest maps.
    others += [unit for unit in one_kernels(graph) if _way(ways, unit) == "grouped"]
    for other in others:
        if _way(ways, other) != "loop":
            unit_of.update((node.id, other) for node in other.nodes)

    return _ordered(graph, unit_of) or alone


def _twins(graph: Graph) -> list[Twins]:
    """Sets of nodes that do the same to every member of a region, in program order of the first."""
    at_place: dict[object, dict[int, Node]] = defaultdict(dict)
    count_at: dict[object, int] = defaultdict(int)

    for node in graph:
        if not node.members or node.members[-1].kind not in MEMBERS or node.members[-1].count < 2:
            continue
        member = node.members[-1]

        # In a `route`, two steps name the member: its input and its output.
        steps = 1
        if member.kind == "route":
            steps = 2
        rest = node.path[len(member.region) + steps :]

        # Shared modules run several times at one path: the first time pairs with the first of the others.
        place = (member.region, member.index, rest)
        at_place[member.region, rest, count_at[place]][member.index] = node
        count_at[place] += 1

    sets = [tuple(nodes[i] for i in sorted(nodes)) for nodes in at_place.values()]
    return [twins for twins in sets if len(twins) == twins[0].members[-1].count and _alike(graph, twins)]


def _alike(graph: Graph, twins: Twins) -> bool:
    """True if nodes are the same operation on one input of the same type, with weights of their own."""
    # At one path there is one module: its weights cannot stand side by side with themselves.
    first, types = twins[0], graph.call(twins[0]).inputs
    if len({node.path for node in twins}) < len(twins):
        return False

    return all(
        node.op is first.op
        and node.args == first.args
        and node.outputs == first.outputs
        and graph.call(node).inputs == types
        and len(node.inputs) == 1
        for node in twins
    )


def _groupable(graph: Graph, twins: Twins, joined: bool) -> bool:
    """True if nodes can run as one; `joined`: their inputs are the result of a unit that runs as one."""
    call = graph.call(twins[0])
    target = target_of(graph, twins[0])
    if target not in HEAVY:
        return target in LIGHT and joined

    match HEAVY[target]:
        case "linear":
            return call.x.rank == 1
        case "convolution":
            return bool(call.args.get("padding_mode", "zeros") == "zeros")

    # Norms of one tensor would have to repeat it.
    return joined or not _one_input(twins)


def _one_input(twins: Twins) -> bool:
    """True if all nodes read one tensor."""
    return len({node.inputs[0] for node in twins}) == 1


def _faster(graph: Graph, twins: Twins, joined: bool) -> bool:
    """True for what measured faster as one on a CPU; a model's device is not known while it is compiled.

    Convolutions gain nothing from groups in training-sized batches (grouped took 1.0 to 1.4 of the time, up to 1.7 with
    eight members on 32x32 maps), large dense maps lose (1.3 to 2.9: stacking copies their weights), small ones win from
    about six members on (0.6 to 0.9 with eight), or where all members read one tensor. Light operations and batch norms
    follow what stands before them, they move the same numbers either way.
    """
    kind = heavy_kind(graph, twins[0])
    if twins[0].members[-1].kind == "branches":
        return kind is not None or joined
    if kind != "linear":
        return kind != "convolution" and joined

    weights = graph.weights(twins[0])[0].numel
    if not isinstance(weights, int) or weights > SMALL_DENSE:
        return False
    return _one_input(twins) or len(twins) >= LEAST_MEMBERS


def _ordered(graph: Graph, unit_of: dict[str, Unit]) -> tuple[Unit, ...] | None:
    """Units in an order that respects their inputs, near program order; None where grouping made a circle."""
    number = {node.id: n for n, node in enumerate(graph)}

    # A unit goes by the number of its first node.
    units: dict[int, Unit] = {}
    head: dict[str, int] = {}
    for node in graph:
        unit = unit_of.get(node.id, (node,))
        head[node.id] = number[nodes_of(unit)[0].id]
        units[head[node.id]] = unit

    needs: dict[int, set[int]] = {}
    readers: dict[int, list[int]] = defaultdict(list)
    for n, unit in units.items():
        needs[n] = {head[port.node] for node in nodes_of(unit) for port in node.inputs} - {n}
        for source in needs[n]:
            readers[source].append(n)

    # Kahn's algorithm; the heap keeps to program order where there is a choice.
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

    if len(order) < len(units):
        return None
    return tuple(order)
