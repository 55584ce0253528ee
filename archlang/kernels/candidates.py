"""Random candidates for small kernels by the paper's rules (PBConv, section 4.3), the same for a seed everywhere."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from archlang.kernels.geometry import MOST, Extent, Window

RULES = ("full", "no_centre", "no_coverage", "scan")
"""How kernels are placed; all but the first are ablations (Table 6). `full`: by coverage, then centre, then reading
order. `no_centre`: by coverage, then reading order. `no_coverage`: across the centre, each at the next such place after
the last. `scan`: each at the next place after the last, in reading order."""


def smaller(kernel: Extent) -> tuple[Extent, ...]:
    """All shapes that fit into a kernel but its own: K^2 - 1 for a square one.

    >>> smaller((2, 2))
    ((1, 1), (1, 2), (2, 1))
    """
    rows, columns = kernel
    return tuple((r, c) for r in range(1, rows + 1) for c in range(1, columns + 1))[:-1]


def place(kernel: Extent, shapes: Sequence[Extent], rules: str = "full") -> tuple[Window, ...]:
    """Small kernels of these shapes, one after the other, each where the rules want it. The paper's figure 5:

    >>> [str(w) for w in place((3, 3), [(3, 1), (1, 3), (3, 1), (3, 1)])]
    ['3x1 at (1, 2)', '1x3 at (2, 1)', '3x1 at (1, 1)', '3x1 at (1, 3)']
    """
    placed: list[Window] = []
    choose = _PLACING[rules]
    for shape in shapes:
        placed.append(choose(kernel, shape, placed))
    return tuple(placed)


def candidate(kernel: Extent, seed: int, types: int | None = None, rules: str = "full") -> tuple[Window, ...]:
    """A random candidate: `types` shapes (by default 1, 2 or 3, a third each) of the smaller ones, added until all
    positions are covered. Rules without coverage give as many kernels as the covering candidate of the seed has.

    Raises ValueError for a 1x1 kernel and for more types than there are.

    >>> [str(w) for w in candidate((1, 3), seed=2)]
    ['1x1 at (1, 2)', '1x1 at (1, 1)', '1x2 at (1, 2)']
    """
    every = smaller(kernel)
    if not every or (types is not None and not 1 <= types <= len(every)):
        raise ValueError(f"a {kernel[0]}x{kernel[1]} kernel has {len(every)} smaller shapes")
    draw = _Draw(f"{seed}:{kernel[0]}x{kernel[1]}")
    count = min(types or 1 + draw.below(3), len(every))
    chosen: list[Extent] = []
    while len(chosen) < count:
        shape = every[draw.below(len(every))]
        chosen += [shape] if shape not in chosen else []
    covering = "no_centre" if rules == "no_centre" else "full"
    placed: list[Window] = []
    bare = set(Window(*kernel, 1, 1).cells)
    while bare and len(placed) < MOST:
        window = _PLACING[covering](kernel, chosen[draw.below(count)], placed)
        placed.append(window)
        bare -= window.cells
    return tuple(placed) if rules == covering else place(kernel, [(w.height, w.width) for w in placed], rules)


def candidates(kernel: Extent, count: int, seed: int = 0, types: int | None = None,
               rules: str = "full") -> Iterator[tuple[int, tuple[Window, ...]]]:
    """Up to `count` candidates that differ, each with the seed that makes it: `seed` and those after it.

    >>> [(s, len(windows)) for s, windows in candidates((3, 3), 3)]
    [(0, 2), (1, 3), (2, 5)]
    """
    seen: set[tuple[Window, ...]] = set()
    for number in range(seed, seed + 50 * count):
        made = candidate(kernel, number, types, rules)
        key = tuple(sorted(made))
        if key not in seen:
            seen.add(key)
            yield number, made
        if len(seen) == count:
            return


class _Draw:
    """Random numbers that are the same in every version of Python: of its generator only `random()` promises that."""

    def __init__(self, seed: str) -> None:
        self.generator = random.Random(seed)

    def below(self, limit: int) -> int:
        return int(self.generator.random() * limit)


# --- where the next kernel goes --------------------------------------------------------------------------------------

_Placing = Callable[[Extent, Extent, Sequence[Window]], Window]


def _places(kernel: Extent, shape: Extent) -> list[Window]:
    """All places of a shape in reading order."""
    rows, columns = kernel[0] - shape[0] + 1, kernel[1] - shape[1] + 1
    return [Window(*shape, r, c) for r in range(1, rows + 1) for c in range(1, columns + 1)]


def _central(kernel: Extent) -> frozenset[Extent]:
    """The middle position; two or four where sides are even."""
    rows, columns = ({(k + 1) // 2, k // 2 + 1} for k in kernel)
    return frozenset((r, c) for r in rows for c in columns)


def _by_coverage(kernel: Extent, shape: Extent, placed: Sequence[Window], centred: bool) -> Window:
    done = {cell for window in placed for cell in window.cells}
    middle = _central(kernel) if centred else frozenset()
    # Of equals, `max` takes the first: that is the reading order.
    return max(_places(kernel, shape), key=lambda w: (len(w.cells - done), len(w.cells & middle)))


def _next(places: Sequence[Window], placed: Sequence[Window]) -> Window:
    last = (placed[-1].row, placed[-1].column) if placed else (0, 0)
    return next((w for w in places if (w.row, w.column) > last), places[0])


def _across_centre(kernel: Extent, shape: Extent, placed: Sequence[Window]) -> Window:
    middle, places = _central(kernel), _places(kernel, shape)
    most = max(len(w.cells & middle) for w in places)
    return _next([w for w in places if len(w.cells & middle) == most], placed)


_PLACING: dict[str, _Placing] = {
    "full": lambda kernel, shape, placed: _by_coverage(kernel, shape, placed, centred=True),
    "no_centre": lambda kernel, shape, placed: _by_coverage(kernel, shape, placed, centred=False),
    "no_coverage": _across_centre,
    "scan": lambda kernel, shape, placed: _next(_places(kernel, shape), placed),
}
