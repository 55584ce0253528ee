"""The figures of an epoch so far: means over its samples; skipped steps do not count."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any

from archlang.train.loop.stepping import Outcome


@dataclass
class Tally:
    """Sums over the steps of an epoch. A training that goes on in the middle of one goes on with its tally.

    samples, sum, correct  of the first optimiser: samples, their losses, those that were recognised
    lr, first_lr           the rate of the last step and of the first
    is_classes             whether outputs are classes
    sums, counts           of each single loss or metric, and the samples that it is over
    empty                  losses that nothing counted for in any step so far
    skipped                steps that were left out
    before                 seconds that passed before an interruption
    resumed                samples that were done before it
    last, norm             the loss of the last step, and the norm of its gradient
    began                  the clock's reading when this process began
    """

    samples: int = 0
    sum: float = 0.0
    correct: int = 0
    lr: float = 0.0
    first_lr: float | None = None
    is_classes: bool = False
    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    empty: list[str] | None = None
    skipped: int = 0
    before: float = 0.0
    resumed: int = 0
    last: float = float("nan")
    norm: float = float("nan")
    began: float = field(default_factory=time.perf_counter)

    def rate(self, lr: float) -> None:
        """Note the learning rate of a step."""
        self.lr = lr
        if self.first_lr is None:
            self.first_lr = lr

    def add(self, outcome: Outcome | None, samples: int) -> None:
        """Count a step of the first of a training's optimisers, whose loss is the epoch's."""
        if outcome is None:
            return

        self.samples += samples
        self.sum += outcome.loss * samples
        self.last, self.norm = outcome.loss, outcome.norm
        before = self.empty
        if before is None:
            before = list(outcome.empty)
        self.empty = sorted(outcome.empty.intersection(before))
        self.is_classes = outcome.correct is not None
        self.correct += outcome.correct or 0

    def part(self, name: str, value: float, samples: int) -> None:
        """Count a single loss or metric."""
        self.sums[name] = self.sums.get(name, 0.0) + value * samples
        self.counts[name] = self.counts.get(name, 0) + samples

    @property
    def loss(self) -> float:
        """The mean loss; NaN before the first step that counts."""
        if not self.samples:
            return float("nan")
        return self.sum / self.samples

    @property
    def accuracy(self) -> float | None:
        """The share of samples that were recognised; None where outputs are no classes."""
        if not self.is_classes or not self.samples:
            return None
        return self.correct / self.samples

    @property
    def parts(self) -> dict[str, float]:
        """The mean of each loss and metric."""
        return {name: value / self.counts[name] for name, value in self.sums.items()}

    @property
    def seconds(self) -> float:
        """The time that the epoch has taken, with the parts of it that came before an interruption."""
        return self.before + time.perf_counter() - self.began

    @property
    def speed(self) -> float:
        """Samples a second since this process began."""
        # The clock may not have moved during a first, tiny step.
        return (self.samples - self.resumed) / max(time.perf_counter() - self.began, 1e-9)

    def state(self) -> dict[str, Any]:
        """Everything to go on with, as JSON takes it."""
        # The clock of this process means nothing to the next one: seconds that passed are kept instead.
        kept = {**asdict(self), "before": self.seconds, "began": 0.0}
        # Those of a single step may be no numbers, and the next one has its own.
        del kept["last"], kept["norm"]
        return kept

    @classmethod
    def of(cls, state: dict[str, Any]) -> Tally:
        """The tally that `state` described; its time goes on from now."""
        return cls(**{**state, "began": time.perf_counter(), "resumed": state["samples"]})
