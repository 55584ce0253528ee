"""What a training tells whoever watches, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import fx

from archlang.train.kept.runs import Run


@dataclass(frozen=True)
class Outline:
    """What is about to happen: epochs in all, batches in each and in all, samples, the device, the seed, the folder.

    `done` batches are behind it where a training goes on.
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


@dataclass(frozen=True)
class Beat:
    """One batch: its epoch and step, from 1, and how many batches are done in all; loss and accuracy of the epoch so
    far; the learning rate; samples a second in this epoch."""

    epoch: int
    step: int
    done: int
    loss: float
    accuracy: float | None
    lr: float
    speed: float


@dataclass(frozen=True)
class Epoch:
    """One finished epoch, counted from 1.

    `lr` is the rate of its first step (of its first optimiser); `parts` the unweighted losses and metrics on the
    training part, `test_parts` on the test part; `skipped` the steps left out because a loss or gradient was no number;
    `samples` those it trained on. An accuracy is None where outputs are no classes.
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

    def better_than(self, other: Epoch | None) -> bool:
        """Whether it recognises more of the test part, or, where that is equal or unknown, has the smaller loss."""
        if other is None:
            return True
        mine, yours = self.test_accuracy, other.test_accuracy
        if mine is not None and yours is not None and mine != yours:
            return mine > yours
        return self.test_loss < other.test_loss or other.test_loss != other.test_loss

    def row(self) -> dict[str, object]:
        """Its row in `log.csv`; single losses only where there are several."""
        fields = ("phase", "lr", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "skipped")
        row: dict[str, object] = {"epoch": self.number, **{name: getattr(self, name) for name in fields}}
        row["seconds"] = round(self.seconds, 3)
        if len(self.parts) > 1:
            row |= {f"train_{name}": value for name, value in self.parts.items()}
            row |= {f"test_{name}": value for name, value in self.test_parts.items()}
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
    """Told what happens while a training runs; every method may be left as it is, which does nothing."""

    def start(self, outline: Outline) -> None:
        """Everything is checked; the first step comes next."""

    def step(self, beat: Beat) -> None:
        """A step is done, or was skipped."""

    def epoch(self, epoch: Epoch, best: bool) -> None:
        """An epoch is done and its files are written; `best` says whether it is the best so far."""

    def note(self, text: str) -> None:
        """Something that whoever watches should know: a damaged checkpoint, what differs from before."""
