"""A model among processes each of which holds a share of every stage's experts: its code calls those that are here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import fx

from archlang.emit.builder import ModuleBuilder
from archlang.emit.emit import around
from archlang.emit.module import ArchModule
from archlang.emit.names import module_name
from archlang.graph.ir import Graph, Node, Port
from archlang.graph.patch_experts import dispatching, expert_of, held
from archlang.layers.patch_experts.dispatch import join_experts
from archlang.layers.patch_experts.spread import SpreadDispatch, come_back


def inside(graph: Graph, dispatch: Node) -> Iterator[Node]:
    """The nodes of the experts of a stage."""
    return (node for node in graph if _stage(node) == dispatch.path[:-1])


def _stage(node: Node) -> tuple[str, ...] | None:
    member = expert_of(node)
    return None if member is None else member.region


def spread(model: ArchModule, graph: Graph, rank: int, size: int, ports: Sequence[Port] = ()) -> ArchModule:
    """A module around the weights of a model that runs the experts of this process and sends rows to the others.

    It is called on every process at the same time, with the share of each; with `ports` as `observing` has it. The
    model's own code is no longer to be run: its `dispatch` modules are exchanged.
    """
    for node in dispatching(graph):
        # One inside an expert runs where that expert is, with all of its rows.
        if expert_of(node) is None:
            model.set_submodule(module_name(node.path), _dispatch(graph, node, rank, size))

    builder = SpreadBuilder(graph, rank, size)
    entering = {spec.node for spec in graph.inputs}
    for node in graph:
        if node.id not in entering:
            builder.one_by_one(node)
    return around(model, graph, builder.finish(False, ports))


def _dispatch(graph: Graph, node: Node, rank: int, size: int) -> SpreadDispatch:
    nodes = list(inside(graph, node))
    statistics = any(inner.op.batched for inner in nodes)
    coupled = any(not inner.op.rows(graph.call(inner)) for inner in nodes)
    runs = [held(node.args["experts"], process, size) for process in range(size)]
    return SpreadDispatch(runs, rank, node.args["cut"], statistics, coupled)


class SpreadBuilder(ModuleBuilder):
    """A `ModuleBuilder` that leaves out the experts of other processes.

    Attributes:
        routes: the fx node of the route of each stage, by the value that its experts' weights are.
    """

    def __init__(self, graph: Graph, rank: int, size: int) -> None:
        super().__init__(graph)
        self.rank, self.size = rank, size
        self.routes: dict[Port, fx.Node] = {}

    def one_by_one(self, node: Node) -> None:
        """Write a node, unless another process does."""
        member = expert_of(node)
        if member is not None:
            if member.index in held(member.count, self.rank, self.size):
                super().one_by_one(node)
        elif node.op.piece == "dispatch":
            self._spread_out(node)
        elif node.op.piece == "joined experts":
            self._joined(node)
        else:
            super().one_by_one(node)

    def _spread_out(self, node: Node) -> None:
        """Write the call that sends rows to the experts, and the choice of what came for those here."""
        own = held(node.args["experts"], self.rank, self.size)
        args = tuple(self.values[port] for port in node.inputs)
        call = self.noted(self.into.create_node("call_module", module_name(node.path), args, {}, self.name(node)), node)

        self.values[Port(node.id)] = self.item(call, 0, node)
        self.routes[Port(node.id)] = self.item(call, 1, node)
        for place, expert in enumerate(own):
            self.values[Port(node.id, 1 + expert)] = self.item(call, 2 + place, node)

    def _joined(self, node: Node) -> None:
        """Write the sum of the experts here, and its way back."""
        weights, *results = node.inputs
        here = held(len(results), self.rank, self.size)
        args = (self.values[weights], *(self.values[results[expert]] for expert in here))
        part = self.into.create_node("call_function", join_experts, args, {}, f"{self.name(node)}_part")

        back = (self.noted(part, node), self.routes[weights])
        name = self.name(node)
        self.values[Port(node.id)] = self.noted(self.into.create_node("call_function", come_back, back, {}, name), node)
