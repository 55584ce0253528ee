"""From a checked graph to a torch.fx graph: one node for each operation, in program order."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

from archlang.emit.names import module_name, safe, variable
from archlang.emit.resolve import resolve
from archlang.emit.sizes import SizeWriter
from archlang.graph.ir import Graph, Node, OutputSpec, Port
from archlang.ops.model import Module
from archlang.shapes import Poly


class ModuleBuilder:
    """Writes the nodes of a checked graph into a torch.fx graph.

    Attributes:
        graph: the checked graph.
        into: the torch.fx graph.
        values: the fx node that carries each port.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.into = fx.Graph()
        self.values: dict[Port, fx.Node] = {}
        self._numbers = {node.id: number for number, node in enumerate(graph)}
        self._sizes = SizeWriter(graph, self.into, [self._input(i) for i in range(len(graph.inputs))])

    def _input(self, index: int) -> fx.Node:
        """Write the placeholder of an input."""
        spec = self.graph.inputs[index]
        # What calls and exports the model knows its inputs by these names.
        name = safe(spec.name)
        placeholder = self.into.create_node("placeholder", name, name=name)
        placeholder.meta.update(facts(self.graph.node(spec.node)))
        placeholder.meta["archlang"]["input"] = spec.name
        self.values[Port(spec.node)] = placeholder
        return placeholder

    def one_by_one(self, node: Node) -> None:
        """Write a node as its op's module or function, after its padding where it has one."""
        inputs = [self.values[port] for port in node.inputs]
        inputs[:1] = [self.padded(node, x) for x in inputs[:1]]

        use = self.graph.call(node)
        target = node.op.becomes(use)
        # Tensors that may be left out come by keyword: their places would not tell which are there.
        named: dict[str, Any] = {name: inputs[index] for name, index in use.named.items()}
        args: tuple[Any, ...] = tuple(x for index, x in enumerate(inputs) if index not in use.named.values())
        if target.packed:
            args = (args,)

        if isinstance(target, Module):
            named |= target.keywords(use)
            call = self.into.create_node("call_module", module_name(node.path), args, named, name=self.name(node))
        else:
            kwargs = named | {key: self.plain(value) for key, value in target.arguments(use).items()}
            function = resolve(target.dotted(use))
            call = self.into.create_node("call_function", function, args, kwargs, name=self.name(node))
        self.keep(node, self.noted(call, node))

    def padded(self, node: Node, x: fx.Node) -> fx.Node:
        """Write the padding that a node's op wants before its torch target; return x itself where it wants none."""
        if node.op.pad is None:
            return x
        padding = node.op.pad(self.graph.call(node))
        if padding is None:
            return x

        amounts, mode = padding
        args, name = (x, tuple(amounts)), self.name(node) + "_pad"
        pad = self.into.create_node("call_function", torch.nn.functional.pad, args, {"mode": mode}, name)
        return self.noted(pad, node)

    def name(self, node: Node) -> str:
        """The name of the fx node that stands for a node."""
        return variable(node.op.name, self._numbers[node.id])

    def noted(self, fx_node: fx.Node, node: Node) -> fx.Node:
        """Note the origin of an fx node on it, and return it."""
        fx_node.meta.update(facts(node))
        return fx_node

    def keep(self, node: Node, fx_node: fx.Node) -> None:
        """Take an fx node as the value of all ports of a node."""
        if len(node.outputs) == 1:
            self.values[Port(node.id)] = fx_node
            return
        for index in range(len(node.outputs)):
            self.values[Port(node.id, index)] = self.item(fx_node, index, node)

    def item(self, fx_node: fx.Node, index: int, node: Node) -> fx.Node:
        """Write the choice of one of several results, which stands for (an output of) a node."""
        name = f"{self.name(node)}_{index}"
        choice = self.into.create_node("call_function", operator.getitem, (fx_node, index), name=name)
        return self.noted(choice, node)

    def plain(self, value: object) -> Any:
        """An argument as generated code may hold it: numbers, None, fixed words, nodes, and tuples of those.

        Raises TypeError for anything else, which would be a fault of the op.
        """
        match value:
            case Poly():
                return self._sizes.node(value)
            case tuple() | list():
                return tuple(self.plain(item) for item in value)
            case None | bool() | int() | float():
                return value
            case str() if value.isidentifier():
                return value
        raise TypeError(f"an op gave {type(value).__name__} as an argument of its torch function")

    def finish(self, taps: bool, ports: Sequence[Port] = ()) -> fx.Graph:
        """Write the outputs and return the fx graph.

        Args:
            taps: add a dict of the values that operations declare as their taps.
            ports: values to return beside the outputs.
        """
        outputs = [self._handed_out(group) for group in self.graph.output_groups]
        result: Any = outputs[0]
        if len(outputs) > 1:
            result = dict(zip(output_names(self.graph), outputs, strict=True))
        if ports:
            result = (result, tuple(self.values[port] for port in ports))
        if taps:
            result = (result, {name: self._tapped(port) for name, port in tap_ports(self.graph).items()})

        last = self.into.output(result)
        last.meta.update(facts(self.graph.node(self.graph.outputs[0].port.node)))

        # Nodes that calculate sizes have no operation of their own.
        for node in self.into.nodes:
            node.meta.setdefault("archlang", last.meta["archlang"])
            node.meta.setdefault("span", last.meta["span"])
        return self.into

    def _handed_out(self, group: Sequence[OutputSpec]) -> Any:
        """One output: a tensor, or the tuple of a bundle's tensors."""
        values = tuple(self.values[output.port] for output in group)
        if group[0].member is None:
            return values[0]
        return values

    def _tapped(self, port: Port) -> fx.Node:
        """The value of a port as a tap shows it: patches, which run as samples, on an axis behind the batch."""
        node = self.graph.node(port.node)
        if node.rows == 1:
            return self.values[port]

        args = (self.values[port], 0, (-1, self.plain(node.rows)))
        name = f"{self.name(node)}_{port.index}_seen"
        return self.noted(self.into.create_node("call_function", torch.unflatten, args, name=name), node)


def facts(node: Node) -> dict[str, Any]:
    """The origin of an fx node: place in the file, module path, op, the blocks that led there, the node of the checked
    graph, and the rank of its (first) result, batch included.
    """
    frames = tuple((frame.block, str(frame.span)) for frame in node.frames)
    rank = node.outputs[0].rank + 1
    origin = {"span": str(node.span), "path": node.name, "op": node.op.name, "rank": rank, "frames": frames,
              "node": node.id}
    return {"archlang": origin, "span": origin["span"]}


def output_names(graph: Graph) -> list[str]:
    """The keys of several outputs.

    A further output has a name of its own. The main one is called as it is bound, or `output` where it has no name or
    another output took it.
    """
    taken = {output.name for output in graph.outputs}
    names = []
    for group in graph.output_groups:
        handed_out = tuple(output.port for output in group)
        bound = [name for name, ports in graph.bound.items() if tuple(ports) == handed_out and name not in taken]
        names.append(group[0].name or next(iter(bound), "output"))
    return names


def tap_ports(graph: Graph) -> dict[str, Port]:
    """The values that can be looked at from outside, by name.

    They are the gates of each router, [batch, inputs, outputs], the attention over layers, [batch, layers], and
    whatever else operations declare as their taps. The name is the module path of the router, of `attend` ...; where
    one is run several times, the second is `NAME_2`.
    """
    ports: dict[str, Port] = {}
    for node in graph:
        for index, suffix in node.op.taps:
            path = node.path[:-1]

            if suffix:
                path = (*path, suffix)

            name = ".".join(path)
            key, count = name, 1
            while key in ports:
                count += 1
                key = f"{name}_{count}"
            ports[key] = Port(node.id, index)
    return ports
