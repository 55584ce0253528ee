"""A network's outline: its scopes as a tree, what each holds and costs, and short texts for nodes and numbers.

A scope is a step of the module path with the index behind it: `layer1.bottleneck.0.conv` lies in `layer1`, and there in
`bottleneck.0`. Reports count by it, pictures draw clusters of it, comparisons align it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from archlang.graph.ir import Graph, Node
from archlang.ops.model import REQUIRED
from archlang.ops.values import Size, show
from archlang.shapes import Dim

ROUTER = re.compile(r"(route|fork)(_\d+)?")


class HasGraph(Protocol):
    """Anything with a checked graph: a network, above all."""

    @property
    def graph(self) -> Graph:
        """The graph."""


def graph_of(network: HasGraph | Graph) -> Graph:
    """The graph itself, whether a network or its graph is at hand."""
    return network if isinstance(network, Graph) else network.graph


@dataclass(frozen=True)
class Cost:
    """The cost of a node or scope: numbers in parameters and buffers, FLOPs and result bytes of one sample, operations.

    >>> Cost(parameters=2) + Cost(parameters=3, ops=1)
    Cost(parameters=5, buffers=0, flops=0, activation_bytes=0, ops=1)
    """

    parameters: Dim = 0
    buffers: Dim = 0
    flops: Dim = 0
    activation_bytes: Dim = 0
    ops: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.parameters + other.parameters,
            self.buffers + other.buffers,
            self.flops + other.flops,
            self.activation_bytes + other.activation_bytes,
            self.ops + other.ops,
        )


def levels(path: tuple[str, ...]) -> tuple[str, ...]:
    """The path in steps, each index joined to the name before it; a router's stages lie inside it, by input and output.

    >>> levels(("layer1", "bottleneck", "0", "body", "conv"))
    ('layer1', 'bottleneck.0', 'body', 'conv')
    >>> levels(("trunk", "route_2", "0", "1", "linear"))
    ('trunk', 'route_2', '0.1', 'linear')
    """
    found: list[str] = []
    for part in path:
        if part.isdigit() and found and not ROUTER.fullmatch(found[-1]):
            found[-1] += "." + part
        else:
            found.append(part)
    return tuple(found)


@dataclass
class Scope:
    """One scope: its own name, its levels from the network on, what stands in it in program order, and its cost."""

    name: str
    levels: tuple[str, ...]
    items: list[Scope | Node] = field(default_factory=list)
    cost: Cost = Cost()

    @property
    def path(self) -> str:
        """The dotted name; empty for the network itself."""
        return ".".join(self.levels)

    @property
    def scopes(self) -> list[Scope]:
        """The scopes directly inside."""
        return [item for item in self.items if isinstance(item, Scope)]

    def walk(self) -> Iterator[Scope]:
        """This scope and all inside, outer before inner, in program order."""
        waiting = [self]
        while waiting:
            scope = waiting.pop()
            yield scope
            waiting.extend(reversed(scope.scopes))

    def nodes(self) -> Iterator[Node]:
        """All nodes inside, at any depth."""
        for scope in self.walk():
            yield from (item for item in scope.items if isinstance(item, Node))


def costs(graph: Graph) -> dict[str, Cost]:
    """Each node's cost by its id. Weights that several nodes share count at the first of them."""
    owners = {node.id for node in graph.modules().values()}
    found = {}
    for node in graph:
        weights = graph.weights(node) if node.id in owners else ()
        found[node.id] = Cost(
            sum((w.numel for w in weights if w.trained), 0),
            sum((w.numel for w in weights if not w.trained), 0),
            node.rows * node.op.flops(graph.call(node)),
            sum((node.rows * t.elements * 4 for t in node.outputs), 0),
            1,
        )
    return found


def outline(graph: Graph, cost: Mapping[str, Cost] | None = None) -> Scope:
    """The tree of scopes, the network itself at the root; `cost` where `costs(graph)` is at hand."""
    root = Scope(graph.name, ())
    known: dict[tuple[str, ...], Scope] = {(): root}
    cost = costs(graph) if cost is None else cost
    for node in graph:
        steps = levels(node.path)
        root.cost += cost[node.id]
        for depth in range(1, len(steps)):
            here = steps[:depth]
            if here not in known:
                known[here] = Scope(here[-1], here)
                known[here[:-1]].items.append(known[here])
            known[here].cost += cost[node.id]
        known[steps[:-1]].items.append(node)
    return root


def arguments(node: Node) -> str:
    """Write the arguments as a file would, between the parentheses: defaults and what was worked out left away."""
    shown = []
    for arg in node.op.args:
        value = node.args.get(arg.name)
        if arg.default is REQUIRED and value is None:
            continue  # tensors, which are inputs
        if arg.default is REQUIRED:
            shown.append(show(value) if not node.op.internal else f"{arg.name} = {show(value)}")
        elif value != arg.default and not (arg.name == "bias" and arg.default is None):
            short = value[0] if isinstance(value, Size) and len(set(value)) == 1 else value
            shown.append(f"{arg.name} = {show(short)}")
    return ", ".join(shown)


def compact(number: Dim) -> str:
    """A number in three figures with a decimal prefix; a symbolic one as it is.

    >>> compact(999), compact(1_110_564), compact(25_557_032), compact(4_100_000_000)
    ('999', '1.11 M', '25.6 M', '4.1 G')
    """
    if not isinstance(number, int):
        return str(number)
    if abs(number) < 1000:
        return str(number)
    value = float(number)
    for prefix in ("k", "M", "G", "T", "P", "E"):
        value /= 1000
        if abs(value) < 999.5 or prefix == "E":
            break

    # Three digits in all; the bounds are where rounding would make a fourth.
    digits = 0
    if abs(value) < 9.995:
        digits = 2
    elif abs(value) < 99.95:
        digits = 1

    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {prefix}"
