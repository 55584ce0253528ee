"""The parallel parts of a graph, and the ways in which each can run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archlang.emit.grouping import PARALLEL, Parallel, as_written, plan, region_of
from archlang.graph.ir import Graph


@dataclass(frozen=True)
class Region:
    """Parallel parts that are built alike, which run in one way.

    Args:
        names: their module paths.
        nodes: what they are made of: operations, arguments and types.
        ways: the ways that differ, the usual one first.
    """

    names: tuple[str, ...]
    nodes: tuple[str, ...]
    ways: tuple[Parallel, ...]

    @property
    def label(self) -> str:
        """Its name in a report."""
        if len(self.names) == 1:
            return self.names[0]
        return f"{self.names[0]} and {len(self.names) - 1} like it"


def regions_of(graph: Graph) -> list[Region]:
    """The parts that can run in more than one way, the largest first."""
    forms = {way: _units_in(graph, way) for way in PARALLEL}
    alike: dict[tuple[str, ...], list[str]] = {}
    ways: dict[tuple[str, ...], tuple[Parallel, ...]] = {}
    for name in dict.fromkeys([*forms["auto"], *forms["grouped"]]):
        seen: list[object] = []
        differing: list[Parallel] = []
        for way in PARALLEL:
            form = forms[way].get(name)
            if form not in seen:
                seen.append(form)
                differing.append(way)

        if len(differing) > 1:
            nodes = _described(graph, name)
            alike.setdefault(nodes, []).append(name)
            ways[nodes] = tuple(differing)

    found = [Region(tuple(names), nodes, ways[nodes]) for nodes, names in alike.items()]
    return sorted(found, key=lambda region: -len(region.nodes) * len(region.names))


def _units_in(graph: Graph, way: Parallel) -> Mapping[str, list[object]]:
    """The units of several nodes, or of another form, by the part that they are in."""
    units: dict[str, list[object]] = {}
    for unit in plan(graph, way):
        if not as_written(unit):
            units.setdefault(region_of(unit), []).append(unit)
    return units


def _described(graph: Graph, name: str) -> tuple[str, ...]:
    """The nodes of a part as texts that other parts built alike have too."""
    inside = []
    for node in graph:
        if any(".".join(member.region) == name for member in node.members):
            types = ", ".join(str(type) for type in (*graph.call(node).inputs, *node.outputs))
            inside.append(f"{node.op.name}({dict(node.args)!s}) {types}")
    return tuple(inside)
