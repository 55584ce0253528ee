"""What is different between two networks: in structure, in arguments, in wiring, in what they cost and give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from archlang.analysis.align import Item, Pair, Signatures, align, name_of, stem
from archlang.analysis.report import FORMAT_VERSION, Count, Plain, count, plain
from archlang.graph.ir import Graph, Node, Port
from archlang.graph.outline import HasGraph, Scope, arguments, costs, graph_of, outline
from archlang.graph.plan import Plan
from archlang.ops.values import show

What = Literal["added", "removed", "changed", "renamed", "rewired"]


@dataclass(frozen=True)
class Change:
    """One difference. `name` is the dotted name after the change, or before it where nothing is left.

    `kind` says of what: `operation` or `block` (a scope with all in it, `ops` operations). `before` and `after` hold
    what differs, as text: the calls, the names, or the inputs. `parameters` is how many more there are now.
    """

    what: What
    kind: Literal["operation", "block"]
    name: str
    before: str | None
    after: str | None
    ops: int
    parameters: Count


@dataclass(frozen=True)
class Sum:
    """A count of both networks."""

    before: Count
    after: Count


@dataclass(frozen=True)
class Setting:
    """A dial, an input, an output or a part of the training that differs; None where one network lacks it."""

    kind: Literal["dial", "input", "output", "train"]
    name: str
    before: Plain
    after: Plain


@dataclass(frozen=True)
class Diff:
    """All differences between two networks."""

    format_version: int
    before: str
    after: str
    changes: list[Change]
    settings: list[Setting]
    parameters: Sum
    buffers: Sum
    flops: Sum
    activation_bytes: Sum

    @property
    def same(self) -> bool:
        """Whether the two compute and declare the same, up to the network's own name and a renumbering."""
        sums = (self.parameters, self.buffers, self.flops, self.activation_bytes)
        return not self.changes and not self.settings and all(s.before == s.after for s in sums)

    def json(self) -> str:
        """The differences as one JSON document."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode() + "\n"


def diff(before: HasGraph | Graph, after: HasGraph | Graph) -> Diff:
    """Compares two networks; an inserted layer is one change, whatever its neighbours are called now."""
    a, b = graph_of(before), graph_of(after)
    found = _Differ(a, b)
    old, new = (tree.cost for tree in found.trees)
    return Diff(
        FORMAT_VERSION,
        a.name,
        b.name,
        found.changes(),
        [*_settings(a, b)],
        Sum(count(old.parameters), count(new.parameters)),
        Sum(count(old.buffers), count(new.buffers)),
        Sum(count(old.flops), count(new.flops)),
        Sum(count(old.activation_bytes), count(new.activation_bytes)),
    )


class _Differ:
    def __init__(self, a: Graph, b: Graph) -> None:
        self.a, self.b = a, b
        self.costs = costs(a), costs(b)
        self.trees = outline(a, self.costs[0]), outline(b, self.costs[1])
        self.signature = Signatures(*self.trees)
        self.partner: dict[str, str] = {}

    def changes(self) -> list[Change]:
        """Differences of structure in program order, then those of wiring."""
        return [*self._scopes(*self.trees), *self._wiring()]

    def _scopes(self, before: Scope, after: Scope) -> Iterator[Change]:
        waiting: list[Pair] = list(align(before, after, self.signature))[::-1]
        while waiting:
            pair = waiting.pop()
            match pair.before, pair.after:
                case None, item if item is not None:
                    yield self._alone("added", item, 1)
                case item, None if item is not None:
                    yield self._alone("removed", item, 0)
                case Node() as x, Node() as y:
                    self.partner[x.id] = y.id
                    yield from self._operation(x, y)
                case Scope() as x, Scope() as y:
                    if stem(x.name) != stem(y.name):
                        yield Change("renamed", "block", y.path, x.path, y.path, y.cost.ops, 0)
                    waiting.extend(list(align(x, y, self.signature))[::-1])

    def _alone(self, what: What, item: Item, side: int) -> Change:
        if isinstance(item, Scope):
            size, ops, name, text = item.cost.parameters, item.cost.ops, item.path, None
        else:
            size, ops, name, text = self.costs[side][item.id].parameters, 1, item.name, _call(item)
        kind: Literal["operation", "block"] = "block" if isinstance(item, Scope) else "operation"
        if what == "added":
            return Change(what, kind, name, None, text, ops, count(size))
        return Change(what, kind, name, text, None, ops, count(-size))

    def _operation(self, x: Node, y: Node) -> Iterator[Change]:
        more = self.costs[1][y.id].parameters - self.costs[0][x.id].parameters
        if stem(name_of(x)) != stem(name_of(y)):
            yield Change("renamed", "operation", y.name, x.name, y.name, 1, 0)
        follows = y.op.internal and not self.b.weights(y)  # a router's `combine` changes with its gates
        if _call(x) != _call(y) and not follows:
            yield Change("changed", "operation", y.name, _call(x), _call(y), 1, count(more))

    def _wiring(self) -> Iterator[Change]:
        """Operations that read another counterpart than before; what was put in or taken out between is no rewiring."""
        back = {new: old for old, new in self.partner.items()}
        for old, new in self.partner.items():
            x, y = self.a.node(old), self.b.node(new)
            if x.op.name == "input" or not all(p.node in self.partner for p in x.inputs):
                continue
            if all(p.node in back for p in y.inputs):
                carried = tuple(Port(self.partner[p.node], p.index) for p in x.inputs)
                if carried != y.inputs:
                    before, after = _read(self.a, x), _read(self.b, y)
                    yield Change("rewired", "operation", y.name, before, after, 1, 0)


def _call(node: Node) -> str:
    given = arguments(node)
    return f"{node.op.name}({given})" if given else node.op.name


def _read(graph: Graph, node: Node) -> str:
    return ", ".join(graph.node(port.node).name for port in node.inputs)


def _settings(a: Graph, b: Graph) -> Iterator[Setting]:
    yield from _compared("dial", {k: plain(v) for k, v in a.dials.items()}, {k: plain(v) for k, v in b.dials.items()})
    yield from _compared("input", _inputs(a), _inputs(b))
    yield from _compared("output", _outputs(a), _outputs(b))
    yield from _compared("train", _plan(a.plan), _plan(b.plan))


def _compared(
    kind: Literal["dial", "input", "output", "train"], before: dict[str, Plain], after: dict[str, Plain]
) -> Iterator[Setting]:
    for name in {**before, **after}:
        if name not in before or name not in after or before[name] != after[name]:
            yield Setting(kind, name, before.get(name), after.get(name))


def _inputs(graph: Graph) -> dict[str, Plain]:
    return {i.name: str(i.type) + (f" mean {show(i.mean)} std {show(i.std)}" if i.mean else "") for i in graph.inputs}


def _outputs(graph: Graph) -> dict[str, Plain]:
    return {output.name or "output": str(graph.type(output.port)) for output in graph.outputs}


def _plan(plan: Plan | None) -> dict[str, Plain]:
    if plan is None:
        return {}
    found: dict[str, Plain] = {
        "loss": " + ".join(f"{show(loss.weight)} * {loss.option}" for loss in plan.losses),
        "optimizer": show(plan.optimizer),
        "batch": plan.batch,
        "seed": plan.seed,
        "augment": show(plan.augment),
        "labels": show(plan.labels),
        "clip": show(plan.clip),
        "precision": plan.precision,
        "average": show(plan.average),
    }
    for step in plan.steps:
        losses = " + ".join(f"{show(loss.weight)} * {loss.option}" for loss in step.losses)
        found[f"step {step.name}"] = f"{losses}; {step.optimizer}"
    for phase in plan.phases:
        length = f"steps = {phase.steps}" if phase.steps else f"epochs = {phase.epochs}"
        extra = {"keys": phase.keys, "only": phase.only, "freeze": phase.freeze or None}
        settings = "".join(f"; {name} = {show(value)}" for name, value in extra.items() if value is not None)
        found[f"phase {phase.name}"] = f"{length}; lr = {show(phase.lr)}{settings}"
    return found
