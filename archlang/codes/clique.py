"""Heavy cliques: sets of vertices, each two joined, whose weights add up to a target.

Branch and bound: vertices are cut into classes without inner edges (a colouring); a clique has at most one vertex of
each, so that the sum of the classes' largest weights bounds what can still come (Babel 1994).

>>> heavy([2, 2, 3], [0b010, 0b101, 0b010], 5, 100)
[1, 2]
"""

from __future__ import annotations

from collections.abc import Sequence

DEEPEST = 400


def heavy(weights: Sequence[int], neighbours: Sequence[int], target: int, nodes: int) -> list[int]:
    """The first clique found that reaches the target, else the heaviest within so many nodes of the search.

    `neighbours[v]` has bit u where v and u are joined.
    """
    tree = _Search(weights, neighbours, target, nodes)
    tree.expand([], 0, list(range(len(weights))))
    return sorted(tree.best)


class _Search:
    """The state of one search: the best clique so far, and the nodes that are left."""

    def __init__(self, weights: Sequence[int], neighbours: Sequence[int], target: int, nodes: int) -> None:
        self.weights, self.neighbours, self.target, self.nodes = weights, neighbours, target, nodes
        self.best: list[int] = []
        self.weight = 0

    def expand(self, clique: list[int], weight: int, candidates: list[int]) -> None:
        """Try all cliques that add some of the candidates to `clique`."""
        self.nodes -= 1
        if weight > self.weight:
            self.best, self.weight = list(clique), weight
        if not candidates or len(clique) >= DEEPEST:
            return
        order, reach = self._coloured(candidates)
        for k in range(len(order) - 1, -1, -1):
            if self.weight >= self.target or self.nodes <= 0 or weight + reach[k] <= self.weight:
                return
            vertex = order[k]
            joined = self.neighbours[vertex]
            clique.append(vertex)
            self.expand(clique, weight + self.weights[vertex], [u for u in order[:k] if joined >> u & 1])
            clique.pop()

    def _coloured(self, candidates: list[int]) -> tuple[list[int], list[int]]:
        """The candidates by class, and for each the most that a clique of it and those before it can weigh."""
        order: list[int] = []
        reach: list[int] = []
        rest, total = candidates, 0
        while rest:
            taken, left, mask, heaviest = [], [], 0, 0
            for vertex in rest:
                if self.neighbours[vertex] & mask:
                    left.append(vertex)
                else:
                    taken.append(vertex)
                    mask |= 1 << vertex
                    heaviest = max(heaviest, self.weights[vertex])
            total += heaviest
            order += taken
            reach += [total] * len(taken)
            rest = left
        return order, reach
