"""Steps gathered to calls: every scope of module names that can be a module with a `forward` of its own becomes one."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from archlang.exporting.steps import ModelStep, Path, Program, Value, values_in
from archlang.graph.ir import Frame

Uses = tuple[int, ...]
"""For each part of a path, which use of the scope that ends there is meant."""


@dataclass
class ScopeCall:
    """One call of the module that stands for a scope.

    Args:
        path: where the module stands; empty for the network itself.
        uses: which use of it this is.
        items: what happens inside, in an order in which it can run.
        inputs, outputs: the values that come in and go out, in the order in which they are first used and made.
        frame: the block that the scope belongs to, if it is a block's.
        around: the innermost block that the scope stands in, if it is not a block's.
        shapes: sizes that tensors which come in have: the tensor, and its axis.
        groups: how many inputs belong together, for one group after the other: the members of a bundle are one.
    """

    path: Path
    uses: Uses
    items: list[ModelStep | ScopeCall] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    frame: Frame | None = None
    around: Frame | None = None
    groups: tuple[int, ...] = ()
    shapes: dict[Value, tuple[Value, int]] = field(default_factory=dict)

    @property
    def reads(self) -> list[Value]:
        """The values that come in."""
        return self.inputs

    def steps(self) -> Iterable[ModelStep]:
        """All steps inside, at any depth."""
        for item in self.items:
            if isinstance(item, ScopeCall):
                yield from item.steps()
            else:
                yield item


class Inline(Exception):
    """Raised for a scope that cannot be a module with a `forward`: its steps belong to the scope around it."""

    def __init__(self, path: Path) -> None:
        super().__init__(".".join(path))
        self.path = path


def numbered(program: Program) -> frozenset[Path]:
    """The scopes whose parts are counted: members, turns of a loop. They hold modules and call none."""
    found: set[Path] = set()
    for step in program.steps:
        for depth in range(1, len(step.path)):
            if step.path[depth].isdigit():
                found.add(step.path[:depth])
    return frozenset(found)


def beside_lists(program: Program) -> Program:
    """The same program, modules without weights that stand among counted ones moved beside them.

    Their names are in no `state_dict`: so the others can be a list.
    """
    counted = numbered(program)
    taken = {step.path[:depth] for step in program.steps for depth in range(1, len(step.path) + 1)}
    steps: list[ModelStep] = []
    for step in program.steps:
        holder, own = step.path[:-1], step.path[-1]
        if step.kind == "module" and not step.weights and holder in counted and not own.isdigit():
            moved = (*holder[:-1], f"{holder[-1]}_{own}")
            if moved not in taken:
                step = replace(step, path=moved, uses=(*step.uses[: len(holder) - 1], 0))
        steps.append(step)
    return replace(program, steps=tuple(steps))


def gathered(program: Program, holders: frozenset[Path]) -> ScopeCall:
    """The whole program as one call. `holders` are scopes that only hold modules. Raises `Inline`."""
    outputs = list(dict.fromkeys(values_in(program.result)))
    made = {step.name for step in program.steps}
    root = ScopeCall((), (), list(program.steps), [value for _, value in program.inputs],
                [value for value in outputs if value.step in made], groups=(1,) * len(program.inputs))
    # Sizes that an input has are asked of the input.
    for step in program.steps:
        size = program.sizes.get(Value(step.name))
        owner = next((value for value in root.inputs if size is not None and size in program.types[value].dims), None)
        if owner is not None and size is not None:
            root.shapes[Value(step.name)] = (owner, program.types[owner].dims.index(size) + 1)
    root.items = [item for item in root.items if isinstance(item, ScopeCall) or Value(item.name) not in root.shapes]
    return _Gatherer(program, holders).gather(root)


class _Gatherer:
    """Divides a call into the calls of the scopes right inside it, and those further."""

    def __init__(self, program: Program, holders: frozenset[Path]) -> None:
        self.program, self.holders = program, holders
        self.handed_out = set(values_in(program.result))
        self.readers: dict[Value, set[str]] = {}
        self.paths = {step.name: step.path for step in program.steps}
        self.made: dict[str, list[Value]] = {}

        for step in program.steps:
            for value in step.reads:
                self.readers.setdefault(value, set()).add(step.name)
        # A result that is read by its members alone is known by these.
        for value in (*self.readers, *self.handed_out):
            self.made.setdefault(value.step, []).append(value)

    def gather(self, call: ScopeCall) -> ScopeCall:
        """The same call, its steps gathered to calls."""
        groups: dict[tuple[Path, Uses], list[ModelStep]] = {}
        for step in call.items:
            assert isinstance(step, ModelStep)
            groups.setdefault(self._key(step, len(call.path)), []).append(step)

        items: list[ModelStep | ScopeCall] = []
        for (path, uses), steps in groups.items():
            # A scope without modules would be a module without a purpose.
            if not uses or not any(step.made is not None for step in steps):
                items.extend(steps)
            else:
                items.append(self._call(path, uses, steps))
        call.items = _without_idle(self._ordered(items), call)
        return call

    def _key(self, step: ModelStep, depth: int) -> tuple[Path, Uses]:
        """The scope right inside a scope of a depth that a step belongs to; a step's own path where there is none."""
        end = depth + 1
        while end < len(step.path) and step.path[:end] in self.holders:
            end += 1
        # Steps of one path are several calls of one module: each stays by itself.
        if end >= len(step.path):
            return (step.name,), ()
        return step.path[:end], step.uses[:end]

    def _call(self, path: Path, uses: Uses, steps: list[ModelStep]) -> ScopeCall:
        """The call of a scope, itself gathered to calls."""
        inside = {step.name for step in steps}
        inputs = [value for step in steps for value in step.reads if value.step not in inside]
        outputs = [
            value for step in steps for value in self.made.get(step.name, ())
            if value in self.handed_out or self.readers.get(value, set()) - inside
        ]
        frame = next((f for f in steps[0].frames if f.depth == len(path)), None)
        around = next((f for f in reversed(steps[0].frames) if 0 < f.depth < len(path)), None)
        entering = list(dict.fromkeys(inputs))
        shapes = self._shapes(entering)
        entering = [value for value in entering if value not in shapes]
        groups = tuple(self._groups(entering))
        call = ScopeCall(path, uses, list(steps), entering, list(dict.fromkeys(outputs)), frame, around, groups, shapes)
        return self.gather(call)

    def _shapes(self, entering: list[Value]) -> dict[Value, tuple[Value, int]]:
        """The sizes among the values that come in which tensors that come in have."""
        found: dict[Value, tuple[Value, int]] = {}
        for value in entering:
            size = self.program.sizes.get(value)
            for tensor in entering:
                type = self.program.types.get(tensor)
                if size is None or type is None or size not in type.dims or value in found:
                    continue
                # The axes of the batch and of what is alike in all samples come first. From the back: of a square, the
                # rows stand before the columns, and each finds its own.
                found[value] = (tensor, type.dims.index(size) + 1)
        return found

    def _groups(self, values: list[Value]) -> Iterator[int]:
        """Count the values that belong together, for one group after the other."""
        start = 0
        while start < len(values):
            length = 1
            while start + length < len(values) and self._are_members(values[start : start + length + 1]):
                length += 1
            yield length
            start += length

    def _are_members(self, values: list[Value]) -> bool:
        """Tell whether values are all the first results of one step, or those of the first members of something."""
        if all(value.index == n for n, value in enumerate(values)):
            return len({value.step for value in values}) == 1
        if any(value.index is not None or value.step not in self.paths for value in values):
            return False

        paths = [self.paths[value.step] for value in values]
        if len(set(map(len, paths))) > 1:
            return False
        differing = [parts for parts in zip(*paths, strict=True) if len(set(parts)) > 1]
        return differing == [tuple(map(str, range(len(values))))]

    def _ordered(self, items: list[ModelStep | ScopeCall]) -> list[ModelStep | ScopeCall]:
        """The items in an order in which they can run, near that of the program. Raises `Inline` if there is none."""
        owner = {step.name: n for n, item in enumerate(items) for step in steps_of(item)}
        waits = [{owner[value.step] for value in item.reads if value.step in owner} - {n}
                 for n, item in enumerate(items)]
        feeds: list[list[int]] = [[] for _ in items]
        for n, before in enumerate(waits):
            for m in before:
                feeds[m].append(n)

        ready = [n for n, before in enumerate(waits) if not before]
        heapq.heapify(ready)
        order: list[int] = []
        while ready:
            n = heapq.heappop(ready)
            order.append(n)
            for m in feeds[n]:
                waits[m].discard(n)
                if not waits[m]:
                    heapq.heappush(ready, m)

        # A circle: the first scope in it is entered twice, and cannot be one call.
        if len(order) < len(items):
            done = set(order)
            stuck = [item for n, item in enumerate(items) if n not in done and isinstance(item, ScopeCall)]
            raise Inline(stuck[0].path)
        return [items[n] for n in order]


def _without_idle(items: list[ModelStep | ScopeCall], call: ScopeCall) -> list[ModelStep | ScopeCall]:
    """The items without sizes that nothing here asks for: what is inside found them at its own tensors."""
    kept: list[ModelStep | ScopeCall] = []
    wanted = set(call.outputs)
    for item in reversed(items):
        if isinstance(item, ScopeCall) or item.kind != "size" or Value(item.name) in wanted:
            kept.append(item)
            wanted.update(item.reads)
    return kept[::-1]


def steps_of(item: ModelStep | ScopeCall) -> Iterable[ModelStep]:
    """The steps of an item."""
    if isinstance(item, ModelStep):
        return (item,)
    return item.steps()


def relative(item: ModelStep | ScopeCall, call: ScopeCall) -> Path:
    """The path of an item as seen from the call that it stands in."""
    return item.path[len(call.path) :]


def by_path(call: ScopeCall) -> Mapping[Path, list[ScopeCall]]:
    """All calls inside a call, and itself, by the path of their module."""
    found: dict[Path, list[ScopeCall]] = {}
    waiting = [call]
    while waiting:
        one = waiting.pop()
        found.setdefault(one.path, []).append(one)
        waiting.extend(item for item in one.items if isinstance(item, ScopeCall))
    return found
