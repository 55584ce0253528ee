"""The choice of words that gives every branch equally many classes.

From words of one weight, `count` are chosen: by complementary pairs where the weight is half the length and the words
are closed under complement (any pairs will do), by orbits under shifts (each has even columns), by swaps that lower the
sum of squared deviations, or by a mixed integer program over one binary variable a word,

    sum x = count,   low <= sum_w x_w w_c <= high  for every column c,

with low and high a rounding apart, which finds even columns or proves that these words have none; then high - low is
minimised. Of many words only `FREE` are left to the program, the rest staying as the swaps left them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from archlang.codes.words import Rows
from archlang.dataclass import dataclass

SWAPS = 4_000
"""Swaps tried at most."""

SAMPLE = 48
"""Words to leave and words to enter that are compared for one swap."""

FEW = 4
"""Words that are added or dropped one by one."""

MOST_SUMS = 16
"""Different column sums up to which orbits are swapped until they agree."""

NODES = 100
FREE = 240
"""Branch-and-bound nodes of the integer program, and the words that it decides on."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChosenWords:
    """The chosen words, and a phrase for how they were chosen."""

    rows: Rows
    how: str

    @property
    def spread(self) -> int:
        """The largest difference of two column sums."""
        return spread(self.rows)

    @property
    def even(self) -> bool:
        """True if the column sums differ as little as they can."""
        return is_even(self.rows)


def spread(rows: Rows) -> int:
    """The largest difference of two column sums."""
    sums = rows.sum(axis=0, dtype=np.int64)
    return int(sums.max() - sums.min())


def is_even(rows: Rows) -> bool:
    """True if the column sums are equal, or one apart where the ones do not divide."""
    if int(rows.sum()) % rows.shape[1]:
        return spread(rows) <= 1
    return spread(rows) == 0


def choose(rows: Rows, count: int, rng: np.random.Generator, parts: NDArray[np.intp] | None = None) -> ChosenWords:
    """Choose rows with the most even columns that are found quickly.

    Args:
        rows: at least `count` words of one weight.
        count: the number of words to choose.
        rng: the source of chance.
        parts: the number of each row's set [rows], for sets that may have even columns already.
    """
    if len(rows) == count:
        # Nothing to choose: the words are given as they are.
        return ChosenWords(rows, "")

    chosen = _pairs(rows, count, rng)
    if chosen is not None:
        return ChosenWords(chosen, "in complementary pairs")

    if parts is not None:
        chosen = _even_parts(rows, count, parts)
        if chosen is not None:
            return ChosenWords(chosen, "whole orbits of its shifts")

    chosen = rows[_swapped(rows, count, _mean(rows, count), rng)]
    return ChosenWords(chosen, "chosen for even columns")


def choose_orbits(
    rows: Rows, count: int, rng: np.random.Generator, partitions: Iterable[NDArray[np.intp]]
) -> ChosenWords | None:
    """Choose whole orbits whose columns are even together; None where the search has none.

    Words far from each other cannot be swapped one by one until columns are even: every swap changes many. Orbits under
    shifts have the same sums on all points that the shifts take to each other, so that few sums have to agree.

    Args:
        rows: at least `count` words of one weight.
        count: the number of words to choose.
        rng: the source of chance.
        partitions: numbers of the words' orbits [rows], under one group of shifts each.
    """
    # All words, and even already.
    if len(rows) == count and is_even(rows):
        return ChosenWords(rows, "")

    for parts in partitions:
        chosen = _even_parts(rows, count, parts)
        if chosen is None:
            chosen = _swapped_parts(rows, count, parts, rng)
        if chosen is not None and is_even(chosen):
            return ChosenWords(chosen, "orbits of shifts with even columns")
    return None


def solve(rows: Rows, count: int, rng: np.random.Generator) -> ChosenWords:
    """Choose rows by the integer program: slower, and among few words as even as it can be."""
    # The program starts from what the swaps found, and leaves most of it as it is.
    start = _swapped(rows, count, _mean(rows, count), rng)
    solved = None
    if len(start) < len(rows):
        solved = _solved(rows, start, rng)
    return solved or ChosenWords(rows[start], "chosen for even columns")


def _pairs(rows: Rows, count: int, rng: np.random.Generator) -> Rows | None:
    """Half as many pairs of complementary words; None unless all words have their complement."""
    # A pair of complementary words adds one to every column, whichever pairs are chosen.
    if count % 2 or 2 * int(rows[0].sum()) != rows.shape[1]:
        return None

    known = {row.tobytes() for row in rows}
    # One word of each pair: that with a one in the first branch.
    heads = rows[rows[:, 0] == 1]
    if len(heads) * 2 != len(rows) or any((1 - row).tobytes() not in known for row in heads):
        return None

    chosen = heads[np.sort(rng.choice(len(heads), count // 2, replace=False))]
    return np.concatenate([chosen, 1 - chosen])


def _even_parts(rows: Rows, count: int, parts: NDArray[np.intp]) -> Rows | None:
    """Parts with even columns whose sizes add up to `count`, by dynamic programming; None if no sizes do."""
    even = [part for part in range(int(parts.max()) + 1) if spread(rows[parts == part]) == 0]
    sizes = {part: int((parts == part).sum()) for part in even}

    # parts_for[total] are some parts with that many words together.
    parts_for: dict[int, list[int]] = {0: []}
    # Large parts first, so that few parts make up the sum; a list, since sums are added on the way.
    for part in sorted(even, key=lambda p: -sizes[p]):
        for total, taken in list(parts_for.items()):
            if total + sizes[part] <= count:
                parts_for.setdefault(total + sizes[part], [*taken, part])

    if count not in parts_for:
        return None
    return rows[np.isin(parts, parts_for[count])]


def _swapped_parts(rows: Rows, count: int, parts: NDArray[np.intp], rng: np.random.Generator) -> Rows | None:
    """Swap parts of one size until the columns are even; None where no number of them is near enough to `count`.

    Few words may be missing or too many: they are added or dropped one by one.
    """
    sizes = np.bincount(parts)
    size = int(np.bincount(sizes).argmax())
    usual = np.flatnonzero(sizes == size)

    # As many parts as fit, or one more.
    for take in (count // size, -(-count // size)):
        missing = count - take * size
        if abs(missing) > FEW or not 0 < take <= len(usual):
            continue

        # Points that shifts take to each other have one sum. With many sums to agree, no swap is likely to fit.
        sums = np.stack([rows[parts == part].sum(axis=0, dtype=np.int64) for part in usual])
        distinct = np.unique(sums, axis=1)
        if distinct.shape[1] > MOST_SUMS:
            continue

        mean = take * int(sums[0].sum()) / rows.shape[1]
        taken = usual[_swapped(distinct, take, mean, rng)]
        inside, outside = rows[np.isin(parts, taken)], rows[~np.isin(parts, taken)]
        if missing > 0:
            return np.concatenate([inside, outside[_swapped(outside, missing, _mean(outside, missing), rng)]])
        if missing < 0:
            return np.delete(inside, _swapped(inside, -missing, _mean(inside, -missing), rng), axis=0)
        return inside
    return None


def _mean(rows: Rows, count: int) -> float:
    """The mean column sum of so many words of one weight."""
    return float(count * int(rows[0].sum()) / rows.shape[1])


def _swapped(
    rows: Rows | NDArray[np.int64], count: int, mean: float, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Swap chosen rows for others, each time the best of a sample, until the columns are even or `SWAPS`.

    Rows may be words, or sums of equally many words; `mean` is the mean column sum of `count` of them.
    """
    order = rng.permutation(len(rows))
    inside, outside = order[:count].copy(), order[count:].copy()
    if not len(outside):
        return np.sort(inside)

    # Where the ones do not divide by the branches, columns can only be one apart.
    tolerated = 1 - int(mean.is_integer())

    sums = rows[inside].sum(axis=0, dtype=np.int64)
    # Differences of words are -1, 0 and 1, which unsigned numbers do not have.
    signed = rows.astype(np.int16)

    for _ in range(min(SWAPS, 20 * len(rows))):
        if sums.max() - sums.min() <= tolerated:
            break

        leave = rng.integers(count, size=min(count, SAMPLE))
        enter = rng.integers(len(outside), size=min(len(outside), SAMPLE))
        change = signed[outside[enter]][None, :, :] - signed[inside[leave]][:, None, :]
        scores = ((sums + change - mean) ** 2).sum(axis=2)
        i, j = divmod(int(scores.argmin()), len(enter))

        # A swap for the worse is taken now and then, to leave a local minimum.
        current = float(((sums - mean) ** 2).sum())
        if scores[i, j] >= current and rng.random() > 0.05:
            continue

        sums = sums + change[i, j]
        a, b = leave[i], enter[j]
        inside[a], outside[b] = outside[b], inside[a]

    return np.sort(inside)


def _solved(rows: Rows, start: NDArray[np.intp], rng: np.random.Generator) -> ChosenWords | None:
    """As many words as `start` has, with even columns or else the smallest spread.

    None if the solver's bounded work ends before it has any.
    """
    count, free = len(start), np.arange(len(rows))
    # Half of the free words are in the code and half are not: both sides of a swap.
    if len(rows) > FREE:
        outside = rng.permutation(np.setdiff1d(free, start))[: FREE // 2]
        free = np.concatenate([outside, rng.permutation(start)[: FREE - len(outside)]])

    fixed = np.setdiff1d(start, free)
    sums = rows[fixed].sum(axis=0, dtype=np.int64)
    program = IntegerProgram(rows[free].T.astype(float), sums.astype(float), count - len(fixed))

    low, remainder = divmod(count * int(rows[0].sum()), rows.shape[1])
    chosen = program.within(low, low + bool(remainder), rng)
    if chosen is None:
        chosen = program.closest()
    if chosen is None:
        return None

    words = rows[np.sort(np.concatenate([fixed, free[chosen]]))]
    return ChosenWords(words, "chosen for even columns by an integer program")


@dataclass(frozen=True, eq=False)
class IntegerProgram:
    """The choice of words to add to column sums.

    Args:
        matrix: the words to choose from, a column each [branches, words].
        sums: the column sums of the words that are fixed [branches].
        count: the number of words to choose.
    """

    matrix: Floats
    sums: Floats
    count: int

    def within(self, low: int, high: int, rng: np.random.Generator) -> NDArray[np.intp] | None:
        """Any words that bring every column sum between two numbers."""
        words = self.matrix.shape[1]
        constraints = np.vstack([np.ones((1, words)), self.matrix])
        lower = np.concatenate([[self.count], low - self.sums])
        upper = np.concatenate([[self.count], high - self.sums])

        # Costs are random, since any such words will do; a gap of 1 ends the search at the first ones.
        return self._run(np.asarray(rng.random(words)), constraints, lower, upper, gap=1.0)

    def closest(self) -> NDArray[np.intp] | None:
        """The words that bring the column sums nearest together.

        Two variables more, low and high, with low - column <= 0 and column - high <= 0; high - low is minimised.
        """
        branches, words = self.matrix.shape
        zero, one = np.zeros((branches, 1)), np.ones((branches, 1))
        constraints = np.vstack([
            np.hstack([np.ones((1, words)), np.zeros((1, 2))]),
            np.hstack([-self.matrix, one, zero]),
            np.hstack([self.matrix, zero, -one]),
        ])

        lower = np.full(len(constraints), -np.inf)
        lower[0] = self.count
        upper = np.concatenate([[self.count], self.sums, -self.sums])
        cost = np.concatenate([np.zeros(words), [-1.0, 1.0]])
        return self._run(cost, constraints, lower, upper, gap=0.0)

    def _run(
        self, cost: Floats, constraints: Floats, lower: Floats, upper: Floats, gap: float
    ) -> NDArray[np.intp] | None:
        """The words that the solver takes; they are its first variables, binary, and the rest are integers."""
        words = self.matrix.shape[1]
        largest = np.full(len(cost), np.inf)
        largest[:words] = 1.0

        solution = milp(
            cost,
            integrality=np.ones(len(cost), dtype=np.int64),
            bounds=Bounds(0.0, largest),
            constraints=LinearConstraint(constraints, lower, upper),
            options={"node_limit": NODES, "mip_rel_gap": gap},
        )
        if solution.x is None:
            return None


        # The solver stops within a tolerance of the constraints; too few or too many words are no choice.
        chosen = np.flatnonzero(np.round(solution.x[:words]) == 1)
        if len(chosen) != self.count:
            return None
        return chosen
