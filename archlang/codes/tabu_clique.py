"""Heavy cliques by tabu search: no proof, but far larger ones than branch and bound in the same time.

A move adds the heaviest vertex that is joined to all of the clique; where there is none, it exchanges a vertex of the
clique for the one outside that is joined to all others, or drops the lightest, whatever costs least. A vertex that left
may not come back for a while (Wu, Hao and Glover 2012, multi-neighbourhood tabu search).

>>> joined = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=bool)
>>> tabu_clique(np.array([2, 2, 3]), joined, 5, 100, np.random.default_rng(0)).tolist()
[1, 2]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TENURE = 7
"""Moves for which a vertex that left stays outside, at least."""


def tabu_clique(
    weights: NDArray[np.int64], joined: NDArray[np.bool_], target: int, moves: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """The heaviest clique met within a number of moves; the search ends early at one that reaches the target.

    Args:
        weights: the weight of each vertex, 1 or more [vertices].
        joined: True where two vertices are joined, symmetric [vertices, vertices].
        target: the weight to reach.
        moves: moves at most.
        rng: the source of chance.
    """
    search = CliqueWalk(weights, joined, rng)
    best, best_weight = search.members(), 0

    for _ in range(moves):
        search.move()
        if search.weight > best_weight:
            best, best_weight = search.members(), search.weight
        if best_weight >= target:
            break
    return best


class CliqueWalk:
    """A clique that changes by one vertex at a time.

    Attributes:
        weight: the weight of the clique.
        inside: True for its vertices [vertices].
        conflicts: for each vertex, the number of the clique's vertices that it is not joined to [vertices].
        locked: for each vertex, the time until which it may not enter [vertices].
    """

    def __init__(self, weights: NDArray[np.int64], joined: NDArray[np.bool_], rng: np.random.Generator) -> None:
        self.weights, self.rng = weights, rng
        # A vertex is not apart from itself, whatever the matrix says.
        self.apart = (~joined).astype(np.int32)
        np.fill_diagonal(self.apart, 0)

        self.time = 0
        self.weight = 0
        self.inside = np.zeros(len(weights), dtype=bool)
        self.conflicts = np.zeros(len(weights), dtype=np.int32)
        self.locked = np.zeros(len(weights), dtype=np.int64)

    def members(self) -> NDArray[np.intp]:
        """The vertices of the clique."""
        return np.flatnonzero(self.inside)

    def move(self) -> None:
        """Make the best move that is allowed."""
        self.time += 1
        allowed = ~self.inside & (self.locked <= self.time)

        free = np.flatnonzero(allowed & (self.conflicts == 0))
        if len(free):
            self._enter(self._heaviest(free))
            return

        members = self.members()
        if not len(members):
            self.locked[:] = 0  # every vertex is locked, as happens in tiny graphs
            return

        # Each candidate for an exchange conflicts with exactly one member, which it replaces.
        lightest = int(self.weights[members].min())
        candidates = np.flatnonzero(allowed & (self.conflicts == 1))
        if len(candidates):
            replaced = members[self.apart[candidates][:, members].argmax(axis=1)]
            gains = self.weights[candidates] - self.weights[replaced]
            if gains.max() >= -lightest:
                pick = self._any(np.flatnonzero(gains == gains.max()))
                self._leave(int(replaced[pick]), TENURE + int(self.rng.integers(len(candidates))))
                self._enter(int(candidates[pick]))
                return

        self._leave(self._any(members[self.weights[members] == lightest]), TENURE)

    def _heaviest(self, vertices: NDArray[np.intp]) -> int:
        """Any of the heaviest of some vertices."""
        heights = self.weights[vertices]
        return self._any(vertices[heights == heights.max()])

    def _any(self, vertices: NDArray[np.intp]) -> int:
        return int(vertices[self.rng.integers(len(vertices))])

    def _enter(self, vertex: int) -> None:
        self.inside[vertex] = True
        self.conflicts += self.apart[vertex]
        self.weight += int(self.weights[vertex])

    def _leave(self, vertex: int, tenure: int) -> None:
        self.inside[vertex] = False
        self.conflicts -= self.apart[vertex]
        self.weight -= int(self.weights[vertex])
        self.locked[vertex] = self.time + tenure
