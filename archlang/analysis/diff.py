"""The differences of two networks: in structure, in arguments, in wiring, in costs and declarations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from archlang.analysis.align import Item, Pair, Signatures, align, name_of, stem
from archlang.analysis.declarations import SettingChange, port_name, settings_changes
from archlang.analysis.report import FORMAT_VERSION, Count, call_text, count
from archlang.graph.ir import Graph, Node, Port
from archlang.graph.outline import Cost, HasGraph, Scope, costs, graph_of, outline
from archlang.ops.values import show

ChangeKind = Literal["added", "removed", "changed", "renamed", "rewired"]


@dataclass(frozen=True)
class Change:
    """One difference of structure.

    Args:
        what: the kind of difference.
        kind: `operation`, or `block` for a scope with all inside it.
        name: the dotted name after the change, or before it where nothing is left.
        before: the call, the name or the inputs before, as text.
        after: the same after.
        ops: the number of operations concerned.
        parameters: how many more there are now.
    """

    what: ChangeKind
    kind: Literal["operation", "block"]
    name: str
    before: str | None
    after: str | None
    ops: int
    parameters: Count


@dataclass(frozen=True)
class CountChange:
    """A count of both networks."""

    before: Count
    after: Count


@dataclass(frozen=True)
class OperationChange:
    """All uses of one operation in both networks: how many, their parameters and their FLOPs for one sample."""

    name: str
    uses: CountChange
    parameters: CountChange
    flops: CountChange


@dataclass(frozen=True)
class Diff:
    """All differences between two networks."""

    format_version: int
    before: str
    after: str
    changes: list[Change]
    settings: list[SettingChange]
    parameters: CountChange
    buffers: CountChange
    flops: CountChange
    activation_bytes: CountChange
    operations: list[OperationChange]

    @property
    def same(self) -> bool:
        """True if the two compute and declare the same, up to the network's name and a renumbering."""
        # Counts are compared as well: weights that come to be shared change no call and no wiring.
        counts = (self.parameters, self.buffers, self.flops, self.activation_bytes)
        return not self.changes and not self.settings and all(c.before == c.after for c in counts)

    def json(self) -> str:
        """The differences as one JSON document."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode() + "\n"


def diff(before: HasGraph | Graph, after: HasGraph | Graph) -> Diff:
    """Compare two networks; an inserted layer is one change, whatever its neighbours are called now."""
    old, new = AnalysedGraph(graph_of(before)), AnalysedGraph(graph_of(after))
    old_cost, new_cost = old.tree.cost, new.tree.cost

    # In this order: what is declared of operations is compared by their counterparts.
    comparison = GraphComparison(old, new)
    changes = comparison.changes()
    return Diff(
        FORMAT_VERSION,
        old.graph.name,
        new.graph.name,
        changes,
        [*settings_changes(old.graph, new.graph, comparison.partner)],
        CountChange(count(old_cost.parameters), count(new_cost.parameters)),
        CountChange(count(old_cost.buffers), count(new_cost.buffers)),
        CountChange(count(old_cost.flops), count(new_cost.flops)),
        CountChange(count(old_cost.activation_bytes), count(new_cost.activation_bytes)),
        [*_operations(old, new)],
    )


class AnalysedGraph:
    """A graph with the costs of its nodes and its tree of scopes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.costs = costs(graph)
        self.tree = outline(graph, self.costs)

    def cost(self, item: Item) -> Cost:
        """The cost of a scope or an operation."""
        if isinstance(item, Scope):
            return item.cost
        return self.costs[item.id]


    def by_operation(self) -> dict[str, Cost]:
        """The cost of all uses of each operation, in the order of their first ones."""
        total: dict[str, Cost] = {}
        for node in self.graph:
            # An input is declared, and has no cost.
            if node.inputs or node.op.own:
                total[node.op.name] = total.get(node.op.name, Cost()) + self.costs[node.id]
        return total


class GraphComparison:
    """The comparison of two graphs; `partner` maps operations before to their counterparts after, by id."""

    def __init__(self, old: AnalysedGraph, new: AnalysedGraph) -> None:
        self.old, self.new = old, new
        self.signature = Signatures(old.tree, new.tree)
        self.partner: dict[str, str] = {}

    def changes(self) -> list[Change]:
        """The differences of structure in program order, then those of wiring."""
        # In this order: the first fills `partner`, which the second reads.
        return [*self._structure(), *self._wiring()]

    def _structure(self) -> Iterator[Change]:
        """The differences of scopes and operations, a scope before its contents."""
        # A stack of its own: blocks may stand deeper in each other than Python's goes.
        waiting = self._aligned(self.old.tree, self.new.tree)
        while waiting:
            pair = waiting.pop()

            match pair.before, pair.after:
                case None, item if item is not None:
                    yield self._added(item)
                case item, None if item is not None:
                    yield self._removed(item)
                case Node() as x, Node() as y:
                    self.partner[x.id] = y.id
                    yield from self._operation(x, y)
                case Scope() as x, Scope() as y:
                    # What is inside may have changed all the same, so that the contents are compared next.
                    if stem(x.name) != stem(y.name):
                        yield Change("renamed", "block", y.path, x.path, y.path, y.cost.ops, 0)
                    waiting.extend(self._aligned(x, y))

    def _aligned(self, before: Scope, after: Scope) -> list[Pair]:
        """The pairs of two scopes' items, the last first, as a stack hands them out."""
        return list(align(before, after, self.signature))[::-1]

    def _added(self, item: Item) -> Change:
        cost = self.new.cost(item)
        if isinstance(item, Scope):
            return Change("added", "block", item.path, None, None, cost.ops, count(cost.parameters))
        return Change("added", "operation", item.name, None, call_text(item), 1, count(cost.parameters))

    def _removed(self, item: Item) -> Change:
        cost = self.old.cost(item)
        if isinstance(item, Scope):
            return Change("removed", "block", item.path, None, None, cost.ops, count(-cost.parameters))
        return Change("removed", "operation", item.name, call_text(item), None, 1, count(-cost.parameters))

    def _operation(self, x: Node, y: Node) -> Iterator[Change]:
        """The differences in name and in arguments of two counterparts."""
        if stem(name_of(x)) != stem(name_of(y)):
            yield Change("renamed", "operation", y.name, x.name, y.name, 1, 0)

        # A router's `combine` changes with its gates, and is no change of its own.
        follows = y.op.internal and not self.new.graph.weights(y)
        before, after = _settled(x, y)
        if before != after and not follows:
            # The cost of a shared module is counted at its first use alone, so that a later one adds nothing.
            more = self.new.cost(y).parameters - self.old.cost(x).parameters
            yield Change("changed", "operation", y.name, before, after, 1, count(more))

    def _wiring(self) -> Iterator[Change]:
        """Operations that read another counterpart than before.

        An operation put in or taken out between two others is no rewiring of them.
        """
        kept = set(self.partner.values())
        for old_id, new_id in self.partner.items():
            x, y = self.old.graph.node(old_id), self.new.graph.node(new_id)
            if not all(port.node in self.partner for port in x.inputs):
                continue
            if not all(port.node in kept for port in y.inputs):
                continue

            # Where the inputs would come from if nothing had been rewired.
            carried = tuple(Port(self.partner[port.node], port.index) for port in x.inputs)
            if carried != y.inputs:
                before, after = _read_by(self.old.graph, x), _read_by(self.new.graph, y)
                yield Change("rewired", "operation", y.name, before, after, 1, 0)


def _operations(old: AnalysedGraph, new: AnalysedGraph) -> Iterator[OperationChange]:
    """The operations of which either network has other ones, those that the network before has first."""
    before, after = old.by_operation(), new.by_operation()
    for name in {**before, **after}:
        x, y = before.get(name, Cost()), after.get(name, Cost())
        # Results of another size alone stand in the counts of the whole.
        if (x.ops, x.parameters, x.flops) != (y.ops, y.parameters, y.flops):
            uses = CountChange(x.ops, y.ops)
            parameters = CountChange(count(x.parameters), count(y.parameters))
            yield OperationChange(name, uses, parameters, CountChange(count(x.flops), count(y.flops)))


def _settled(x: Node, y: Node) -> tuple[str, str]:
    """The calls of two counterparts, with the bias that was settled for each where it differs.

    A call leaves that out, because no file need write it. So two networks may differ in it alone: of two convolutions
    the one has a bias, or the other.
    """
    before, after = call_text(x), call_text(y)
    settled = [node.args.get("bias") for node in (x, y)]
    if before == after and settled[0] != settled[1]:
        return f"{before}, bias = {show(settled[0])}", f"{after}, bias = {show(settled[1])}"
    return before, after


def _read_by(graph: Graph, node: Node) -> str:
    """The names of the operations that a node reads, and which of its results where one has several."""
    return ", ".join(port_name(graph, port) for port in node.inputs)
