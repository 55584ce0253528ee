"""The modules of a torch model as a tree over its steps: which stand in which, what enters each and what leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from archlang.importing.steps import Static, Step, Traced

CONTAINERS = "torch.nn.modules.container."
"""The module of torch's classes that only hold others."""


@dataclass(eq=False)
class Item:
    """Something that stands in a body and makes one value: a step, or the use of a block.

    `steps` are all the steps that it stands for, in order.
    """

    path: str
    inputs: tuple[int, ...]
    output: int
    steps: tuple[Step, ...]


@dataclass(eq=False)
class Single(Item):
    """A single step."""

    @property
    def step(self) -> Step:
        """The step."""
        return self.steps[0]


@dataclass(eq=False)
class Use(Item):
    """The use of a block, `count` times one after the other; `values` are the block's arguments, by their names."""

    block: str
    values: Mapping[str, Static] = field(default_factory=dict)
    count: int = 1


@dataclass(eq=False)
class ModuleScope:
    """A call of a module: its path and class, and what happened inside."""

    path: str
    kind: str
    items: list[Item | ModuleScope]

    @property
    def steps(self) -> Iterable[Step]:
        """All steps inside, in order."""
        for item in self.items:
            yield from item.steps

    @property
    def container(self) -> bool:
        """Tell whether the module only holds others."""
        return self.kind.startswith(CONTAINERS)


def nested(traced: Traced) -> ModuleScope:
    """The tree of a traced model's modules; a module with a single step is that step."""
    root = ModuleScope("", "", [])
    open_scopes = [root]
    for step in traced.steps:
        stack = step.place.stack[1:]
        shared = 0
        for scope, (path, _) in zip(open_scopes[1:], stack, strict=False):
            if scope.path != path:
                break
            shared += 1

        # The modules that this step has left close, and those that it is in open.
        del open_scopes[shared + 1:]
        for path, kind in stack[shared:]:
            inner = ModuleScope(path, kind, [])
            open_scopes[-1].items.append(inner)
            open_scopes.append(inner)
        open_scopes[-1].items.append(Single(step.place.path, step.inputs, step.output, (step,)))
    _unwrap(root)
    return root


def _unwrap(scope: ModuleScope) -> None:
    """Put single items in the place of the scopes that hold nothing else."""
    for at, item in enumerate(scope.items):
        if not isinstance(item, ModuleScope):
            continue
        _unwrap(item)
        if len(item.items) == 1:
            scope.items[at] = item.items[0]


def uses(traced: Traced) -> Counter[int]:
    """Count how often each value is read, by outputs of the network too."""
    count: Counter[int] = Counter(value for step in traced.steps for value in step.inputs)
    count.update(value for _, values in traced.outputs for value in values)
    return count


def edges(items: Sequence[Item], total: Mapping[int, int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The values that enter a row of items, in the order of first use, and those of theirs that are read elsewhere."""
    # What leaves is read by more than the items themselves read.
    made = {item.output for item in items}
    entering: dict[int, None] = {}
    inside: Counter[int] = Counter()
    for item in items:
        entering.update(dict.fromkeys(value for value in item.inputs if value not in made))
        # Over steps: a block may read once what its steps read several times.
        inside.update(value for step in item.steps for value in step.inputs)

    leaving = tuple(item.output for item in items if total[item.output] > inside[item.output])
    return tuple(entering), leaving
