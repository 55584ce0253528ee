"""Writing a unit of several nodes as one: members stand side by side along the channels until somebody reads one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn

from archlang.emit.builder import ModuleBuilder
from archlang.emit.coded import CodedTail
from archlang.emit.grouping import Twins, Unit
from archlang.emit.kernels_in_one import Channelwise, OneKernel
from archlang.emit.names import module_name
from archlang.emit.resolve import resolve
from archlang.emit.targets import MEAN, heavy_kind, target_of
from archlang.graph.ir import Graph, Node, Port
from archlang.layers import channelwise, coded_sum, embedded, grouped, window_mean
from archlang.ops.model import Module

NORM_STATE = {
    "weights": "weight", "biases": "bias", "means": "running_mean", "variances": "running_var",
    "counters": "num_batches_tracked",
}  # fmt: skip
"""Arguments of the grouped batch norm to the attributes of a batch norm that they are taken from."""


class GroupingBuilder(ModuleBuilder):
    """A `ModuleBuilder` that also writes units of several nodes.

    Attributes:
        modules: the tree of modules that holds the weights.
        joined: the fx node that carries several ports side by side.
        part_of: the ports that a port stands side by side with, where its unit runs as one.
    """

    def __init__(self, graph: Graph, modules: nn.Module) -> None:
        super().__init__(graph)
        self.modules = modules
        self.joined: dict[tuple[Port, ...], fx.Node] = {}
        self.part_of: dict[Port, tuple[Port, ...]] = {}

    def unit(self, unit: Unit) -> None:
        """Write a unit: a single node as it is, several as one operation."""
        if isinstance(unit, CodedTail):
            self._coded(unit)
        elif isinstance(unit, OneKernel):
            self._one_kernel(unit)
        elif isinstance(unit, Channelwise):
            self._channelwise(unit)
        elif len(unit) == 1:
            self._alone(unit[0])
        else:
            self._together(unit)

    def finish(self, taps: bool, ports: Sequence[Port] = ()) -> fx.Graph:
        """Write the outputs, taken apart where they stand side by side."""
        for output in self.graph.outputs:
            self._take_apart(output.port)
        for port in ports:
            self._take_apart(port)
        return super().finish(taps, ports)

    def _alone(self, node: Node) -> None:
        """Write a single node."""
        for port in node.inputs:
            self._take_apart(port)
        self.one_by_one(node)

    def _coded(self, tail: CodedTail) -> None:
        """Write the end of a block of coded branches as one call: its sum, and the energies."""
        kwargs = {
            "weights": self._attributes(tail.convolutions, "weight"),
            "masks": tuple(self._value(port) for port in tail.masks),
            "of": tail.energies.args["of"],
        }
        x = self._join(tail.convolutions)
        name = self.name(tail.sum) + "_all"
        both = self.into.create_node("call_function", coded_sum, (x,), kwargs, name=name)
        self._noted_for(both, tail.convolutions)

        self.values[Port(tail.sum.id)] = self.item(both, 0, tail.sum)
        self.values[Port(tail.energies.id)] = self.item(both, 1, tail.energies)

    def _one_kernel(self, unit: OneKernel) -> None:
        """Write a large kernel and the small ones inside it as one convolution."""
        main = unit.convolutions[0]
        module: Any = self._module(main)
        bias = None
        if module.bias is not None:
            bias = self._attribute(main, "bias")

        kwargs: dict[str, Any] = {"weights": self._attributes(unit.convolutions, "weight"), "places": unit.places}
        kwargs |= {"bias": bias} |  {key: getattr(module, key) for key in ("stride", "padding", "dilation")}
        x = self.padded(main, self._value(main.inputs[0]))
        name = self.name(main) + "_all"
        whole = self.into.create_node("call_function", embedded, (x,), kwargs, name=name)

        ports = tuple(Port(node.id) for node in unit.convolutions)
        self.joined[ports] = self._noted_for(whole, unit.convolutions)
        self.part_of.update((port, ports) for port in ports)

    def _channelwise(self, unit: Channelwise) -> None:
        """Write an operation of a branch in its own form, then what pads the map."""
        node, name = unit.node, self.name(unit.node)
        first = node
        if unit.pad is not None:
            first = unit.pad
        x = self._value(first.inputs[0])

        module: Any = self._module(node)
        args: tuple[Any, ...]
        if target_of(self.graph, node) == MEAN:
            args = (x, *(_both(getattr(module, key)) for key in ("kernel_size", "stride", "padding")))
            made = self.into.create_node("call_function", window_mean, args, name=name)
        elif module.groups == 1:
            made = self.into.create_node("call_module", module_name(node.path), (x,), name=name)
        else:
            args = (x, self._attribute(node, "weight"), module.stride, module.groups)
            made = self.into.create_node("call_function", channelwise, args, name=name)

        self.noted(made, node)
        if unit.pad is not None:
            made = self._padding(unit.pad, made)
        self.keep(node, made)

    def _padding(self, pad: Node, x: fx.Node) -> fx.Node:
        """Write a node that pads, of another value than the graph gives it."""
        use = self.graph.call(pad)
        target: Any = pad.op.torch
        kwargs = {key: self.plain(value) for key, value in target.arguments(use).items()}
        call = self.into.create_node("call_function", resolve(target.dotted(use)), (x,), kwargs, name=self.name(pad))
        return self.noted(call, pad)

    def _together(self, twins: Twins) -> None:
        """Write several nodes as one, whose result holds theirs side by side."""
        ports = tuple(Port(node.id) for node in twins)
        self.joined[ports] = self._noted_for(self._one_call(twins), twins)
        self.part_of.update((port, ports) for port in ports)

    def _one_call(self, twins: Twins) -> fx.Node:
        """The call of a grouped form, or of a member's module or function, which treats all channels alike."""
        first = twins[0]
        kind, name = heavy_kind(self.graph, first), self.name(first) + "_all"


        # Where all members read one tensor, it need not be repeated for each.
        common = kind in ("convolution", "linear") and len({node.inputs[0] for node in twins}) == 1
        if common:
            x = self._value(first.inputs[0])
        else:
            x = self._join(twins)
        x = self._padded_for(twins, x)

        if kind == "batch_norm":
            return self.into.create_node("call_function", grouped.batch_norm, (x,), self._norm(twins), name=name)
        if kind is not None:
            kwargs = self._contraction(twins, kind, common)
            return self.into.create_node("call_function", getattr(grouped, kind), (x,), kwargs, name=name)

        target = first.op.torch
        if isinstance(target, Module):
            return self.into.create_node("call_module", module_name(first.path), (x,), name=name)
        kwargs = {key: self.plain(value) for key, value in target.arguments(self.graph.call(first)).items()}
        return self.into.create_node("call_function", torch.flatten, (x,), kwargs, name=name)

    def _value(self, port: Port) -> fx.Node:
        """The fx node of a port by itself."""
        self._take_apart(port)
        return self.values[port]

    def _join(self, twins: Twins) -> fx.Node:
        """The first inputs of nodes side by side, joined unless they are so already."""
        ports = tuple(node.inputs[0] for node in twins)
        if ports not in self.joined:
            members = tuple(self._value(port) for port in ports)
            name = self.name(twins[0]) + "_in"
            gathered = self.into.create_node("call_function", grouped.gather, (members,), name=name)
            self.joined[ports] = self._noted_for(gathered, twins)
        return self.joined[ports]

    def _take_apart(self, port: Port) -> None:
        """Give a port and those beside it fx nodes of their own."""
        if port not in self.part_of or port in self.values:
            return

        # All members at once: the others will be asked for as well, and one call makes them all.
        ports = self.part_of[port]
        nodes = tuple(self.graph.node(p.node) for p in ports)
        args = (self.joined[ports], len(ports), 1)
        parts = self.into.create_node("call_function", torch.chunk, args, name=self.name(nodes[0]) + "_parts")
        self._noted_for(parts, nodes)

        for index, (member, node) in enumerate(zip(ports, nodes, strict=True)):
            self.values[member] = self.item(parts, index, node)

    def _padded_for(self, twins: Twins, x: fx.Node) -> fx.Node:
        """Write the padding that all nodes want; return x itself where they want none."""
        padded = self.padded(twins[0], x)
        if padded is x:
            return x
        return self._noted_for(padded, twins)

    def _contraction(self, twins: Twins, kind: str, common: bool) -> dict[str, Any]:
        """The arguments of a grouped convolution or linear layer."""
        module: Any = self._module(twins[0])
        biases = None
        if module.bias is not None:
            biases = self._attributes(twins, "bias")

        kwargs: dict[str, Any] = {"weights": self._attributes(twins, "weight"), "biases": biases, "common": common}
        if kind == "convolution":
            kwargs |= {key: getattr(module, key) for key in ("stride", "padding", "dilation", "groups")}
        # Members are alike, so the first one's settings are everybody's.
        return kwargs

    def _norm(self, twins: Twins) -> dict[str, Any]:
        """The arguments of a grouped batch norm."""
        module: Any = self._module(twins[0])
        kwargs: dict[str, Any] = {"training": self._attributes(twins, "training")}
        for key, name in NORM_STATE.items():
            kwargs[key] = None
            if getattr(module, name) is not None:
                kwargs[key] = self._attributes(twins, name)
        return kwargs | {"momentum": module.momentum, "eps": module.eps}

    def _module(self, node: Node) -> nn.Module:
        """The module that holds a node's weights."""
        return self.modules.get_submodule(module_name(node.path))

    def _attributes(self, twins: Twins, attribute: str) -> tuple[fx.Node, ...]:
        """One attribute of each node's module."""
        return tuple(self._attribute(node, attribute) for node in twins)

    def _attribute(self, node: Node, attribute: str) -> fx.Node:
        target, name = f"{module_name(node.path)}.{attribute}", f"{self.name(node)}_{attribute}"
        return self.noted(self.into.create_node("get_attr", target, name=name), node)

    def _noted_for(self, fx_node: fx.Node, nodes: Sequence[Node]) -> fx.Node:
        """Note on an fx node that it stands for several nodes, at the place of the first, and return it."""
        self.noted(fx_node, nodes[0])
        fx_node.meta["archlang"]["members"] = tuple(node.name for node in nodes)
        return fx_node


def _both(size: Any) -> tuple[int, ...]:
    """A size for rows and columns, where torch takes one number for both."""
    if isinstance(size, int):
        return size, size
    return tuple(size)
