"""Heavy cliques by branch and bound: sets of pairwise joined vertices whose weights add up to a target.

Vertices are coloured, so that vertices of a colour are not joined; a clique has at most one vertex of each colour, and
the sum of the colours' largest weights bounds what can still come (Babel 1994).

>>> heavy([2, 2, 3], [0b010, 0b101, 0b010], 5, 100)
[1, 2]
"""

from __future__ import annotations

from collections.abc import Sequence

DEEPEST = 400
"""Vertices of a clique at most: the search calls itself once for each."""


def heavy(weights: Sequence[int], neighbours: Sequence[int], target: int, nodes: int) -> list[int]:
    """The first clique that reaches the target, else the heaviest one met within a number of search nodes.

    Args:
        weights: the weight of each vertex.
        neighbours: for each vertex v, a mask in which bit u is set where v and u are joined.
        target: the weight to reach.
        nodes: the nodes of the search tree that may be visited.
    """
    search = CliqueSearch(weights, neighbours, target, nodes)
    search.expand([], 0, list(range(len(weights))))
    return sorted(search.best)


class CliqueSearch:
    """The state of one search: the best clique so far, and the number of nodes left."""

    def __init__(self, weights: Sequence[int], neighbours: Sequence[int], target: int, nodes: int) -> None:
        self.weights = weights
        self.neighbours = neighbours
        self.target = target
        self.nodes_left = nodes
        self.best: list[int] = []
        self.best_weight = 0

    def expand(self, clique: list[int], weight: int, candidates: list[int]) -> None:
        """Try all cliques that add some of the candidates to `clique`."""
        self.nodes_left -= 1
        if weight > self.best_weight:
            self.best, self.best_weight = list(clique), weight
        # Deeper, Python's own limit of calls would end the search with an error.
        if not candidates or len(clique) >= DEEPEST:
            return

        order, reach = self._coloured(candidates)
        # From the back: the last candidates can reach the most.
        for k in range(len(order) - 1, -1, -1):
            if self.best_weight >= self.target or self.nodes_left <= 0:
                return
            # Neither this candidate nor those before it can lead to a heavier clique.
            if weight + reach[k] <= self.best_weight:
                return

            vertex = order[k]
            joined = self.neighbours[vertex]
            clique.append(vertex)
            self.expand(clique, weight + self.weights[vertex], [u for u in order[:k] if joined >> u & 1])
            clique.pop()

    def _coloured(self, candidates: list[int]) -> tuple[list[int], list[int]]:
        """The candidates by colour, and for each the most that a clique of it and those before it can weigh."""
        order: list[int] = []
        reach: list[int] = []
        uncoloured, total = candidates, 0

        while uncoloured:
            colour, others, mask, heaviest = [], [], 0, 0
            for vertex in uncoloured:
                if self.neighbours[vertex] & mask:
                    others.append(vertex)
                else:
                    colour.append(vertex)
                    mask |= 1 << vertex
                    heaviest = max(heaviest, self.weights[vertex])

            total += heaviest
            order += colour
            reach += [total] * len(colour)
            uncoloured = others

        return order, reach
