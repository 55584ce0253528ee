"""Two networks laid side by side: which scope and which operation of one is which of the other.

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


@dataclass(frozen=True)
class Pair:
    """Two items that are each other's counterpart, or one without any."""

    before: Item | None
    after: Item | None


def name_of(item: Item) -> str:
    """An item's own name within its scope."""
    return item.name if isinstance(item, Scope) else levels(item.path)[-1]


def stem(name: str) -> str:
    """A name without what numbering added: renumbering is no renaming.

    >>> stem("bottleneck_2.0"), stem("conv_3"), stem("layer1")
    ('bottleneck', 'conv', 'layer1')
    """
    return re.sub(r"(_\d+)?(\.\d+)*$", "", name)


class Signatures:
    """What an item is, apart from its name, as numbers that are equal for equal items; of both networks together."""

    def __init__(self, *trees: Scope) -> None:
        self._numbers: dict[object, int] = {}
        self._of: dict[int, int] = {}
        for tree in trees:
            for scope in reversed(list(tree.walk())):
                self._of[id(scope)] = self._number(("scope", *(self(item) for item in scope.items)))

    def __call__(self, item: Item) -> int:
        if isinstance(item, Scope):
            return self._of[id(item)]
        return self._number((item.op.name, arguments(item), tuple(map(str, item.outputs)) if not item.inputs else ()))

    def _number(self, key: object) -> int:
        return self._numbers.setdefault(key, len(self._numbers))


def alike(a: Item, b: Item, signature: Signatures) -> float:
    """How well two items pair: 0 not at all, more for the same contents, more for the same name."""
    if isinstance(a, Scope) != isinstance(b, Scope):
        return 0.0
    same = 2.0 if signature(a) == signature(b) else 0.0
    named = 1.0 if name_of(a) == name_of(b) else 0.6 if stem(name_of(a)) == stem(name_of(b)) else 0.0
    if isinstance(a, Node) and isinstance(b, Node):
        return (1.0 + same + named) if a.op.name == b.op.name else 0.0
    return same + named


def align(before: Scope, after: Scope, signature: Signatures) -> Iterator[Pair]:
    """Pairs of two scopes' items, in the order of both."""
    a, b = before.items, after.items
    head = 0
    while head < min(len(a), len(b)) and _same(a[head], b[head], signature):
        yield Pair(a[head], b[head])
        head += 1
    tail = 0
    while tail < min(len(a), len(b)) - head and _same(a[-1 - tail], b[-1 - tail], signature):
        tail += 1
    yield from _middle(a[head : len(a) - tail], b[head : len(b) - tail], signature)
    for x, y in zip(a[len(a) - tail :], b[len(b) - tail :], strict=True):
        yield Pair(x, y)


def _same(a: Item, b: Item, signature: Signatures) -> bool:
    return name_of(a) == name_of(b) and type(a) is type(b) and signature(a) == signature(b)


def _middle(a: Sequence[Item], b: Sequence[Item], signature: Signatures) -> Iterator[Pair]:
    if len(a) * len(b) > MOST_CELLS:
        shared = min(len(a), len(b))
        for x, y in zip(a, b, strict=False):
            yield from [Pair(x, y)] if alike(x, y, signature) else [Pair(x, None), Pair(None, y)]
        yield from (Pair(x, None) for x in a[shared:])
        yield from (Pair(None, y) for y in b[shared:])
        return
    best = [[0.0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            both = alike(a[i], b[j], signature)
            paired = both + best[i + 1][j + 1] if both else 0.0
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    i = j = 0
    while i < len(a) and j < len(b):
        both = alike(a[i], b[j], signature)
        if both and best[i][j] == both + best[i + 1][j + 1]:
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
