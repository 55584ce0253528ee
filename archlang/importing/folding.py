"""The tree of modules, folded from the inside out into blocks and their uses."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from archlang.importing.blocks import Candidate, Made, fold
from archlang.importing.ramps import rows
from archlang.importing.scopes import CONTAINERS, Item, ModuleScope, Single, Use, edges, nested, uses
from archlang.importing.steps import Traced
from archlang.ops import CATALOGUE
from archlang.ops.rules import AXIS
from archlang.syntax.lexing import WORDS

LEAST = 3
"""Steps that a module must have for a block: two are said as shortly where they stand."""

MOST_PARAMETERS = 8
"""Modules that differ in more numbers than these are no copies of one another."""

CONTAINED = range(3, 13)
"""The least number of steps with which one of torch's own containers becomes a block, where there are three of them."""


class Folding:
    """The blocks so far, and the tree while it is folded."""

    def __init__(self, traced: Traced) -> None:
        self.traced = traced
        self.total = uses(traced)
        self.blocks: list[Made] = []
        # A flow called as an axis is would stand in the axis' place.
        self.taken: set[str] = {*WORDS, *CATALOGUE.stages, *AXIS.words}

    def run(self) -> list[Item]:
        """Fold everything, and return the items of the network's own body."""
        root = nested(self.traced)
        while True:
            ready = _ready(root)
            if not ready:
                break
            self._level(root, ready)
        items = [item for item in root.items if isinstance(item, Item)]
        items = self._rows(items)
        reads = _reads(items)
        return rows(items, lambda last, item: last.block == item.block and self._follows(last, item, reads))

    def _level(self, root: ModuleScope, ready: Sequence[ModuleScope]) -> None:
        """Turn the modules that hold no others into uses of blocks, or into their own items."""
        candidates = {scope: self._candidate(scope) for scope in ready}
        groups: dict[object, list[Candidate]] = defaultdict(list)
        for scope in ready:
            candidate = candidates[scope]
            if candidate is not None:
                groups[candidate.skeleton()].append(candidate)

        made: dict[Candidate, Use] = {}
        for members in groups.values():
            made.update(self._grouped(members))
        instead: dict[ModuleScope, Sequence[Item]] = {}
        for scope in ready:
            candidate = candidates[scope]
            if candidate in made:
                instead[scope] = [made[candidate]]
            else:
                # What is no block dissolves into what it is in.
                instead[scope] = [item for item in scope.items if isinstance(item, Item)]
        _replace(root, instead)

    def _candidate(self, scope: ModuleScope) -> Candidate | None:
        """A module that may become a block: one value leaves, something enters, and it is no trifle."""
        items = self._rows([item for item in scope.items if isinstance(item, Item)])
        scope.items = list(items)
        entering, leaving = edges(items, self.total)
        if len(leaving) != 1 or not entering:
            return None
        count = sum(1 for item in items)
        if count < LEAST and not any(isinstance(item, Use) for item in items):
            return None
        # A layer that is used several times is declared where all its uses are seen.
        steps = [step for item in items for step in item.steps]
        if any(step.output in self.traced.shared or "table" in step.args for step in steps):
            return None
        sizes = self.traced.sizes[entering[0]]
        return Candidate(scope.path, scope.kind, list(items), entering, leaving[0], sizes)

    def _grouped(self, members: Sequence[Candidate]) -> Mapping[Candidate, Use]:
        """The uses of a block that is made of equal modules; none where there are too few of them."""
        plain = all(isinstance(item, Single) for item in members[0].items)
        contained = members[0].kind.startswith(CONTAINERS)
        # Torch's containers stand anywhere; a few steps that stand in three of them are a part of the network.
        if contained and (len(members) < 3 or not plain or len(members[0].items) not in CONTAINED):
            return {}
        if len(members) < 2:
            return {}

        name = self._name(members[0].kind)
        block, values = fold(name, members, sorted(self.taken))
        if len(block.parameters) > MOST_PARAMETERS:
            return {}
        self.taken.add(name)
        self.blocks.append(block)
        return {
            member: Use(
                member.path, member.inputs, member.output,
                tuple(step for item in member.items for step in item.steps), name, given,
            )
            for member, given in zip(members, values, strict=True)
        }

    def _name(self, kind: str) -> str:
        """A block's name, from its class: `BasicBlock` is `basic_block`."""
        if kind.startswith(CONTAINERS):
            return fresh("unit", self.taken)

        snake = _snake(kind.rpartition(".")[2])
        # A class called `Block` is known by the file that it stands in.
        if snake in WORDS:
            snake = f"{_snake(kind.split('.')[-2])}_{snake}"
        elif snake in CATALOGUE.stages:
            snake = f"{snake}_unit"
        return fresh(snake, self.taken)

    def _rows(self, items: Sequence[Item]) -> list[Item]:
        """Items with neighbours that are the same use of a block, one after the other, as one row."""
        reads = _reads(items)
        found: list[Item] = []
        for item in items:
            last = next(reversed(found), None)
            if isinstance(last, Use) and isinstance(item, Use) and self._continues(last, item, reads):
                found[-1] = Use(
                    last.path, last.inputs, item.output, last.steps + item.steps, last.block, last.values,
                    last.count + item.count,
                )
            else:
                found.append(item)
        return found

    def _continues(self, last: Use, item: Use, reads: Mapping[int, int]) -> bool:
        return last.block == item.block and last.values == item.values and self._follows(last, item, reads)

    def _follows(self, last: Use, item: Use, reads: Mapping[int, int]) -> bool:
        """Tell whether a use reads what another one of the same module makes, and nothing else does."""
        beside = _holder(last.path) == _holder(item.path)
        chained = item.inputs == (last.output,) and len(last.inputs) == 1 and reads[last.output] == 1
        inner = sum(step.inputs.count(last.output) for step in item.steps)
        return beside and chained and self.total[last.output] == inner


def _reads(items: Sequence[Item]) -> Mapping[int, int]:
    """Count how often each value is read by items."""
    reads: dict[int, int] = defaultdict(int)
    for item in items:
        for value in item.inputs:
            reads[value] += 1
    return reads


def _holder(path: str) -> str:
    return path.rpartition(".")[0]


def _scopes(scope: ModuleScope) -> list[ModuleScope]:
    """A scope and all scopes inside."""
    found = [scope]
    for item in scope.items:
        if isinstance(item, ModuleScope):
            found.extend(_scopes(item))
    return found


def _snake(name: str) -> str:
    """The words of a class's name: `BasicBlock` is `basic_block`.

    >>> _snake("ConvNeXtBlock"), _snake("SEModule")
    ('convnext_block', 'se_module')
    """
    name = name.replace("NeXt", "next").replace("NeSt", "nest")
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return re.sub(r"\W", "_", words).strip("_") or "part"


def _ready(root: ModuleScope) -> list[ModuleScope]:
    """The modules to fold next: they hold no others, and none of their class does, so that equal ones meet."""
    inner = [scope for scope in _scopes(root) if scope is not root]
    leaves = [scope for scope in inner if not any(isinstance(item, ModuleScope) for item in scope.items)]
    pending = {scope.kind for scope in inner if scope not in leaves}

    # A class that holds its own kind would wait for itself; torch's containers hold anything.
    return [scope for scope in leaves if scope.container or scope.kind not in pending] or leaves


def _replace(scope: ModuleScope, instead: Mapping[ModuleScope, Sequence[Item]]) -> None:
    """Put other items in the place of scopes."""
    items: list[Item | ModuleScope] = []
    for item in scope.items:
        if isinstance(item, ModuleScope) and item in instead:
            items.extend(instead[item])
            continue
        if isinstance(item, ModuleScope):
            _replace(item, instead)
        items.append(item)
    scope.items = items


def fresh(name: str, taken: Collection[str]) -> str:
    """A name that is not taken: itself, or with a number behind it."""
    if name not in taken:
        return name
    count = 2
    while f"{name}_{count}" in taken:
        count += 1
    return f"{name}_{count}"
