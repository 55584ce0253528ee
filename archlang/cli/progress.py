"""The progress of a training on standard error: a bar on a terminal, else one plain line an epoch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from archlang.cli.streams import remark
from archlang.diagnostics.text import one_line
from archlang.train.loop.progress import Beat, Epoch, Outline, Progress
from archlang.wording import figures

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


def headline(outline: Outline) -> str:
    """The first line: what is trained, on what, with which seed."""
    length = f"{many(outline.epochs, 'epoch')} of {many(outline.steps, 'step')}"
    if outline.total != outline.epochs * outline.steps:  # phases that count steps end inside an epoch
        length = f"{many(outline.total, 'step')} in {many(outline.epochs, 'epoch')}"

    kept_apart = f"{outline.test_samples} for testing"
    if outline.validation_samples:
        kept_apart = f"{outline.validation_samples} for validation, {kept_apart}"
    done = ""
    if outline.done:
        done = f", going on after {many(outline.done, 'step')}"
    return (
        f"training {outline.network} on {one_line(outline.data, 80)}: {many(outline.train_samples, 'sample')}"
        f" ({kept_apart}), {length} on {outline.device}, seed {outline.seed}{done}"
    )


def many(count: int, what: str) -> str:
    """A number of things.

    >>> many(1, "epoch"), many(2, "epoch")
    ('1 epoch', '2 epochs')
    """
    if count == 1:
        return f"{count} {what}"
    return f"{count} {what}s"


def epoch_line(epoch: Epoch, epochs: int, best: bool) -> str:
    """One finished epoch.

    >>> epoch_line(Epoch(2, "all", 0.1, 0.5, 0.75, 0.25, 0.9, 0, 1.5), 10, best=True)
    'epoch 2/10 (all): loss 0.5000, accuracy 75.00 %; test loss 0.2500, accuracy 90.00 %; rate 0.1, 1.5 s, best'
    """
    line = f"epoch {epoch.number}/{epochs} ({epoch.phase}): {score(epoch.train_loss, epoch.train_accuracy)}"
    # A single part is the loss itself.
    if len(epoch.parts) > 1:
        line += f" ({', '.join(f'{name} {value:.4f}' for name, value in epoch.parts.items())})"
    if epoch.validation_loss is not None:
        validated = score(epoch.validation_loss, epoch.validation_accuracy)
        line += f"; validation {validated}{figures(epoch.validation_metrics)}"
    line += f"; test {score(epoch.test_loss, epoch.test_accuracy)}{figures(epoch.metrics)}"
    line += f"; rate {epoch.lr:.4g}, {epoch.seconds:.1f} s"

    # A figure that was not measured is 0, and gives no rate.
    if epoch.samples and epoch.seconds:
        line += f" ({epoch.samples / epoch.seconds:.1f} samples/s)"
    if epoch.skipped:
        line += f", {many(epoch.skipped, 'step')} skipped"
    if best:
        line += ", best"
    return line


def score(loss: float, accuracy: float | None) -> str:
    """A loss and an accuracy, as lines tell them."""
    if accuracy is None:
        return f"loss {loss:.4f}"
    return f"loss {loss:.4f}, accuracy {100 * accuracy:.2f} %"


class ProgressLines(Progress):
    """One line an epoch, for logs and pipes."""

    def __init__(self) -> None:
        self.epochs = 0

    def start(self, outline: Outline) -> None:
        """The headline."""
        self.epochs = outline.epochs
        self.say(headline(outline))

    def epoch(self, epoch: Epoch, best: bool) -> None:
        """The epoch's line."""
        self.say(epoch_line(epoch, self.epochs, best))

    def note(self, text: str) -> None:
        """A remark."""
        self.say(one_line(text, 500))

    def say(self, line: str) -> None:
        """Write a line at once, so that a log can be followed."""
        remark(line)


class ProgressBars(ProgressLines):
    """A bar over all steps with loss, accuracy, learning rate, speed and the time that remains; epochs above it."""

    def __init__(self, bar: Bar) -> None:
        super().__init__()
        self.bar = bar
        self.task: TaskID = bar.add_task("preparing", total=None)

    def start(self, outline: Outline) -> None:
        """The headline, and the bar's length."""
        super().start(outline)
        self.bar.update(self.task, total=outline.total, completed=outline.done)

    def step(self, beat: Beat) -> None:
        """Move the bar."""
        told = f"{score(beat.loss, beat.accuracy)}, rate {beat.lr:.3g}, {beat.speed:.0f} samples/s"
        self.bar.update(self.task, completed=beat.done, description=f"epoch {beat.epoch}/{self.epochs}: {told}")

    def say(self, line: str) -> None:
        """Write a line above the bar."""
        self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def watch() -> Iterator[Progress]:
    """A bar if standard error is a terminal, else lines."""
    # In a log a bar would be thousands of lines.
    if not sys.stderr.isatty():
        yield ProgressLines()
        return

    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield ProgressBars(bar)
