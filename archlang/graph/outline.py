"""A network's outline: its scopes as a tree, what each holds and costs, and short texts for nodes and numbers.

A scope is a step of the module path with the index behind it: `layer1.bottleneck.0.conv` lies in `layer1`, and there in
`bottleneck.0`. Reports count by it, pictures draw clusters of it, comparisons align it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from typing import Protocol

from archlang.dataclass import dataclass, unguarded
from archlang.diagnostics import ArchError, error
from archlang.graph.ir import Graph, Node
from archlang.graph.known_uses import use_key
from archlang.ops.model import REQUIRED, OpCall
from archlang.ops.values import Size, show
from archlang.shapes import Dim

ROUTER = re.compile(r"(route|fork)(_\d+)?")


class HasGraph(Protocol):
    """Anything with a checked graph: a network, above all."""

    @property
    def graph(self) -> Graph:
        """The graph."""


def graph_of(network: HasGraph | Graph) -> Graph:
    """The graph itself, whether a network, its graph, or a compiled model is at hand.

    A model's is that of the network as it was compiled. Raises ArchError (unsupported-module) for other modules.
    """
    if isinstance(network, Graph):
        return network

    # The graph of a module of torch.fx is another thing.
    graph = getattr(getattr(getattr(network, "archlang", None), "network", None), "graph", None)
    if isinstance(graph, Graph):
        return graph
    graph = getattr(network, "graph", None)
    if isinstance(graph, Graph):
        return graph
    raise ArchError(error("unsupported-module", f"a {type(network).__name__} was not compiled from a file"))


@unguarded
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
    steps: list[str] = []
    for part in path:
        # An index says which copy of the stage before it; behind a router it says which input, and outputs follow.
        if part.isdigit() and steps and not ROUTER.fullmatch(steps[-1]):
            steps[-1] += "." + part
        else:
            steps.append(part)
    return tuple(steps)


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
        # Pushed in reverse, as the last one is popped first.
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
    by_id: dict[str, Cost] = {}
    owned: set[tuple[str, ...]] = set()
    # A network repeats few uses many times, and symbolic sizes take long to multiply: equal ones are counted once.
    known: dict[tuple[object, ...], tuple[bool, Cost]] = {}
    for node in graph:
        call = graph.call(node)
        use = use_key(node.op, call)
        key = (id(node.op), use, node.outputs, node.rows)
        if use is None or key not in known:
            known[key] = _of_use(node, call)
        weighs, cost = known[key]

        if node.path in owned:
            cost = replace(cost, parameters=0, buffers=0)
        elif weighs:
            owned.add(node.path)
        by_id[node.id] = cost
    return by_id


def _of_use(node: Node, call: OpCall) -> tuple[bool, Cost]:
    """Return whether the module of a node holds weights, and what the node costs alone."""
    weights = node.op.weights(call)
    return bool(weights), Cost(
        parameters=sum((weight.numel for weight in weights if weight.trained), 0),
        buffers=sum((weight.numel for weight in weights if not weight.trained), 0),
        flops=node.rows * node.op.flops(call),
        activation_bytes=sum((node.rows * tensor.elements * 4 for tensor in node.outputs), 0),  # float32
        ops=1,
    )


def by_use(node: Node) -> tuple[str, ...]:
    """The levels of a node's path, with the uses of layers that are used several times told apart by numbers."""
    path = list(node.path)
    for member in node.members:
        around = len(member.region)
        if member.kind == "layer" and member.count > 1 and node.path[:around] == member.region:
            path[around - 1] += f" (use {member.index + 1} of {member.count})"
    return levels(tuple(path))


def by_path(node: Node) -> tuple[str, ...]:
    """The levels of a node's path."""
    return levels(node.path)


def outline(graph: Graph, cost: Mapping[str, Cost] | None = None,
            steps_of: Callable[[Node], tuple[str, ...]] = by_path) -> Scope:
    """The tree of scopes, the network itself at the root; `cost` where `costs(graph)` is at hand.

    `steps_of` gives the levels of a node: `by_use` makes a scope of its own for every use of a layer.
    """
    if cost is None:
        cost = costs(graph)
    root = Scope(graph.name, ())
    scopes: dict[tuple[str, ...], Scope] = {(): root}

    for node in graph:
        steps = steps_of(node)
        root.cost += cost[node.id]

        # Outer scopes first, so that the one around a new scope is there to hold it. The last step is the node's own.
        for depth in range(1, len(steps)):
            path = steps[:depth]
            if path not in scopes:
                scopes[path] = Scope(path[-1], path)
                scopes[path[:-1]].items.append(scopes[path])
            scopes[path].cost += cost[node.id]

        scopes[steps[:-1]].items.append(node)
    return root


def arguments(node: Node) -> str:
    """Write the arguments as a file would, between the parentheses: defaults and what was worked out left away."""
    written = []
    for arg in node.op.args:
        value = node.args.get(arg.name)
        required = arg.default is REQUIRED
        if required and value is None:
            continue  # a tensor given as an argument is an input of the node

        # A bias of `auto` holds what the graph settled, which the file did not write.
        settled_bias = arg.name == "bias" and arg.default is None
        if not required and (value == arg.default or settled_bias):
            continue

        # `stride = 2` stands for 2x2; a size that must be given is written out, as in `conv(3x3, 64)`.
        if not required and isinstance(value, Size) and len(set(value)) == 1:
            value = value[0]

        # No file writes an internal operation, so that nobody knows its arguments by their place.
        if required and not node.op.internal:
            written.append(show(value))
        else:
            written.append(f"{arg.name} = {show(value)}")
    return ", ".join(written)


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
