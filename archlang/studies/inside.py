"""Tensors inside a model of any form, compiled, fused or loaded: values of single operations while it runs."""

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
from archlang.layers.patch_experts.dispatch import Dispatch, dispatches
from archlang.train.loop.evaluation import record_of
from archlang.train.processes.devices import evaluating, place

ROUTED = ("specs/multipath/base_cnn_cc.arch", "examples/04_paths.arch")
"""Networks with gates, named where one without is given."""


@dataclass(frozen=True)
class Router:
    """A router with gates: its name, the call of its `Gates` and what stands behind, and its places in the graph.

    `sums` are the calls whose results are its outputs, in order: weighted sums, or the results of experts, which are
    weighted where they are summed (`weighs_results`). Its gates [inputs, outputs] are called `NAME.INPUT.OUTPUT`, from
    0. `nodes` are the ids of its sums in the network's graph.
    """

    name: str
    call: fx.Node
    sums: tuple[fx.Node, ...]
    inputs: int
    outputs: int
    nodes: tuple[str, ...]
    weighs_results: bool = False

    @property
    def gates(self) -> tuple[str, ...]:
        """The names of its gates, inputs first."""
        return tuple(f"{self.name}.{i}.{j}" for i in range(self.inputs) for j in range(self.outputs))

    def weights(self, value: Any, samples: int) -> torch.Tensor:
        """The gates that count, [samples, inputs, outputs], of what the call gave; 0 for a path that was left out."""
        # A sparse router's call gives two results: the gates after paths were left out, and before.
        after = value[0] if isinstance(value, tuple) else value
        return self._by_sample(after, samples)

    def relevance(self, value: Any, samples: int) -> torch.Tensor:
        """The gates before any of them was left out, [samples, inputs, outputs]."""
        before = value[1] if isinstance(value, tuple) else value
        return self._by_sample(before, samples)

    def _by_sample(self, rows: torch.Tensor, samples: int) -> torch.Tensor:
        """The mean over the patches of a sample, where rows are patches."""
        return rows.detach().double().reshape(samples, -1, self.inputs, self.outputs).mean(1)


class ValueRecorder(fx.Interpreter):
    """A model run one operation after the other, which keeps the results of some of them in `seen`."""

    def __init__(self, model: fx.GraphModule, wanted: Sequence[fx.Node]) -> None:
        super().__init__(model, graph=graph_of(model))
        self.wanted = set(wanted)
        self.seen = dict[fx.Node, Any]()

    def run_node(self, n: fx.Node) -> Any:
        """One operation."""
        value = super().run_node(n)
        if n in self.wanted:
            self.seen[n] = value
        return value


def graph_of(model: fx.GraphModule) -> fx.Graph:
    """The operations of a model with parallel members one by one, so that each has a value of its own."""
    ungrouped: fx.Graph = model.meta.get("loop", model.graph)
    return ungrouped


def routers(model: fx.GraphModule) -> tuple[Router, ...]:
    """The routers with gates, in program order. Raises `ArchError` (unsupported-module) where there is none."""
    graph: Graph = record_of(model).network.graph
    times: dict[str, int] = {}
    made = []
    for node in graph_of(model).nodes:
        if node.op != "call_module":
            continue
        module = model.get_submodule(node.target)
        if not isinstance(module, Gates):
            continue

        path = node.target.removesuffix(".gates")
        times[path] = times.get(path, 0) + 1
        # A module that is called twice (weights shared by a repetition) is two routers, told apart by a number.
        name = path
        if times[path] > 1:
            name = f"{path}_{times[path]}"
        made.append(_router(model, graph, name, node, module))

    if not made:
        raise ArchError(error(
            "unsupported-module", f"nothing in `{graph.name}` has gates",
            help=["gates come with `route(cross_connection)`, `route(cross_prediction(...))` and `fork` of either",
                  f"networks with gates: {', '.join(f'`{name}`' for name in ROUTED)}",
                  "`archlang transform FILE multipath{paths=2,router=cross_connection}` makes one of another"]))
    return tuple(made)


def _router(model: fx.GraphModule, graph: Graph, name: str, call: fx.Node, module: Gates) -> Router:
    dispatch = _dispatch_behind(model, call)
    if dispatch is None:
        sums = _sums(call, module.outputs)
        return Router(name, call, sums, module.inputs, module.outputs, _readers(graph, str(call.target)))

    # A dispatch gives its results as one tuple: weights first, then the rows of each expert.
    (weights,) = [user for user in dispatch.users if user.args[1] == 0]
    join = next(iter(weights.users))
    results = tuple(arg for arg in join.args[1:] if isinstance(arg, fx.Node))
    return Router(name, call, results, module.inputs, module.outputs, _readers(graph, str(dispatch.target)), True)


def _dispatch_behind(model: fx.GraphModule, call: fx.Node) -> fx.Node | None:
    """The call that hands rows to experts by these gates; None where inputs are summed by them."""
    waiting = [call]
    while waiting:
        node = waiting.pop()
        if node.op == "call_module" and isinstance(model.get_submodule(str(node.target)), Dispatch):
            return node
        # Between gates and a dispatch stand a pick out of several results, and a change of shape, at most.
        if node is call or (node.op == "call_function" and len(node.all_input_nodes) == 1):
            waiting.extend(node.users)
    return None


def _readers(graph: Graph, target: str) -> tuple[str, ...]:
    """The ids of the nodes whose first input is the first result of the module of this name."""
    # A sparse router has a second result, the gates before paths were left out, which no sum reads.
    firsts = [(node, node.inputs[0]) for node in graph if node.inputs]
    return tuple(n.id for n, port in firsts if port.index == 0 and module_name(graph.node(port.node).path) == target)


def _sums(call: fx.Node, outputs: int) -> tuple[fx.Node, ...]:
    """Find what a router makes: the items of its one weighted sum, or its several sums after their activations."""
    users = [user for user in call.users if user.op == "call_function"]
    # Several outputs from one call come as a tuple, whose items are picked in any order.
    if len(users) == 1 and outputs > 1:
        return tuple(sorted(users[0].users, key=lambda item: int(item.args[1])))  # type: ignore[arg-type]  # an index
    return tuple(_activated(user) for user in users)


def _activated(node: fx.Node) -> fx.Node:
    if len(node.users) != 1:
        return node

    after = next(iter(node.users))
    # A router and its activation are written as one stage, so they have one path; a later stage has another.
    path, other = (n.meta.get("archlang", {}).get("path", "").rpartition(".")[0] for n in (node, after))
    if path and path == other:
        return after
    return node


def named(gates: Sequence[str], wanted: str, what: str = "gate") -> int:
    """The place of a name among those there are. Raises `ArchError` (unknown-name)."""
    if wanted in gates:
        return gates.index(wanted)

    shown = one_line(wanted, 80)
    known = ", ".join(gates[:20])
    # A large network has thousands of gates.
    if len(gates) > 20:
        known += ", ..."
    help = [*did_you_mean(wanted, gates), f"there are {known}"]
    raise ArchError(error("unknown-name", f"there is no {what} called `{shown}`", help=help))


@contextmanager
def placed(model: nn.Module, device: str) -> Iterator[tuple[torch.device, torch.dtype]]:
    """A model in evaluation mode on a device, with its kind of numbers; afterwards it is as it was."""
    target = place(device)
    kind = next(model.parameters(), torch.zeros(())).dtype
    with evaluating(model, target):
        yield target, kind


@contextmanager
def all_rows(model: nn.Module) -> Iterator[None]:
    """Every expert gets all rows, so that results lie side by side by sample; afterwards the cuts are as they were."""
    # Cut rows would arrive at an expert packed together, with no word of the samples they are from.
    before = {dispatch: dispatch.cut for dispatch in dispatches(model).values()}
    for dispatch in before:
        dispatch.cut = None

    try:
        yield
    finally:
        for dispatch, cut in before.items():
            dispatch.cut = cut
