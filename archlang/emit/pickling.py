"""Compiled models as pickles, for `torch.save`, copies in other processes and whoever sends a model to one.

torch pickles the generated code and traces it again, which loses names and places. Here the nodes themselves are kept.
A pickle runs code when it is read: model files (`archlang.save`) do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import fx, nn
from torch.fx.graph import CodeGen

MADE_ANEW = frozenset({"_graph", "_code", "_lineno_map", "_prologue_start", "_tracer_cls", "_tracer_extras"})
"""Attributes of a `GraphModule` that come from its graph."""


@dataclass(frozen=True)
class NodeNumber:
    """Stands for the node with this number where it is an argument."""

    number: int


@dataclass(frozen=True)
class PlainNode:
    """A node of a graph; its arguments hold a `NodeNumber` for each node."""

    op: str
    name: str
    target: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class PlainGraph:
    """The nodes of a graph in their order. Nodes themselves form a chain, too long for a pickle to follow."""

    nodes: tuple[PlainNode, ...]

    @classmethod
    def of(cls, graph: fx.Graph) -> PlainGraph:
        """Describe a graph; of what is noted on its nodes, the place in the file stays."""
        numbers = {node: number for number, node in enumerate(graph.nodes)}

        def reference(node: fx.Node) -> Any:
            return NodeNumber(numbers[node])

        def plain(value: Any) -> Any:
            return fx.node.map_arg(value, reference)

        return cls(tuple(
            PlainNode(node.op, node.name, node.target, plain(node.args), plain(node.kwargs),
                      {key: node.meta[key] for key in ("archlang", "span") if key in node.meta})
            for node in graph.nodes
        ))

    def graph(self) -> fx.Graph:
        """Make the graph that was described."""
        made, nodes = fx.Graph(), list[fx.Node]()

        def standing(value: Any) -> Any:
            match value:
                case NodeNumber():
                    return nodes[value.number]
                case list() | tuple():
                    return type(value)(standing(item) for item in value)
                case dict():
                    return {key: standing(item) for key, item in value.items()}
                case slice():
                    return slice(standing(value.start), standing(value.stop), standing(value.step))
            return value

        for node in self.nodes:
            new = made.create_node(node.op, node.target, standing(node.args), standing(node.kwargs), name=node.name)
            new.meta.update(node.meta)
            nodes.append(new)
        return made


Make = Callable[[nn.Module, fx.Graph, str], fx.GraphModule]


def reduced(model: fx.GraphModule, make: Make) -> tuple[Callable[..., fx.GraphModule], tuple[Any, ...]] | None:
    """The function and its arguments that make a model again; None for a graph that generates code in its own way.

    `make` makes a model of modules, a graph and the name of its class.
    """
    if type(model.graph._codegen) is not CodeGen:
        return None

    state = {name: value for name, value in vars(model).items() if name not in MADE_ANEW}
    state["meta"] = {key: _plain(value) for key, value in model.meta.items()}
    return restored, (make, PlainGraph.of(model.graph), type(model).__name__, state)


def restored(make: Make, graph: PlainGraph, name: str, state: Mapping[str, Any]) -> fx.GraphModule:
    """Make a model of what `reduced` described."""
    root = nn.Module()
    vars(root).update({key: state[key] for key in ("_modules", "_parameters", "_buffers", "training")})

    model = make(root, graph.graph(), name)
    vars(model).update(state)
    model.meta = {key: _standing(value) for key, value in state["meta"].items()}
    return model


def _plain(value: Any) -> Any:
    """A note on a model; a graph is described."""
    if isinstance(value, fx.Graph):
        return PlainGraph.of(value)
    return value


def _standing(value: Any) -> Any:
    """A note on a model; a graph that was described is made again."""
    if isinstance(value, PlainGraph):
        return value.graph()
    return value
