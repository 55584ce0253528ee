"""The steps of a model, as the writer of source reads them: calls of modules and functions by path."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import fx, nn

from archlang.emit.names import safe
from archlang.exporting.construction import Construction, of_instance, of_node
from archlang.graph.ir import Frame, Graph, Node
from archlang.shapes import Dim, Tensor

USED_AGAIN = ("layer", "shared")
"""Kinds of members that use the modules of one place several times."""

Path = tuple[str, ...]
"""A module's path, each part as the module tree has it."""


@dataclass(frozen=True)
class Value:
    """A result of a step: all of it, or (`index`) one of several."""

    step: str
    index: int | None = None


@dataclass(frozen=True)
class ModelStep:
    """One call.

    Args:
        name: the name of the fx node.
        path: where it stands; the last part is its own name.
        uses: for each part of the path, which use of it this is, where it is used several times.
        kind: `module`, `function`, `tensor` for a weight of the model itself, `size` for what is calculated of sizes.
        target: the function or the method's name.
        made: how the module, or the tensor, is constructed.
        args, kwargs: what it is called with; `Value` stands for results of other steps.
        frames: the blocks around it, outermost first.
        weights: whether it has a place in the `state_dict`.
    """

    name: str
    path: Path
    uses: tuple[int, ...]
    kind: str
    target: Any = None
    made: Construction | None = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    frames: tuple[Frame, ...] = ()
    weights: bool = False

    @property
    def reads(self) -> list[Value]:
        """The values that it reads, in order, each once."""
        return list(dict.fromkeys(values_in((self.args, tuple(self.kwargs.values())))))


@dataclass(frozen=True)
class Program:
    """A model's steps in an order in which they can run.

    Args:
        name: the network's name.
        doc: its docstring.
        inputs: the name of each input, and its value.
        steps: all steps.
        result: what the model returns, with `Value` in it.
        types: the type of each value that a node of the network gave, without the batch.
        sizes: the size that each value stands for, of those that are calculated while the model runs.
    """

    name: str
    doc: str | None
    inputs: tuple[tuple[str, Value], ...]
    steps: tuple[ModelStep, ...]
    result: Any
    types: Mapping[Value, Tensor]
    sizes: Mapping[Value, Dim]


def values_in(item: Any) -> Iterator[Value]:
    """Every value in an argument, from left to right."""
    if isinstance(item, Value):
        yield item
    elif isinstance(item, Mapping):
        yield from values_in(tuple(item.values()))
    elif isinstance(item, tuple | list):
        for inner in item:
            yield from values_in(inner)
    elif isinstance(item, slice):
        yield from values_in((item.start, item.stop, item.step))


def replaced(item: Any, change: Callable[[Value], Any]) -> Any:
    """An argument with every value in it changed."""
    if isinstance(item, Value):
        return change(item)
    if isinstance(item, Mapping):
        return {key: replaced(inner, change) for key, inner in item.items()}
    if isinstance(item, tuple | list):
        return tuple(replaced(inner, change) for inner in item)
    if isinstance(item, slice):
        return slice(*(replaced(part, change) for part in (item.start, item.stop, item.step)))
    return item


def program_of(module: nn.Module, fx_graph: fx.Graph, graph: Graph, fresh: bool) -> Program:
    """Read the steps of a model.

    Args:
        module: holds the modules that the graph calls, be it on the device `meta`.
        fx_graph: the calls.
        graph: the checked network that the model stems from.
        fresh: whether no pass changed the modules since: then they are constructed as the network says.
    """
    return _Reader(module, fx_graph, graph, fresh).program()


class _Reader:
    """Reads one fx graph."""

    def __init__(self, module: nn.Module, fx_graph: fx.Graph, graph: Graph, fresh: bool) -> None:
        self.module, self.fx_graph, self.graph, self.fresh = module, fx_graph, graph, fresh
        self.values: dict[fx.Node, Value] = {}

    def program(self) -> Program:
        inputs: list[tuple[str, Value]] = []
        steps: list[ModelStep] = []
        result: Any = None

        for node in self.fx_graph.nodes:
            if node.op == "placeholder":
                self.values[node] = Value(node.name)
                inputs.append((node.meta.get("archlang", {}).get("input", node.name), Value(node.name)))
            elif node.op == "output":
                result = self._plain(node.args[0])
            elif node.target is operator.getitem and isinstance(node.args[1], int) and node.args[0] in self.values \
                    and self._several(node.args[0]):
                self.values[node] = Value(self.values[node.args[0]].step, node.args[1])
            else:
                self.values[node] = Value(node.name)
                steps.append(self._step(node))

        return Program(self.graph.name, self.graph.doc, tuple(inputs), tuple(steps), result, self._types(),
                       {self.values[node]: node.meta["size"] for node in self.fx_graph.nodes if "size" in node.meta})

    def _types(self) -> dict[Value, Tensor]:
        """The types of values, where the node of the network gave them as they are."""
        types: dict[Value, Tensor] = {}
        for node, value in self.values.items():
            origin = self._origin(node)
            # A padding before an operation stems from the same node.
            if origin is None or node.name.endswith("_pad"):
                continue
            if value.index is not None:
                types[value] = origin.outputs[value.index]
            elif len(origin.outputs) == 1:
                types[value] = origin.outputs[0]
        return types

    def _several(self, node: fx.Node) -> bool:
        """Tell whether a node's result is a tuple, rather than a tensor that is indexed."""
        origin = self._origin(node)
        return self.values[node].index is None and origin is not None and len(origin.outputs) > 1

    def _origin(self, node: fx.Node) -> Node | None:
        """The node of the network that an fx node stems from; None for sizes, which no operation calculates."""
        facts = node.meta.get("archlang", {})
        if node.name.partition("_")[0] == "size" or facts.get("node") not in self.graph.nodes:
            return None
        return self.graph.node(facts["node"])

    def _step(self, node: fx.Node) -> ModelStep:
        origin = self._origin(node)
        path: Path = (node.name,)
        uses: tuple[int, ...] = (0,)
        frames: tuple[Frame, ...] = ()
        if origin is not None:
            path = tuple(map(safe, origin.path))
            uses = _uses(origin)
            frames = origin.frames

        args, kwargs = self._plain(node.args), self._plain(node.kwargs)
        kind = {"call_module": "module", "get_attr": "tensor"}.get(node.op, "function")
        if origin is None and kind == "function":
            kind = "size"
        made = None
        weights = kind == "tensor"
        if kind in ("module", "tensor"):
            # A pass may have moved a module; the name in the state_dict is what counts.
            path = tuple(str(node.target).split("."))
            uses = (*uses, *[0] * len(path))[: len(path)]
            made = self._made(node, origin)
        if kind == "module":
            weights = bool(self.module.get_submodule(str(node.target)).state_dict())
        return ModelStep(node.name, path, uses, kind, node.target, made, args, kwargs, frames, weights)

    def _made(self, node: fx.Node, origin: Node | None) -> Construction:
        """Find the construction of a node's module or tensor."""
        if node.op == "get_attr":
            owner, _, name = str(node.target).rpartition(".")
            tensor = getattr(self.module.get_submodule(owner), name)
            return Construction.of_tensor(tensor)

        if origin is not None and self.fresh:
            return of_node(self.graph, origin)
        module = self.module.get_submodule(str(node.target))
        stated = None
        if origin is not None and ".".join(map(safe, origin.path)) == node.target:
            stated = of_node(self.graph, origin)
        return of_instance(module, stated)

    def _plain(self, item: Any) -> Any:
        """An argument with values in place of nodes."""
        if isinstance(item, fx.Node):
            return self.values[item]
        if isinstance(item, Mapping):
            return {key: self._plain(inner) for key, inner in item.items()}
        if isinstance(item, tuple | list):
            return tuple(self._plain(inner) for inner in item)
        if isinstance(item, slice):
            return slice(self._plain(item.start), self._plain(item.stop), self._plain(item.step))
        return item


def _uses(node: Node) -> tuple[int, ...]:
    """For each part of a node's path, which use of the scope that ends there it belongs to."""
    uses = [0] * len(node.path)
    for member in node.members:
        depth = len(member.region)
        if member.kind in USED_AGAIN and depth and node.path[:depth] == member.region:
            uses[depth - 1] += member.index
    return tuple(uses)
