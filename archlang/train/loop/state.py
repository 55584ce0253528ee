"""The point that a training has reached, as a checkpoint keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from archlang.train.loop.progress import Epoch
from archlang.train.loop.tally import Tally


@dataclass
class TrainingState:
    """The finished rounds and the place in the next one.

    A round is a pass over the data, or what is left of a phase that counts steps.

    history  the finished rounds
    best     the best of them
    step     how many batches of the next round are done
    total    how many batches are done in all
    tally    the figures of the next round so far
    """

    history: list[Epoch] = field(default_factory=list)
    best: Epoch | None = None
    step: int = 0
    total: int = 0
    tally: Tally | None = None

    def finish(self, epoch: Epoch, is_best: bool) -> None:
        """A round is done."""
        self.history.append(epoch)
        if is_best:
            self.best = epoch
        self.step, self.tally = 0, None

    def facts(self, batches_per_epoch: int) -> dict[str, Any]:
        """Everything to go on with, as JSON takes it."""
        best = 0  # no epoch has this number
        if self.best is not None:
            best = self.best.number
        return {
            "total": self.total,
            "step": self.step,
            "batches": batches_per_epoch,
            "tally": self.tally and self.tally.state(),
            "history": [asdict(epoch) for epoch in self.history],
            "best": best,
        }

    def restore(self, facts: Mapping[str, Any], batches_per_epoch: int) -> None:
        """Stand where `facts` were taken.

        A fork on other data begins the epoch anew: the batches that were done are batches of other samples.
        """
        self.history = [Epoch(**epoch) for epoch in facts["history"]]
        if facts["best"]:
            self.best = self.history[facts["best"] - 1]
        self.total = facts["total"]
        if facts["batches"] == batches_per_epoch and facts["tally"] is not None:
            self.step, self.tally = facts["step"], Tally.of(facts["tally"])
