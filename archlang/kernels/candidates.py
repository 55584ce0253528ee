"""Random candidates for small kernels by the paper's rules (PBConv, section 4.3), the same for a seed everywhere."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence

from archlang.kernels.geometry import MOST, Extent, Window, coverage, cumulative

RULES = ("full", "no_centre", "no_coverage", "scan")
"""The rules by which kernels are placed; all but the first are ablations (Table 6).

`full`: by coverage, then centre, then reading order. `no_centre`: by coverage, then reading order. `no_coverage`:
across the centre, each at the next such place after the last. `scan`: each at the next place after the last, in reading
order.
"""

TRIES = 50
"""Seeds tried for each candidate that should differ from those before it."""


def smaller(kernel: Extent) -> tuple[Extent, ...]:
    """All shapes that fit into a kernel, except its own: K^2 - 1 for a square one.

    >>> smaller((2, 2))
    ((1, 1), (1, 2), (2, 1))
    """
    rows, columns = kernel
    shapes = [(r, c) for r in range(1, rows + 1) for c in range(1, columns + 1)]
    return tuple(shapes[:-1])


def place(kernel: Extent, shapes: Sequence[Extent], rules: str = "full") -> tuple[Window, ...]:
    """Place small kernels of these shapes one after the other by the rules.

    Args:
        kernel: rows and columns of the large kernel.
        shapes: rows and columns of each small kernel, in the order of placing.
        rules: one of `RULES`.

    The paper's figure 5:

    >>> [str(w) for w in place((3, 3), [(3, 1), (1, 3), (3, 1), (3, 1)])]
    ['3x1 at (1, 2)', '1x3 at (2, 1)', '3x1 at (1, 1)', '3x1 at (1, 3)']
    """
    placed: list[Window] = []
    place_next = _PLACING[rules]
    for shape in shapes:
        placed.append(place_next(kernel, shape, placed))
    return tuple(placed)


def steps(kernel: Extent) -> int:
    """The places that are judged, at most, to draw a candidate: those of each kernel until all positions are covered.

    >>> steps((3, 3)), steps((31, 31))
    (81, 246016)
    """
    positions = kernel[0] * kernel[1]
    return positions * min(positions, MOST)


def candidate(kernel: Extent, seed: int, types: int | None = None, rules: str = "full") -> tuple[Window, ...]:
    """Draw a random candidate: small kernels of a few shapes, added until all positions are covered.

    Rules without coverage give as many kernels as the covering candidate of the seed has.

    Args:
        kernel: rows and columns of the large kernel.
        seed: the seed of the draw.
        types: the number of different shapes; 1, 2 or 3, a third each, if None.
        rules: one of `RULES`.

    Raises ValueError for a 1x1 kernel and for more types than there are.

    >>> [str(w) for w in candidate((1, 3), seed=2)]
    ['1x1 at (1, 2)', '1x1 at (1, 1)', '1x2 at (1, 2)']
    """
    available = smaller(kernel)
    if not available or (types is not None and not 1 <= types <= len(available)):
        raise ValueError(f"a {kernel[0]}x{kernel[1]} kernel has {len(available)} smaller shapes")

    draw = PortableRandom(f"{seed}:{kernel[0]}x{kernel[1]}")
    count = min(types or 1 + draw.below(3), len(available))
    shapes: list[Extent] = []
    while len(shapes) < count:
        shape = available[draw.below(len(available))]
        if shape not in shapes:
            shapes.append(shape)

    # Only rules that look at coverage ever end with all positions covered.
    covering = "full"
    if rules == "no_centre":
        covering = rules

    placed: list[Window] = []
    uncovered = set(Window(*kernel, 1, 1).cells)
    while uncovered and len(placed) < MOST:
        window = _PLACING[covering](kernel, shapes[draw.below(count)], placed)
        placed.append(window)
        uncovered -= window.cells

    if rules == covering:
        return tuple(placed)
    return place(kernel, [(window.height, window.width) for window in placed], rules)


def candidates(
    kernel: Extent, count: int, seed: int = 0, types: int | None = None, rules: str = "full"
) -> Iterator[tuple[int, tuple[Window, ...]]]:
    """Draw up to `count` different candidates, each with the seed that gives it by itself.

    Those of different seeds are independent of one another: they are no neighbours in one row.

    >>> [len(windows) for _, windows in candidates((3, 3), 3)]
    [2, 4, 3]
    """
    seen: set[tuple[Window, ...]] = set()
    for index in range(TRIES * count):
        number = draw_seed(seed, index)
        windows = candidate(kernel, number, types, rules)

        # The same kernels in another order make the same convolution.
        key = tuple(sorted(windows))
        if key not in seen:
            seen.add(key)
            yield number, windows
        if len(seen) == count:
            return


def draw_seed(seed: int, index: int) -> int:
    """The seed of the `index`-th of several draws that belong to one seed, the same everywhere; the first is itself.

    Numbers in a row would do for one seed, and make those of the next one nearly the same draws.

    >>> draw_seed(7, 0), draw_seed(0, 1) != draw_seed(1, 0)
    (7, True)
    """
    if index == 0:
        return seed
    digest = hashlib.sha256(f"{seed}/{index}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


class PortableRandom:
    """Random integers that are the same in every version of Python, which promises that of `random()` alone."""

    def __init__(self, seed: str) -> None:
        self.generator = random.Random(seed)

    def below(self, limit: int) -> int:
        """An integer from 0 to limit - 1."""
        return int(self.generator.random() * limit)


# --- the place of the next kernel ------------------------------------------------------------------------------------

_Placing = Callable[[Extent, Extent, Sequence[Window]], Window]


def _places(kernel: Extent, shape: Extent) -> list[Window]:
    """All places of a shape in reading order."""
    rows, columns = kernel[0] - shape[0] + 1, kernel[1] - shape[1] + 1
    return [Window(*shape, r, c) for r in range(1, rows + 1) for c in range(1, columns + 1)]


def _central(kernel: Extent) -> frozenset[Extent]:
    """The middle position; two or four where sides are even."""
    rows, columns = ({(k + 1) // 2, k // 2 + 1} for k in kernel)
    return frozenset((r, c) for r in rows for c in columns)


def _by_coverage(kernel: Extent, shape: Extent, placed: Sequence[Window]) -> Window:
    """The first place with the most positions not yet covered."""
    return _first_best(kernel, shape, placed, frozenset())


def _by_coverage_and_centre(kernel: Extent, shape: Extent, placed: Sequence[Window]) -> Window:
    """The first place with the most positions not yet covered, of equals with the most central ones."""
    return _first_best(kernel, shape, placed, _central(kernel))


def _first_best(kernel: Extent, shape: Extent, placed: Sequence[Window], middle: frozenset[Extent]) -> Window:
    """The first place, in reading order, with the most uncovered positions, of equals the most of `middle`.

    A place is judged by four sums, whatever its size, and no object is made for it: a kernel has thousands of them.
    """
    bare = [[0] * (kernel[1] + 1)]
    bare += [[0, *(int(not count) for count in row)] for row in coverage(kernel, placed)]
    sums = cumulative(bare)

    height, width = shape
    best, score = (1, 1), (-1, -1)
    for row in range(1, kernel[0] - height + 2):
        above, below = sums[row - 1], sums[row + height - 1]
        for column in range(1, kernel[1] - width + 2):
            left, right = column - 1, column + width - 1
            new = below[right] - below[left] - above[right] + above[left]
            if new < score[0]:
                continue

            central = _central_in(middle, shape, row, column)
            if (new, central) > score:
                best, score = (row, column), (new, central)
    return Window(*shape, *best)


def _central_in(middle: frozenset[Extent], shape: Extent, row: int, column: int) -> int:
    """The number of central positions that a shape covers at a place."""
    return sum(row <= r < row + shape[0] and column <= c < column + shape[1] for r, c in middle)


def _after_last(places: Sequence[Window], placed: Sequence[Window]) -> Window:
    """The next of some places after the last kernel, the first one when there is none."""
    last = (0, 0)
    if placed:
        last = (placed[-1].row, placed[-1].column)
    return next((w for w in places if (w.row, w.column) > last), places[0])


def _across_centre(kernel: Extent, shape: Extent, placed: Sequence[Window]) -> Window:
    """The next place of those with the most central positions."""
    middle, places = _central(kernel), _places(kernel, shape)
    central = [_central_in(middle, shape, window.row, window.column) for window in places]
    most = max(central)
    return _after_last([window for window, n in zip(places, central, strict=True) if n == most], placed)


def _scan(kernel: Extent, shape: Extent, placed: Sequence[Window]) -> Window:
    """The next place."""
    return _after_last(_places(kernel, shape), placed)


_PLACING: dict[str, _Placing] = {
    "full": _by_coverage_and_centre,
    "no_centre": _by_coverage,
    "no_coverage": _across_centre,
    "scan": _scan,
}
