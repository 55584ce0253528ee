"""The progress of a training, as it is told while it runs, and its result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import fx

from archlang.ops.catalogue import facts_of
from archlang.ops.facts import MetricFacts
from archlang.ops.values import Option
from archlang.train.kept.runs import Run


@dataclass(frozen=True)
class Outline:
    """A training that is about to begin.

    epochs        epochs in all
    steps, total  batches in an epoch, and in all
    run           the folder
    done          batches that are done already where a training goes on
    validation_samples  samples that the best epoch is chosen on, where the data has them apart from the test
    """

    network: str
    data: str
    epochs: int
    steps: int
    total: int
    train_samples: int
    test_samples: int
    device: str
    seed: int
    run: Run | None = None
    done: int = 0
    validation_samples: int = 0


@dataclass(frozen=True)
class Beat:
    """One batch that is done.

    epoch, step     its number, each from 1
    done            how many batches are done in all
    loss, accuracy  of the epoch so far
    lr              the learning rate of this step
    speed           samples a second in this epoch
    """

    epoch: int
    step: int
    done: int
    loss: float
    accuracy: float | None
    lr: float
    speed: float


@dataclass(frozen=True)
class Epoch:
    """One finished epoch, counted from 1. An accuracy is None where outputs are no classes.

    lr                 the rate of its first step, of its first optimiser
    skipped            steps left out because a loss or gradient was no number
    parts, test_parts  the unweighted losses and metrics on the training part and on the test part
    metrics            the metrics that the file names, on the test part; `validation_metrics` on the validation part
    samples            samples that it trained on

    Where the data has a validation part, the best epoch is chosen on it, and the test part is only told.
    """

    number: int
    phase: str
    lr: float
    train_loss: float
    train_accuracy: float | None
    test_loss: float
    test_accuracy: float | None
    skipped: int
    seconds: float
    parts: Mapping[str, float] = field(default_factory=dict)
    test_parts: Mapping[str, float] = field(default_factory=dict)
    samples: int = 0
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    validation_metrics: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def chosen_by(self) -> tuple[float, float | None]:
        """The loss and the accuracy that the best epoch is chosen by: of the validation part, else of the test part."""
        if self.validation_loss is not None:
            return self.validation_loss, self.validation_accuracy
        return self.test_loss, self.test_accuracy

    def better_than(self, other: Epoch | None, best: Option | str | None = None) -> bool:
        """Tell whether it is better, by what `best` names, on the part that the best epoch is chosen by.

        Without `best`, it is better where it recognises more. Where that is equal or unknown, it is better with the
        smaller loss.
        """
        if other is None:
            return True

        (my_loss, mine), (your_loss, yours) = self.chosen_by, other.chosen_by
        if best == "loss":
            mine = yours = None
        elif isinstance(best, Option):
            mine, yours = self._figure(best), other._figure(best)
            # No figure is no reason to choose an epoch.
            if (mine is None) != (yours is None):
                return mine is not None
        # By accuracy where both have one: a loss may fall while fewer samples are recognised.
        if mine is not None and yours is not None and mine != yours:
            return mine > yours
        return my_loss < your_loss or math.isnan(your_loss)

    def _figure(self, metric: Option) -> float | None:
        """The figure of a metric, so turned that more is better."""
        metrics = self.metrics
        if self.validation_loss is not None:
            metrics = self.validation_metrics

        figure = metrics.get(str(metric))
        if figure is None or facts_of(metric, MetricFacts).higher:
            return figure
        return -figure

    def row(self) -> dict[str, object]:
        """Its row in `log.csv`; single losses only where there are several."""
        fields = ("phase", "lr", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "skipped")
        row: dict[str, object] = {"epoch": self.number, **{name: getattr(self, name) for name in fields}}
        row["seconds"] = round(self.seconds, 3)  # the clock says no more

        if self.validation_loss is not None:
            row |= {"validation_loss": self.validation_loss, "validation_accuracy": self.validation_accuracy}
        if len(self.parts) > 1:
            row |= {f"train_{name}": value for name, value in self.parts.items()}
            row |= {f"test_{name}": value for name, value in self.test_parts.items()}

        row |= {f"validation_{name}": value for name, value in self.validation_metrics.items()}
        row |= {f"test_{name}": value for name, value in self.metrics.items()}
        return row


@dataclass(frozen=True)
class Result:
    """A finished training: the model after the last epoch, in evaluation mode, all epochs, the best one, the folder.

    Where the file says `average`, the model holds the mean of the weights.
    """

    model: fx.GraphModule
    history: tuple[Epoch, ...]
    best: Epoch
    seed: int
    run: Run | None = None


class Progress:
    """A listener that is told what happens while a training runs. Every method may be left out, which does nothing.

    >>> class Losses(Progress):
    ...     def epoch(self, epoch, best):
    ...         print(epoch.number, round(epoch.test_loss, 2))
    """

    def start(self, outline: Outline) -> None:
        """Everything is checked; the first step comes next."""

    def step(self, beat: Beat) -> None:
        """A step is done, or was skipped."""

    def epoch(self, epoch: Epoch, best: bool) -> None:
        """An epoch is done and its files are written; `best` says whether it is the best so far."""

    def checkpoint(self, path: Path, done: int) -> None:
        """A checkpoint after `done` steps is written."""

    def end(self) -> None:
        """The training is over, in whatever way it ended."""

    def note(self, text: str) -> None:
        """Something that whoever watches should know: a damaged checkpoint, what differs from before."""
