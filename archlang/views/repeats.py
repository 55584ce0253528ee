"""Equal open scopes in a row, each fed by the one before it: drawn once, with their number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archlang.graph.ir import Graph, Port
from archlang.graph.outline import arguments
from archlang.views.folds import Levels
from archlang.views.grouping import Group, stem_of


@dataclass(frozen=True)
class Repeats:
    """The nodes that are left out of a picture.

    `twins` has, for each node that is not drawn, the node drawn in its place;
    `times` has the number of copies by the scope of the first.
    """

    twins: Mapping[str, str]
    times: Mapping[Levels, int]

    def port(self, port: Port) -> Port:
        """The port that is drawn in the place of one that may be not."""
        node = port.node
        # A copy's copy: each step leads to an earlier node, so it ends.
        while node in self.twins:
            node = self.twins[node]
        return Port(node, port.index)

    def called(self, home: Levels) -> Levels:
        """The frames around a box, those of repeated scopes called by their number of copies."""
        named = list(home)
        for depth in range(1, len(home) + 1):
            if home[:depth] in self.times:
                named[depth - 1] = f"{stem_of(home[depth - 1])} × {self.times[home[:depth]]}"
        return tuple(named)


def repeats_of(graph: Graph, groups: list[Group]) -> Repeats:
    """Find the runs of equal scopes: the same boxes, wired alike, and only the next copy reads what one gives."""
    scopes: dict[Levels, list[Group]] = {}
    for group in groups:
        for depth, step in enumerate(group.home, 1):
            # A scope without a number is no copy, and has none.
            if stem_of(step) != step:
                scopes.setdefault(group.home[:depth], []).append(group)

    readers: dict[Port, set[str]] = {}
    for node in graph:
        for port in node.inputs:
            readers.setdefault(port, set()).add(node.id)
    handed_out = {output.port for output in graph.outputs}

    twins: dict[str, str] = {}
    times: dict[Levels, int] = {}
    held = {levels: _nodes(inside) for levels, inside in scopes.items()}
    # Outer scopes first: what is inside a copy that is left out needs no look.
    for first in sorted(scopes, key=len):
        nodes = held[first]
        if any(id in twins for id in nodes) or first in times:
            continue

        run = [nodes]
        wiring: dict[Port, Port] = {}
        while True:
            after = _next(first, len(run))
            if after is None or after not in scopes:
                break
            copy = held[after]
            # Nothing but the copy may read what leaves the one before: its arrow would be lost. Asked first, since most
            # scopes are members side by side, whose results something else brings together.
            leaving = _leaving(graph, run[-1], readers, handed_out)
            allowed = {*run[-1], *copy}
            if any(port in handed_out or not readers[port] <= allowed for port in leaving):
                break
            alike = _alike(scopes[first], scopes[after], len(first))
            if not alike or not _fed(graph, nodes, run[-1], copy, wiring, leaving):
                break
            run.append(copy)

        if len(run) > 1:
            times[first] = len(run)
            for copy in run[1:]:
                twins |= dict(zip(copy, nodes, strict=True))
    return Repeats(twins, times)


def _next(first: Levels, count: int) -> Levels | None:
    """The scope that would be the copy so many after the first: `loop.2` is two after `loop.0`."""
    stem, _, number = first[-1].rpartition(".")
    if not stem or not number.isdigit():
        return None
    return (*first[:-1], f"{stem}.{int(number) + count}")


def _nodes(groups: list[Group]) -> list[str]:
    return [node.id for group in groups for node in group.nodes]


def _alike(one: list[Group], other: list[Group], depth: int) -> bool:
    """Tell whether scopes hold the same boxes in the same order and frames."""
    def shape(group: Group) -> object:
        nodes = [(node.op.name, arguments(node), node.outputs) for node in group.nodes]
        closed = None
        if group.scope is not None:
            closed = group.scope.name
        return group.home[depth:], closed, group.times, nodes

    return list(map(shape, one)) == list(map(shape, other))


def _fed(graph: Graph, first: list[str], before: list[str], copy: list[str], wiring: dict[Port, Port],
         leaving: set[Port]) -> bool:
    """Tell whether a copy is wired as the first scope is, and reads all that leaves the one before it.

    `wiring` has, for each port that the first scope reads from outside, the port that copies read in its place, as a
    port of the first scope; it grows with the first copy and holds for all.
    """
    twin, inside = dict(zip(copy, first, strict=True)), set(before)
    earlier = dict(zip(before, first, strict=True))
    read: set[Port] = set()
    for id, other in twin.items():
        for port, model in zip(graph.node(id).inputs, graph.node(other).inputs, strict=True):
            if port.node in twin:
                if Port(twin[port.node], port.index) != model:
                    return False
                continue

            # What all copies read alike, such as a code, has one arrow to the first.
            if port == model:
                continue
            # All else that enters comes from the copy before, at the same place each time.
            if port.node not in inside or model.node in first:
                return False
            read.add(port)
            place = Port(earlier[port.node], port.index)
            if wiring.setdefault(model, place) != place:
                return False

    return leaving == read


def _leaving(graph: Graph, nodes: list[str], readers: Mapping[Port, set[str]], handed_out: set[Port]) -> set[Port]:
    """The ports of a scope that are read, or handed out, outside it."""
    inside = set(nodes)
    given = {Port(node, i) for node in nodes for i in range(len(graph.node(node).outputs))}
    return {port for port in given if port in handed_out or not readers.get(port, set()) <= inside}
