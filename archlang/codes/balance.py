"""Words chosen so that every branch serves equally many classes.

From a pool of words, all of one weight, `count` are chosen: by complementary pairs where the weight is half the length
and the pool is closed (any pairs will do), by whole orbits under shifts (each has even columns), by swaps that lower
the sum of squared deviations, or by a mixed integer program over one binary variable a word,

    sum x = count,   low <= sum_w x_w w_c <= high  for every column c,

with low and high a rounding apart, which finds even columns or proves that the pool has none; then high - low is
minimised. Of a large pool only `FREE` words are left to the program, the rest staying as the swaps left them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from archlang.codes.words import Rows

SWAPS = 4_000
NODES = 100
FREE = 240


@dataclass(frozen=True, eq=False)
class Choice:
    """The chosen words, the largest difference of two columns, and how they were found."""

    rows: Rows
    spread: int
    how: str

    @property
    def even(self) -> bool:
        """Whether the columns differ as little as they can."""
        return self.spread <= (1 if int(self.rows.sum()) % self.rows.shape[1] else 0)


def spread(rows: Rows) -> int:
    """The largest difference of two column sums."""
    sums = rows.sum(axis=0, dtype=np.int64)
    return int(sums.max() - sums.min())


def choose(rows: Rows, count: int, rng: np.random.Generator, parts: NDArray[np.intp] | None = None) -> Choice:
    """`count` of the rows (at least so many, all of one weight) with the most even columns that are found.

    `parts` numbers the set of words that each row belongs to, if there are sets that may have even columns already.
    """
    if len(rows) == count:
        return Choice(rows, spread(rows), "")
    found = _pairs(rows, count, rng)
    if found is not None:
        return Choice(found, spread(found), "in complementary pairs")
    found = None if parts is None else _whole_parts(rows, count, parts)
    if found is not None:
        return Choice(found, 0, "whole orbits of its shifts")
    near = _swapped(rows, count, rng)
    return Choice(rows[near], spread(rows[near]), "chosen for even columns")


def solve(rows: Rows, count: int, rng: np.random.Generator) -> Choice:
    """The same by the integer program: slower, and for a small pool as even as it can be."""
    near = _swapped(rows, count, rng)
    solved = _solved(rows, near, rng) if len(near) < len(rows) else None
    return solved or Choice(rows[near], spread(rows[near]), "chosen for even columns")


def _pairs(rows: Rows, count: int, rng: np.random.Generator) -> Rows | None:
    """Half as many pairs of complementary words, where all words have their complement."""
    if count % 2 or 2 * int(rows[0].sum()) != rows.shape[1]:
        return None
    known = {row.tobytes() for row in rows}
    heads = rows[rows[:, 0] == 1]
    if len(heads) * 2 != len(rows) or any((1 - row).tobytes() not in known for row in heads):
        return None
    chosen = heads[np.sort(rng.choice(len(heads), count // 2, replace=False))]
    return np.concatenate([chosen, 1 - chosen])


def _whole_parts(rows: Rows, count: int, parts: NDArray[np.intp]) -> Rows | None:
    """Parts with even columns whose sizes add up to `count` (a sum of some of the sizes, by dynamic programming)."""
    flat = [part for part in range(int(parts.max()) + 1) if spread(rows[parts == part]) == 0]
    sizes = {part: int((parts == part).sum()) for part in flat}
    reached: dict[int, list[int]] = {0: []}
    for part in sorted(flat, key=lambda p: -sizes[p]):
        for total, taken in list(reached.items()):
            if total + sizes[part] <= count:
                reached.setdefault(total + sizes[part], [*taken, part])
    return rows[np.isin(parts, reached[count])] if count in reached else None


def _swapped(rows: Rows, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Swaps of a chosen word for one left out, each the best of a sample, until the columns are even or `SWAPS`."""
    order = rng.permutation(len(rows))
    inside, outside = order[:count].copy(), order[count:].copy()
    mean = count * int(rows[0].sum()) / rows.shape[1]
    sums = rows[inside].sum(axis=0, dtype=np.int64)
    signed = rows.astype(np.int16)
    for _ in range(min(SWAPS, 20 * len(rows))):
        if sums.max() - sums.min() <= (0 if mean.is_integer() else 1):
            break
        leave = rng.integers(count, size=min(count, 48))
        enter = rng.integers(len(outside), size=min(len(outside), 48))
        change = signed[outside[enter]][None, :, :] - signed[inside[leave]][:, None, :]
        scores = ((sums + change - mean) ** 2).sum(axis=2)
        i, j = divmod(int(scores.argmin()), len(enter))
        now = float(((sums - mean) ** 2).sum())
        if scores[i, j] >= now and rng.random() > 0.05:
            continue
        sums = sums + change[i, j]
        a, b = leave[i], enter[j]
        inside[a], outside[b] = outside[b], inside[a]
    return np.sort(inside)


def _solved(rows: Rows, near: NDArray[np.intp], rng: np.random.Generator) -> Choice | None:
    """The integer program for as many words as `near` has: even columns, or else the least spread; None where the
    solver's bounded work ends first."""
    count, free = len(near), np.arange(len(rows))
    if len(rows) > FREE:
        outside = np.setdiff1d(free, near)
        some = rng.permutation(outside)[: FREE // 2]
        free = np.concatenate([some, rng.permutation(near)[: FREE - len(some)]])
    kept = np.setdiff1d(near, free)
    sums = rows[kept].sum(axis=0, dtype=np.int64)
    program = Program(rows[free].T.astype(float), sums.astype(float), count - len(kept))
    low, more = divmod(count * int(rows[0].sum()), rows.shape[1])
    chosen = program.within(low, low + bool(more), rng)
    if chosen is None:
        chosen = program.closest()
    if chosen is None:
        return None
    picked = rows[np.sort(np.concatenate([kept, free[chosen]]))]
    return Choice(picked, spread(picked), "chosen for even columns by an integer program")


@dataclass(frozen=True, eq=False)
class Program:
    """Which `count` of the words (columns of `matrix` [branches, words]) to add to column sums that stand already."""

    matrix: NDArray[np.float64]
    sums: NDArray[np.float64]
    count: int

    def within(self, low: int, high: int, rng: np.random.Generator) -> NDArray[np.intp] | None:
        """Any words that bring every column between the two."""
        words = self.matrix.shape[1]
        full = np.vstack([np.ones((1, words)), self.matrix])
        lower = np.concatenate([[self.count], low - self.sums])
        upper = np.concatenate([[self.count], high - self.sums])
        return self._run(np.asarray(rng.random(words)), full, lower, upper, gap=1.0)  # any such words will do

    def closest(self) -> NDArray[np.intp] | None:
        """The words that bring the columns nearest together.

        Minimises high - low, two variables more: low - column <= 0 and column - high <= 0.
        """
        branches, words = self.matrix.shape
        zero, one = np.zeros((branches, 1)), np.ones((branches, 1))
        full = np.vstack([
            np.hstack([np.ones((1, words)), np.zeros((1, 2))]),
            np.hstack([-self.matrix, one, zero]),
            np.hstack([self.matrix, zero, -one]),
        ])
        lower = np.full(len(full), -np.inf)
        upper = np.concatenate([[self.count], self.sums, -self.sums])
        lower[0] = self.count
        cost = np.concatenate([np.zeros(words), [-1.0, 1.0]])
        return self._run(cost, full, lower, upper, gap=0.0)

    def _run(
        self, cost: NDArray[np.float64], full: NDArray[np.float64], lower: NDArray[np.float64],
        upper: NDArray[np.float64], gap: float,
    ) -> NDArray[np.intp] | None:  # fmt: skip
        """The words that the solver takes; they are its first variables, binary, and the rest are whole."""
        words = self.matrix.shape[1]
        top = np.full(len(cost), np.inf)
        top[:words] = 1.0
        found = milp(
            cost,
            integrality=np.ones(len(cost), dtype=np.int64),
            bounds=Bounds(0.0, top),
            constraints=LinearConstraint(full, lower, upper),
            options={"node_limit": NODES, "mip_rel_gap": gap},
        )
        if found.x is None:
            return None
        chosen = np.flatnonzero(np.round(found.x[:words]) == 1)
        return chosen if len(chosen) == self.count else None
