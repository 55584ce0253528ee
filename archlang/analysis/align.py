"""The alignment of two networks: the counterpart of each scope and operation.

Scopes are aligned level by level: of all ways to pair items without crossing, the one that pairs the most alike
(Needleman and Wunsch 1970). One layer put in is then one item without a partner, and its neighbours keep theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archlang.graph.ir import Node
from archlang.graph.outline import Scope, arguments, levels

Item = Scope | Node

MOST_CELLS = 4_000_000
"""Pairs of items compared in one scope; beyond, items are paired by position."""

SAME_OP, SAME_CONTENTS, SAME_NAME, SAME_STEM = 1.0, 2.0, 1.0, 0.6
"""What each likeness adds to the score of a pair: contents weigh more than names."""


@dataclass(frozen=True)
class Pair:
    """Two items that are each other's counterpart, or one without any."""

    before: Item | None
    after: Item | None


def name_of(item: Item) -> str:
    """The name of an item within its scope."""
    if isinstance(item, Scope):
        return item.name
    return levels(item.path)[-1]


def stem(name: str) -> str:
    """A name without the numbers that numbering added: renumbering is no renaming.

    >>> stem("bottleneck_2.0"), stem("conv_3"), stem("layer1")
    ('bottleneck', 'conv', 'layer1')
    """
    # `_2` counts stages of one name in a scope, `.0` the turns of a repetition.
    return re.sub(r"(_\d+)?(\.\d+)*$", "", name)


class Signatures:
    """The contents of items, apart from their names, as numbers that are equal for equal items of both networks."""

    def __init__(self, *trees: Scope) -> None:
        self._numbers: dict[object, int] = {}
        self._of_scope: dict[int, int] = {}  # by id(): scopes are compared by identity, and both trees stay alive

        # Inner scopes come first, so that an outer one is made of numbers.
        for tree in trees:
            for scope in reversed(list(tree.walk())):
                contents = tuple(self(item) for item in scope.items)
                self._of_scope[id(scope)] = self._number(("scope", *contents))

    def __call__(self, item: Item) -> int:
        """The number of an item: its operation and arguments, or everything inside a scope."""
        if isinstance(item, Scope):
            return self._of_scope[id(item)]

        # Types follow from the inputs, except those of inputs themselves.
        types: tuple[str, ...] = ()
        if not item.inputs:
            types = tuple(map(str, item.outputs))
        return self._number((item.op.name, arguments(item), types))

    def _number(self, key: object) -> int:
        return self._numbers.setdefault(key, len(self._numbers))


def alike(a: Item, b: Item, signature: Signatures) -> float:
    """The score of two items as a pair: 0 for none, more for the same contents, more for the same name."""
    # A block that became one operation is one taken out and another put in.
    if isinstance(a, Scope) != isinstance(b, Scope):
        return 0.0

    score = 0.0
    if signature(a) == signature(b):
        score += SAME_CONTENTS
    if name_of(a) == name_of(b):
        score += SAME_NAME
    elif stem(name_of(a)) == stem(name_of(b)):
        score += SAME_STEM

    if isinstance(a, Node) and isinstance(b, Node):
        if a.op.name != b.op.name:
            return 0.0
        score += SAME_OP
    return score


def align(before: Scope, after: Scope, signature: Signatures) -> Iterator[Pair]:
    """Pair two scopes' items, in the order of both."""
    a, b = before.items, after.items

    # Most of two networks is the same; the quadratic work is done for the rest alone.
    shorter = min(len(a), len(b))
    head = 0
    while head < shorter and _same(a[head], b[head], signature):
        yield Pair(a[head], b[head])
        head += 1

    tail = 0
    while tail < shorter - head and _same(a[-1 - tail], b[-1 - tail], signature):
        tail += 1

    yield from _middle(a[head : len(a) - tail], b[head : len(b) - tail], signature)

    for x, y in zip(a[len(a) - tail :], b[len(b) - tail :], strict=True):
        yield Pair(x, y)


def _same(a: Item, b: Item, signature: Signatures) -> bool:
    """True for items with the same name and contents."""
    return name_of(a) == name_of(b) and type(a) is type(b) and signature(a) == signature(b)


def _middle(a: Sequence[Item], b: Sequence[Item], signature: Signatures) -> Iterator[Pair]:
    """Pair items by the best alignment, by position if there are too many."""
    if len(a) * len(b) > MOST_CELLS:
        yield from _by_position(a, b, signature)
        return

    # From the start, take the step that the best total was made of.
    best = _best_scores(a, b, signature)
    i = j = 0
    while i < len(a) and j < len(b):
        score = alike(a[i], b[j], signature)
        if score and best[i][j] == score + best[i + 1][j + 1]:
            yield Pair(a[i], b[j])
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            yield Pair(a[i], None)
            i += 1
        else:
            yield Pair(None, b[j])
            j += 1

    yield from (Pair(x, None) for x in a[i:])
    yield from (Pair(None, y) for y in b[j:])


def _best_scores(a: Sequence[Item], b: Sequence[Item], signature: Signatures) -> list[list[float]]:
    """best[i][j]: the largest total score of pairs of a[i:] and b[j:] without crossing."""
    # From the ends backwards: each entry needs those behind it, and the last row and column stand for nothing left.
    best = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1])
            score = alike(a[i], b[j], signature)
            if score:
                best[i][j] = max(best[i][j], score + best[i + 1][j + 1])
    return best


def _by_position(a: Sequence[Item], b: Sequence[Item], signature: Signatures) -> Iterator[Pair]:
    """Pair items at the same place; those that are not alike have no partner."""
    for x, y in zip(a, b, strict=False):
        if alike(x, y, signature):
            yield Pair(x, y)
        else:
            yield Pair(x, None)
            yield Pair(None, y)

    shared = min(len(a), len(b))
    yield from (Pair(x, None) for x in a[shared:])
    yield from (Pair(None, y) for y in b[shared:])
