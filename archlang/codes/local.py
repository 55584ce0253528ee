"""Tabu search for codes of any size.

A state is K words of weight W. With m = W - d / 2, two words are too near by the ones that they share beyond m; the
cost is the sum of the squares of that over all pairs, plus the sum of the squares by which column sums miss
floor(K W / N) and its successor. A move takes a word that is too near to another and changes one of its ones for one of
its zeros: the pair that lowers the cost most, or raises it least, and that did not change lately (Glover 1989).

>>> rows = search(10, 10, 3, 4, np.random.default_rng(0), 2_000)
>>> rows is not None and rows.sum(axis=0).tolist() == [3] * 10
True
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from archlang.codes.words import Rows

TellMoves = Callable[[int, int], None]
"""Called with the number of moves made and the number of pairs still too near."""

Counts = NDArray[np.int32]

TELL_EVERY = 1_000
"""Moves between two calls of `TellMoves`."""

NEVER = 1 << 30
"""The cost of a move that is not allowed."""


def affordable(classes: int, branches: int, active: int, sums: int) -> int:
    """The number of moves that a search of these sizes may make with so many sums; never fewer than 50.

    A move compares active x inactive branches against all classes.
    """
    return max(sums // (classes * (active * (branches - active) + 200)), 50)


def search(
    classes: int, branches: int, active: int, distance: int, rng: np.random.Generator, moves: int,
    tell: TellMoves | None = None,
) -> Rows | None:  # fmt: skip
    """Rows of at least this distance with columns as even as they can be; None if `moves` do not suffice."""
    state = TabuState(classes, branches, active, active - distance // 2, rng)
    patience = 400 + 20 * classes
    lowest, since_lowest = state.cost(), 0

    for move in range(moves):
        # A cost of 0 is a code of the distance with even columns: nothing is left to improve.
        if lowest == 0:
            return state.rows.astype(np.uint8)
        if tell is not None and move % TELL_EVERY == 0:
            tell(move, int((state.excess > 0).sum()) // 2)

        cost = state.step(lowest)
        since_lowest += 1
        if cost < lowest:
            lowest, since_lowest = cost, 0
        # Long without a new lowest cost: this start leads nowhere, so another one.
        elif since_lowest > patience:
            state = TabuState(classes, branches, active, active - distance // 2, rng)
            lowest, since_lowest = state.cost(), 0

    return None


class TabuState:
    """The words, the ones that each two share, the column sums, and the times until which places are locked."""

    def __init__(self, classes: int, branches: int, active: int, most: int, rng: np.random.Generator) -> None:
        self.rng, self.most, self.time = rng, most, 0
        self.rows = _even_start(classes, branches, active, rng)

        # The diagonal is out of reach, so that no word is too near to itself.
        self.shared: Counts = self.rows @ self.rows.T
        np.fill_diagonal(self.shared, -branches)
        self.excess: Counts = np.maximum(self.shared - most, 0)
        self.near = int((self.excess**2).sum()) // 2

        self.sums: Counts = self.rows.sum(axis=0, dtype=np.int32)
        self.low, self.high = classes * active // branches, -(-classes * active // branches)
        self.locked = np.zeros((classes, branches), dtype=np.int64)

    def cost(self) -> int:
        """The cost, which is 0 for a code of the wanted distance with even columns."""
        return self.near + int(self._miss(self.sums).sum())

    def step(self, lowest: int) -> int:
        """Make one move and return the cost after it; a locked place may change if that makes a new lowest cost."""
        self.time += 1
        i = self._word()
        ones, zeros = np.flatnonzero(self.rows[i]), np.flatnonzero(self.rows[i] == 0)

        current = self.cost()
        change = self._changes(i, ones, zeros)
        locked = (self.locked[i, ones][:, None] > self.time) | (self.locked[i, zeros][None, :] > self.time)
        change[locked & (current + change >= lowest)] = NEVER

        # One of the best at random: always the first would lead in circles.
        best = np.flatnonzero(change == change.min())
        a, b = divmod(int(best[self.rng.integers(len(best))]), len(zeros))
        self._swap(i, int(ones[a]), int(zeros[b]))
        return self.cost()

    def _word(self) -> int:
        """A word that is too near to another; any word where only columns are wrong."""
        near = np.flatnonzero(self.excess.any(axis=1))
        if len(near):
            return int(near[self.rng.integers(len(near))])
        return int(self.rng.integers(len(self.rows)))

    def _miss(self, sums: Counts) -> Counts:
        """The squares by which column sums miss the even ones."""
        return np.maximum(np.maximum(self.low - sums, sums - self.high), 0) ** 2

    def _changes(self, i: int, ones: NDArray[np.intp], zeros: NDArray[np.intp]) -> Counts:
        """The change of the cost for each of word i's ones exchanged for each of its zeros [ones, zeros]."""
        removed, added = self.rows[:, ones].T, self.rows[:, zeros].T
        after = self.shared[i][None, None, :] - removed[:, None, :] + added[None, :, :]
        after[:, :, i] = 0  # both are counted for the word itself

        near = (np.maximum(after - self.most, 0) ** 2).sum(axis=2, dtype=np.int32)
        near -= np.int32((self.excess[i] ** 2).sum())

        miss = self._miss(self.sums)
        less = self._miss(self.sums[ones] - 1) - miss[ones]
        more = self._miss(self.sums[zeros] + 1) - miss[zeros]
        return np.asarray(near + less[:, None] + more[None, :])

    def _swap(self, i: int, one: int, zero: int) -> None:
        """Exchange a one of word i for a zero, keep all sums true, and lock both places for a while."""
        difference = self.rows[:, zero] - self.rows[:, one]
        difference[i] = 0
        self.shared[i] += difference
        self.shared[:, i] += difference

        line = np.maximum(self.shared[i] - self.most, 0)
        self.near += int((line**2).sum()) - int((self.excess[i] ** 2).sum())
        self.excess[i], self.excess[:, i] = line, line

        self.rows[i, one], self.rows[i, zero] = 0, 1
        self.sums[one] -= 1
        self.sums[zero] += 1

        # A random tenure keeps the search from repeating itself.
        until = self.time + 2 + int(self.rng.integers(4 + len(self.rows) // 4))
        self.locked[i, one] = self.locked[i, zero] = until


def _even_start(classes: int, branches: int, active: int, rng: np.random.Generator) -> Counts:
    """Random words, each of the branches that were used least so far."""
    rows = np.zeros((classes, branches), dtype=np.int32)
    sums = np.zeros(branches)

    for i in range(classes):
        # Chance below 1 decides among branches that were used equally often.
        chosen = np.argsort(sums + rng.random(branches))[:active]
        rows[i, chosen] = 1
        sums[chosen] += 1
    return rows
