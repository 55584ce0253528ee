"""The uses of modules: a `layer` runs the same modules several times, and each of its nodes is one call of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from archlang.graph.ir import Graph, Node


def named(nodes: Iterable[Node], name: Callable[[Node], str]) -> dict[str, Node]:
    """The nodes by their names; where several have one name, the second is called `NAME_2`."""
    found: dict[str, Node] = {}
    for node in nodes:
        key, count = name(node), 1
        while key in found:
            count += 1
            key = f"{name(node)}_{count}"
        found[key] = node
    return found


def use_of(graph: Graph, node: Node) -> tuple[int, int]:
    """Number the call of its module that a node is, from 0, and count the calls of that module in one run."""
    uses = [other.id for other in graph if other.path == node.path]
    return uses.index(node.id), len(uses)
