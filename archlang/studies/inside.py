"""What flows inside a model of any form, compiled, fused or loaded: values of single operations while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.emit.names import module_name
from archlang.graph.ir import Graph
from archlang.layers.multipath import Gates
from archlang.train.loop.evaluation import record_of
from archlang.train.processes.devices import place

ROUTED = ("specs/multipath/base_cnn_cc.arch", "examples/04_paths.arch")
"""Networks with gates, named where one without is given."""


@dataclass(frozen=True)
class Router:
    """A router with gates: its name, the call of its `Gates` and what stands behind, and its places in the graph.

    `sums` are the calls whose results are its outputs, in order. Its gates [inputs, outputs] are called
    `NAME.INPUT.OUTPUT`, from 0.
    """

    name: str
    call: fx.Node
    sums: tuple[fx.Node, ...]
    inputs: int
    outputs: int
    nodes: tuple[str, ...]

    @property
    def gates(self) -> tuple[str, ...]:
        """The names of its gates, inputs first."""
        return tuple(f"{self.name}.{i}.{j}" for i in range(self.inputs) for j in range(self.outputs))


class Watch(fx.Interpreter):
    """A model run one operation after the other, which keeps the results of some of them in `seen`."""

    def __init__(self, model: fx.GraphModule, wanted: Sequence[fx.Node]) -> None:
        super().__init__(model, graph=graph_of(model))
        self.wanted, self.seen = set(wanted), dict[fx.Node, Any]()

    def run_node(self, n: fx.Node) -> Any:
        """One operation."""
        value = super().run_node(n)
        if n in self.wanted:
            self.seen[n] = value
        return value


def graph_of(model: fx.GraphModule) -> fx.Graph:
    """The operations of a model with parallel members one by one, so that each has a value of its own."""
    found: fx.Graph = model.meta.get("loop", model.graph)
    return found


def routers(model: fx.GraphModule) -> tuple[Router, ...]:
    """The routers with gates, in program order. Raises `ArchError` (unsupported-module) where there is none."""
    record = record_of(model)
    graph: Graph = record.network.graph
    count: dict[str, int] = {}
    found = []
    for node in graph_of(model).nodes:
        module = model.get_submodule(node.target) if node.op == "call_module" else None
        if isinstance(module, Gates):
            path = node.target.removesuffix(".gates")
            count[path] = count.get(path, 0) + 1
            name = path if count[path] == 1 else f"{path}_{count[path]}"
            places = tuple(n.id for n in graph if n.op.name == "combine" and _reads(graph, n, node.target))
            found.append(Router(name, node, _sums(node, module.outputs), module.inputs, module.outputs, places))
    if not found:
        raise ArchError(error(
            "unsupported-module", f"nothing in `{graph.name}` has gates",
            help=["gates come with `route(cross_connection)`, `route(cross_prediction(...))` and `fork` of either",
                  f"networks with gates: {', '.join(f'`{name}`' for name in ROUTED)}",
                  "`archlang transform FILE multipath{paths=2,router=cross_connection}` makes one of another"]))
    return tuple(found)


def _reads(graph: Graph, node: Any, target: str) -> bool:
    gates = graph.node(node.inputs[0].node)
    return gates.op.name == "gates" and module_name(gates.path) == target


def _sums(call: fx.Node, outputs: int) -> tuple[fx.Node, ...]:
    """What a router makes: the items of its one weighted sum, or its several sums after their activations."""
    users = [user for user in call.users if user.op == "call_function"]
    if len(users) == 1 and outputs > 1:
        return tuple(sorted(users[0].users, key=lambda item: int(item.args[1])))  # type: ignore[arg-type]  # an index
    return tuple(_activated(user) for user in users)


def _activated(node: fx.Node) -> fx.Node:
    after = next(iter(node.users)) if len(node.users) == 1 else node
    path, other = (n.meta.get("archlang", {}).get("path", "").rpartition(".")[0] for n in (node, after))
    return after if path == other and path else node


def named(gates: Sequence[str], wanted: str, what: str = "gate") -> int:
    """The place of a name among those there are. Raises `ArchError` (unknown-name)."""
    if wanted in gates:
        return gates.index(wanted)
    shown = one_line(wanted, 80)
    help = [*did_you_mean(wanted, gates), f"there are {', '.join(gates[:20])}" + (", ..." if len(gates) > 20 else "")]
    raise ArchError(error("unknown-name", f"there is no {what} called `{shown}`", help=help))


@contextmanager
def placed(model: nn.Module, device: str) -> Iterator[tuple[torch.device, torch.dtype]]:
    """A model in evaluation mode on a device, with its kind of numbers; afterwards it is as it was."""
    target = place(device)
    first = next(model.parameters(), torch.zeros(()))
    was, home, kind = model.training, first.device, first.dtype
    model.to(target).eval()
    try:
        yield target, kind
    finally:
        model.to(home).train(was)
