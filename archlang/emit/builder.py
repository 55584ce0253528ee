"""From a checked graph to a torch.fx graph: one node for each operation, in program order."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

from archlang.emit.names import module_name, variable
from archlang.emit.resolve import resolve
from archlang.emit.sizes import Sizes
from archlang.graph.ir import Graph, Node, Port
from archlang.ops.model import Module
from archlang.shapes import Poly


class Builder:
    """Writes nodes of a checked graph into `into`, and remembers which fx node carries which port."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.into = fx.Graph()
        self.values: dict[Port, fx.Node] = {}
        self.numbers = {node.id: number for number, node in enumerate(graph)}
        self.sizes = Sizes(graph, self.into, [self._input(i) for i in range(len(graph.inputs))])

    def _input(self, index: int) -> fx.Node:
        spec = self.graph.inputs[index]
        made = self.into.create_node("placeholder", f"input_{index}", name=f"input_{index}")
        made.meta.update(facts(self.graph.node(spec.node)))
        made.meta["archlang"]["input"] = spec.name
        self.values[Port(spec.node)] = made
        return made

    def one_by_one(self, node: Node) -> None:
        """Write a node as its op's module or function, after its padding where it has one."""
        inputs = [self.values[port] for port in node.inputs]
        call = self.graph.call(node)
        inputs[:1] = [self.padded(node, x) for x in inputs[:1]]
        target = node.op.torch
        args: tuple[Any, ...] = (tuple(inputs),) if target.packed else tuple(inputs)
        if isinstance(target, Module):
            made = self.into.create_node("call_module", module_name(node.path), args, name=self.name(node))
        else:
            kwargs = {key: self.plain(value) for key, value in target.arguments(call).items()}
            function = resolve(target.dotted(call))
            made = self.into.create_node("call_function", function, args, kwargs, name=self.name(node))
        self.keep(node, self.noted(made, node))

    def padded(self, node: Node, x: fx.Node) -> fx.Node:
        """A node's first input with the padding that its op wants before the torch target, itself where none."""
        padding = node.op.pad(self.graph.call(node)) if node.op.pad is not None else None
        if padding is None:
            return x
        amounts, mode = padding
        args, name = (x, tuple(amounts)), self.name(node) + "_pad"
        made = self.into.create_node("call_function", torch.nn.functional.pad, args, {"mode": mode}, name)
        return self.noted(made, node)

    def name(self, node: Node) -> str:
        """The name of the fx node that stands for a node."""
        return variable(node.op.name, self.numbers[node.id])

    def noted(self, made: fx.Node, node: Node) -> fx.Node:
        """The fx node, with the place in the file of what it stands for."""
        made.meta.update(facts(node))
        return made

    def keep(self, node: Node, made: fx.Node) -> None:
        """Take an fx node as the value of all ports of a node."""
        if len(node.outputs) == 1:
            self.values[Port(node.id)] = made
            return
        for index in range(len(node.outputs)):
            self.values[Port(node.id, index)] = self.item(made, index, node)

    def item(self, made: fx.Node, index: int, node: Node) -> fx.Node:
        """One of several results, which stands for (an output of) a node."""
        name = f"{self.name(node)}_{index}"
        return self.noted(self.into.create_node("call_function", operator.getitem, (made, index), name=name), node)

    def plain(self, value: object) -> Any:
        """An argument as generated code may hold it: numbers, None, fixed words, nodes, and tuples of those."""
        match value:
            case Poly():
                return self.sizes.node(value)
            case tuple() | list():
                return tuple(self.plain(item) for item in value)
            case None | bool() | int() | float():
                return value
            case str() if value.isidentifier():
                return value
        raise TypeError(f"an op gave {type(value).__name__} as an argument of its torch function")

    def finish(self, taps: bool, ports: Sequence[Port] = ()) -> fx.Graph:
        """Hand out the outputs, and with `taps` what can be looked at, or beside them the values of `ports`."""
        found = [self.values[output.port] for output in self.graph.outputs]
        result: Any = found[0] if len(found) == 1 else dict(zip(output_names(self.graph), found, strict=True))
        if ports:
            result = (result, tuple(self.values[port] for port in ports))
        if taps:
            result = (result, {name: self._shown(port) for name, port in tap_ports(self.graph).items()})
        last = self.into.output(result)
        last.meta.update(facts(self.graph.node(self.graph.outputs[0].port.node)))
        for node in self.into.nodes:
            node.meta.setdefault("archlang", last.meta["archlang"])
            node.meta.setdefault("span", last.meta["span"])
        return self.into

    def _shown(self, port: Port) -> fx.Node:
        """The value of a port for whoever looks at it: patches, which run as samples, on an axis behind the batch."""
        node = self.graph.node(port.node)
        if node.rows == 1:
            return self.values[port]
        shape = (-1, self.plain(node.rows))
        made = self.into.create_node("call_function", torch.unflatten, (self.values[port], 0, shape),
                                     name=f"{self.name(node)}_{port.index}_seen")
        return self.noted(made, node)


def facts(node: Node) -> dict[str, Any]:
    """What an fx node says of its origin: place in the file, module path, op, the blocks that led there, and the rank
    of its (first) result, batch included.
    """
    frames = tuple((frame.block, str(frame.span)) for frame in node.frames)
    rank = node.outputs[0].rank + 1
    known = {"span": str(node.span), "path": node.name, "op": node.op.name, "rank": rank, "frames": frames}
    return {"archlang": known, "span": known["span"]}


def output_names(graph: Graph) -> list[str]:
    """Keys of the outputs where there are several: a further one's own name; the main one's is the name it is bound to,
    or `output` where it has none or another output took it.
    """
    taken = {output.name for output in graph.outputs}
    names = []
    for output in graph.outputs:
        bound = [name for name, ports in graph.bound.items() if tuple(ports) == (output.port,) and name not in taken]
        names.append(output.name or (bound[0] if bound else "output"))
    return names


def tap_ports(graph: Graph) -> dict[str, Port]:
    """What a network lets one look at, by name: the gates of each router, [batch, inputs, outputs], the attention over
    layers, [batch, layers], and what else operations declare as their taps.

    The name is the module path of the router, of `attend` ...; where one is run several times, the second is `NAME_2`.
    """
    found: dict[str, Port] = {}
    for node in graph:
        for index, suffix in node.op.taps:
            name, count = ".".join((*node.path[:-1], suffix) if suffix else node.path[:-1]), 1
            key = name
            while key in found:
                count += 1
                key = f"{name}_{count}"
            found[key] = Port(node.id, index)
    return found
