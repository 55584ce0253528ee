"""Means of losses over a part of the data, which is read in batches."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from archlang.diagnostics import ArchError
from archlang.train.losses.objective import Objective
from archlang.train.problems import bad_data


class PartMeans:
    """The mean of an objective and of each of its losses: the same however the samples are cut into batches.

        mean = sum over batches of (mean of the batch * what it is divided by) / sum of what they are divided by

    A batch counts by its samples, and for a loss that leaves places out by those that count.
    """

    def __init__(self, goal: Objective) -> None:
        self.goal = goal
        self.sums: dict[str, float] = {}
        self.over: dict[str, float] = {}

    def add(self, total: torch.Tensor, parts: Mapping[str, torch.Tensor], counted: Mapping[str, float],
            samples: int) -> None:
        """Add a batch: the objective and its losses by name, and what the means of some are divided by."""
        # The sum of losses has no name of its own.
        for name, value in {"": total, **parts}.items():
            over = counted.get(name, float(samples))
            self.sums[name] = self.sums.get(name, 0.0) + float(value) * over
            self.over[name] = self.over.get(name, 0.0) + over

    def figures(self) -> dict[str, float]:
        """The means by name, that of the objective by the empty one. Raises `ArchError` (bad-data)."""
        empty = next((name for name, over in self.over.items() if not over), None)
        if empty is not None:
            raise nothing_counts(empty, "the part of the data that is measured")

        means = {name: self.sums[name] / over for name, over in self.over.items()}
        # The mean over samples of the whole sum is another one where a loss in it leaves places out.
        if any(term.counted is not None for term in self.goal.terms):
            means[""] = sum(term.weight * means[term.name] for term in self.goal.terms)
        return means


def nothing_counts(loss: str, part: str) -> ArchError:
    """The error of a loss that leaves out all that there is."""
    return bad_data(f"nothing in {part} counts for `{loss}`: every label there is ignored, or of a class with the "
                    "weight 0", help="see `ignore` and `weights` of the loss, and the labels of the data")
