"""Boxes and what they hold: operations with what follows them at once, closed scopes, equal closed scopes in a row.

Pictures read downwards. A closed scope that feeds members and gathers from them (experts: a router above, a sum below)
would stand above and below them at once. It is cut there: each part has a box of its own, and no arrow leads back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from heapq import heapify, heappop, heappush

from archlang.graph.ir import Graph, Node, Port
from archlang.graph.outline import Cost, Scope, arguments, by_use, outline
from archlang.views.folds import Folds, Levels, key_of

FOLLOWERS = frozenset({"normalisation", "activation", "regularisation"})
"""Families whose operations stand in the box of the one before them."""

FEW_STEPS = 3
"""A part of a scope is called by up to so many of its steps; a longer one by the first and the last."""

@dataclass
class Group:
    """Nodes that share a box; `scope` is set where the box is a closed scope, `times` where it stands for several.

    `home` are the frames around the box. A part of a cut scope has a `title`, or a `caption` where it is one operation.
    """

    nodes: list[Node]
    home: Levels
    scope: Scope | None = None
    times: int = 1
    cost: Cost = field(default_factory=Cost)
    title: str = ""
    caption: Levels = ()


class ScopedGraph:
    """A graph with its scopes and readers: what is the same in its pictures however deep they are opened."""

    def __init__(self, graph: Graph, cost: Mapping[str, Cost]) -> None:
        self.graph, self.cost = graph, cost
        self.steps = {node.id: by_use(node) for node in graph}
        self.homes = {id: steps[:-1] for id, steps in self.steps.items()}
        self.scopes = {scope.levels: scope for scope in outline(graph, cost, lambda node: self.steps[node.id]).walk()}

        self.heads = {levels for levels, scope in self.scopes.items() if any(isinstance(i, Node) for i in scope.items)}
        numbered = (levels for levels in self.scopes if levels and stem_of(levels[-1]) != levels[-1])
        self.stems = {(*levels[:-1], stem_of(levels[-1])) for levels in numbered}
        self.handed_out = {output.port for output in graph.outputs}
        self.readers: dict[Port, list[Node]] = {}
        for node in graph:
            for port in node.inputs:
                self.readers.setdefault(port, []).append(node)

        self.written: dict[Levels, Levels] = {}  # the frames of a scope -> its levels
        self._frames: dict[Levels, Levels] = {}

    def framed(self, home: Levels) -> Levels:
        """The frames around a scope: its own levels, and for `experts.0` also that of the `experts` it belongs to."""
        known = self._frames.get(home)
        if known is not None:
            return known

        frames: list[str] = []
        for i, step in enumerate(home):
            stem = stem_of(step)
            # Only where the operations that feed or gather the members have a scope: it frames them all.
            if stem != step and (*home[:i], stem) in self.heads:
                frames.append(stem)
                self.written[tuple(frames)] = (*home[:i], stem)
            frames.append(step)
            self.written[tuple(frames)] = home[: i + 1]
        self._frames[home] = tuple(frames)
        return self._frames[home]


class Grouping:
    """The groups of a graph with some scopes closed, ordered so that arrows lead from earlier to later ones."""

    def __init__(self, scoped: ScopedGraph, folds: Folds) -> None:
        self.scoped, self.graph, self.cost = scoped, scoped.graph, scoped.cost
        self.scopes, self.heads, self.stems = scoped.scopes, scoped.heads, scoped.stems
        self.handed_out, self.readers, self.framed = scoped.handed_out, scoped.readers, scoped.framed
        self.folds = self._opened_through(folds)

        self.groups = self._in_order(self._repeated(self._grouped()))

    def _opened_through(self, folds: Folds) -> Folds:
        """The folds with all opened that stands alone in what is opened: else a box would open to just one box."""
        if not folds.opened:
            return folds

        opened = set(folds.opened)
        # Outer scopes come before inner ones.
        for levels, scope in self.scopes.items():
            if key_of(levels) in opened and len(scope.items) == len(scope.scopes) == 1:
                opened.add(key_of(scope.scopes[0].levels))
        return replace(folds, opened=frozenset(opened))

    def by_node(self) -> dict[str, Group]:
        """The group of every node, by the node's id."""
        return _by_node(self.groups)

    def folded_with(self, frames: Levels) -> tuple[str, ...]:
        """The keys of the scopes that close together with a frame: its own, and for `experts` those of all members."""
        levels = self.scoped.written[frames]
        keys = [key_of(levels)]
        if levels in self.heads & self.stems:
            members = [other for other in self.scopes if other and other[:-1] == levels[:-1] and other != levels]
            keys += [key_of(other) for other in members if stem_of(other[-1]) == levels[-1]]
        return tuple(keys)

    def closed_in(self, group: Group) -> tuple[str, ...]:
        """The keys of the closed scopes that a group stands for; none where it is operations."""
        if group.scope is None:
            return ()
        found = (self.folds.around(self.scoped.homes[node.id]) for node in group.nodes)
        return tuple(dict.fromkeys(key_of(levels) for levels in found if levels is not None))

    def _grouped(self) -> list[Group]:
        groups: list[Group] = []
        at: dict[str, int] = {}
        above = _Above()

        parts: dict[Levels, list[int]] = {}
        closing: dict[Levels, Levels] = {}
        for node in self.graph:
            home = self.scoped.homes[node.id]
            # Neighbours mostly stand in one scope.
            if home not in closing:
                closing[home] = self.folds.around(home) or ()
            key = closing[home]
            before: set[int] = set()
            # What reads the rows of a tensor and none of its numbers has no arrow from it.
            if not node.op.own:
                before = {at[port.node] for port in node.inputs}

            # A closed scope is one box, unless it holds one operation alone.
            closed = key != () and self.scopes[key].cost.ops > 1
            number: int | None = None
            if closed:
                number = parts.get(key, [-1])[-1]
                # In the same box, the node would lead back to a box that this one feeds: a new part begins.
                if number < 0 or not above.allows(number, before):
                    number = None
            else:
                number = self._stacked_on(node, at, groups)

            if number is None:
                number = len(groups)
                groups.append(Group([], self.framed(home)))
                above.begin()
                if closed:
                    groups[-1].home, groups[-1].scope = self.framed(key)[:-1], self.scopes[key]
                    parts.setdefault(key, []).append(number)

            groups[number].nodes.append(node)
            groups[number].cost += self.cost[node.id]
            above.add(number, before)
            at[node.id] = number

        for key, numbers in parts.items():
            self._name_parts(key, [groups[number] for number in numbers])
        return groups

    def _name_parts(self, key: Levels, parts: list[Group]) -> None:
        """Tell the parts of a closed scope apart, in the frame that they share with the members they feed or gather."""
        has_members = key in self.heads & self.stems
        if len(parts) == 1 and not has_members:
            return

        for i, part in enumerate(parts, 1):
            if has_members:
                part.home = self.framed(key)
                part.title = _steps([self.scoped.steps[node.id][len(key)] for node in part.nodes])
            else:
                part.title = f"{key[-1]} (part {i} of {len(parts)})"

            # One operation is shown as itself, below the names of the closed scopes that it stands in.
            if len(part.nodes) == 1:
                part.scope, part.title = None, ""
                part.caption = self.framed(self.scoped.homes[part.nodes[0].id])[len(part.home) :]

    def _stacked_on(self, node: Node, at: Mapping[str, int], groups: list[Group]) -> int | None:
        """The box that a norm, an activation or a dropout stands in, if it follows just that."""
        if node.op.family not in FOLLOWERS or len(node.inputs) != 1:
            return None

        port = node.inputs[0]
        before = self.graph.node(port.node)
        alone = len(self.readers[port]) == 1 and port not in self.handed_out and len(before.outputs) == 1
        alike = (before.path[:-1], before.members) == (node.path[:-1], node.members) and before.outputs == node.outputs
        number = at[before.id]
        # Circles and ends of arrows hold nothing else, and a closed scope is a box already.
        special = before.op.drawn in ("sum", "end", "gates") or groups[number].scope is not None
        if not alone or not alike or special:
            return None
        return number

    def _repeated(self, groups: list[Group]) -> list[Group]:
        """Equal closed scopes in a row become one group that stands for several."""
        merged: list[Group] = []
        for group in groups:
            if merged and self._continues(merged[-1], group):
                last = merged[-1]
                last.nodes += group.nodes
                last.times += 1
                last.cost += group.cost
            else:
                merged.append(group)
        return merged

    def _continues(self, last: Group, group: Group) -> bool:
        """Tell whether a closed scope is one more of the same, fed by the one before it and by what that reads too."""
        if last.scope is None or group.scope is None or last.home != group.home or last.title or group.title:
            return False

        before = last.nodes[-len(group.nodes) :]
        same_name = stem_of(last.scope.name) == stem_of(group.scope.name)
        if not same_name or list(map(_shape, before)) != list(map(_shape, group.nodes)):
            return False

        inner, outer = {node.id for node in group.nodes}, {node.id for node in before}
        entering = {port for node in group.nodes for port in node.inputs if port.node not in inner}
        # What all of them read alike, such as a code, has one arrow to all.
        entering -= {port for node in before for port in node.inputs if port.node not in outer}
        outputs = {Port(node.id, i) for node in before for i in range(len(node.outputs))}
        readers = {port: {reader.id for reader in self.readers.get(port, [])} for port in outputs}
        leaving = {port for port in outputs if port in self.handed_out or not readers[port] <= outer}

        # Nothing but the next copy may read what leaves: else the arrow from this one would be lost.
        return entering == leaving and all(readers[p] <= inner and p not in self.handed_out for p in leaving)

    def _in_order(self, groups: list[Group]) -> list[Group]:
        """The groups in program order, but each behind all that it reads."""
        place = {node.id: i for i, group in enumerate(groups) for node in group.nodes}
        joined = [
            (place[port.node], place[node.id]) for node in self.graph if not node.op.own for port in node.inputs
        ]
        # Mostly they stand so already, and the first that is ready would be the next of them each time.
        if all(tail <= head for tail, head in joined):
            return groups

        into: list[set[int]] = [set() for _ in groups]
        onward: list[set[int]] = [set() for _ in groups]
        for tail, head in joined:
            if tail != head:
                into[head].add(tail)
                onward[tail].add(head)

        ready = [i for i, tails in enumerate(into) if not tails]
        heapify(ready)
        ordered: list[Group] = []
        while ready:
            done = heappop(ready)
            ordered.append(groups[done])
            for head in onward[done]:
                into[head].discard(done)
                if not into[head]:
                    heappush(ready, head)
        return ordered


class _Above:
    """The groups above each group, kept while groups grow: one number a group, with a bit for each group above."""

    def __init__(self) -> None:
        self.above: list[int] = []
        self.is_read: list[bool] = []

    def begin(self) -> None:
        """One group more, with nothing above it yet."""
        self.above.append(0)
        self.is_read.append(False)

    def allows(self, group: int, before: set[int]) -> bool:
        """Tell whether the group may read all of `before` without standing above one of them."""
        return not any(self.above[other] >> group & 1 for other in before if other != group)

    def add(self, group: int, before: set[int]) -> None:
        """The group reads all of `before`."""
        gained = self.above[group]
        for other in before - {group}:
            gained |= self.above[other] | 1 << other
            self.is_read[other] = True
        if gained == self.above[group]:
            return

        self.above[group] = gained
        # A closed scope that grows late has groups below it already. Most groups have none when they are added to, and
        # a look through all others for each would grow with the square of their number.
        if not self.is_read[group]:
            return
        for other, bits in enumerate(self.above):
            if bits >> group & 1:
                self.above[other] = bits | gained


def _by_node(groups: list[Group]) -> dict[str, Group]:
    return {node.id: group for group in groups for node in group.nodes}


def _steps(steps: list[str]) -> str:
    """A name for a part of a scope: the steps in it."""
    names = list(dict.fromkeys(steps))
    if len(names) > FEW_STEPS:
        return f"{names[0]} … {names[-1]}"
    return ", ".join(names)


@lru_cache(maxsize=1 << 14)
def stem_of(name: str) -> str:
    """Return the name of a scope without its number.

    >>> stem_of("experts.12"), stem_of("experts")
    ('experts', 'experts')
    """
    return re.sub(r"\.\d+$", "", name)


def _shape(node: Node) -> tuple[object, ...]:
    return node.op.name, arguments(node), node.outputs
