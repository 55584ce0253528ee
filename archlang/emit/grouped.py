"""Writing a unit of several nodes as one: members stand side by side along the channels until somebody reads one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn

from archlang.emit.builder import Builder
from archlang.emit.coded import convolutions, is_tail, masks
from archlang.emit.grouping import HEAVY, Unit
from archlang.emit.names import module_name
from archlang.graph.ir import Graph, Node, Port
from archlang.layers import coded_sum, grouped
from archlang.ops.model import Module


class GroupingBuilder(Builder):
    """A `Builder` that also writes units of several nodes. `modules` holds the weights that it refers to."""

    def __init__(self, graph: Graph, modules: nn.Module) -> None:
        super().__init__(graph)
        self.modules = modules
        self.joined: dict[tuple[Port, ...], fx.Node] = {}
        self.part_of: dict[Port, tuple[Port, ...]] = {}

    def unit(self, unit: Unit) -> None:
        """Write a unit: a single node as it is, several as one operation."""
        if is_tail(unit):
            return self._coded(unit)
        if len(unit) == 1:
            for port in unit[0].inputs:
                self._take_apart(port)
            return self.one_by_one(unit[0])
        made = self._together(unit)
        ports = tuple(Port(node.id) for node in unit)
        self.joined[ports] = self._noted(made, unit)
        self.part_of.update((port, ports) for port in ports)
        return None

    def _coded(self, unit: Unit) -> None:
        """Write the end of a block of coded branches as one call: its sum, and the energies."""
        convs, last = convolutions(unit), unit[-1]
        energies = next(node for node in unit if node.op.name == "energies")
        kwargs = {"weights": self._each(convs, "weight"), "masks": tuple(self._value(p) for p in masks(unit)),
                  "of": energies.args["of"]}
        x = self._join(convs)
        made = self.into.create_node("call_function", coded_sum, (x,), kwargs, name=self.name(last) + "_all")
        self._noted(made, convs)
        self.values[Port(last.id)] = self.item(made, 0, last)
        self.values[Port(energies.id)] = self.item(made, 1, energies)

    def finish(self, taps: bool, ports: Sequence[Port] = ()) -> fx.Graph:
        """As of any builder; outputs are taken apart first."""
        for port in (*(output.port for output in self.graph.outputs), *ports):
            self._take_apart(port)
        return super().finish(taps, ports)

    def _together(self, unit: Unit) -> fx.Node:
        first = unit[0]
        call, target = self.graph.call(first), first.op.torch
        kind, name = HEAVY.get(target.dotted(call)), self.name(first) + "_all"
        common = kind in ("convolution", "linear") and len({node.inputs[0] for node in unit}) == 1
        x = self._padded(unit, self._value(unit[0].inputs[0]) if common else self._join(unit))
        if kind is not None:
            function: Any = getattr(grouped, kind)
            kwargs = self._norm(unit) if kind == "batch_norm" else self._contraction(unit, kind, common)
            return self.into.create_node("call_function", function, (x,), kwargs, name=name)
        if isinstance(target, Module):
            return self.into.create_node("call_module", module_name(first.path), (x,), name=name)
        kwargs = {key: self.plain(value) for key, value in target.arguments(call).items()}
        return self.into.create_node("call_function", torch.flatten, (x,), kwargs, name=name)

    def _value(self, port: Port) -> fx.Node:
        self._take_apart(port)
        return self.values[port]

    def _join(self, unit: Unit) -> fx.Node:
        ports = tuple(node.inputs[0] for node in unit)
        if ports not in self.joined:
            members = tuple(self._value(port) for port in ports)
            made = self.into.create_node("call_function", grouped.gather, (members,), name=self.name(unit[0]) + "_in")
            self.joined[ports] = self._noted(made, unit)
        return self.joined[ports]

    def _take_apart(self, port: Port) -> None:
        ports = self.part_of.get(port)
        if ports is None or port in self.values:
            return
        whole, unit = self.joined[ports], tuple(self.graph.node(p.node) for p in ports)
        parts = self.into.create_node("call_function", torch.chunk, (whole, len(ports), 1),
                                      name=self.name(unit[0]) + "_parts")
        self._noted(parts, unit)
        for index, (each, node) in enumerate(zip(ports, unit, strict=True)):
            self.values[each] = self.item(parts, index, node)

    def _padded(self, unit: Unit, x: fx.Node) -> fx.Node:
        made = self.padded(unit[0], x)
        return x if made is x else self._noted(made, unit)

    def _contraction(self, unit: Unit, kind: str, common: bool) -> dict[str, Any]:
        module: Any = self._module(unit[0])
        biases = self._each(unit, "bias") if module.bias is not None else None
        kwargs: dict[str, Any] = {"weights": self._each(unit, "weight"), "biases": biases, "common": common}
        if kind == "convolution":
            kwargs |= {key: getattr(module, key) for key in ("stride", "padding", "dilation", "groups")}
        return kwargs

    def _norm(self, unit: Unit) -> dict[str, Any]:
        module: Any = self._module(unit[0])
        kwargs: dict[str, Any] = {"training": self._each(unit, "training")}
        for key, name in (("weights", "weight"), ("biases", "bias"), ("means", "running_mean"),
                          ("variances", "running_var"), ("counters", "num_batches_tracked")):
            kwargs[key] = self._each(unit, name) if getattr(module, name) is not None else None
        return kwargs | {"momentum": module.momentum, "eps": module.eps}

    def _module(self, node: Node) -> nn.Module:
        return self.modules.get_submodule(module_name(node.path))

    def _each(self, unit: Unit, attribute: str) -> tuple[fx.Node, ...]:
        names = [f"{module_name(node.path)}.{attribute}" for node in unit]
        variables = [f"{self.name(node)}_{attribute}" for node in unit]
        made = [self.into.create_node("get_attr", n, name=v) for n, v in zip(names, variables, strict=True)]
        return tuple(self.noted(one, node) for one, node in zip(made, unit, strict=True))

    def _noted(self, made: fx.Node, unit: Unit) -> fx.Node:
        self.noted(made, unit[0])
        made.meta["archlang"]["members"] = tuple(node.name for node in unit)
        return made
