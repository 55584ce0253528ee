"""The progress of a search on standard error: a bar on a terminal, one plain line a candidate everywhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from archlang.cli.progress import many
from archlang.cli.streams import remark
from archlang.diagnostics.text import one_line
from archlang.studies.pbconv.search import Audience
from archlang.studies.pbconv.trial import Settings, Trial

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Lines(Audience):
    """One line a candidate, for logs and pipes."""

    def __init__(self) -> None:
        self.total = self.finished = 0

    def start(self, settings: Settings, sizes: Sequence[str], done: int) -> None:
        """Announce what is searched."""
        self.total, self.finished = settings.candidates, done
        going = ""
        if done:
            going = f", going on after {done}"
        times = ""
        if settings.seeds > 1:
            times = f" from {settings.seeds} seeds each"
        self.say(f"searching small kernels for {', '.join(sizes)}: {many(settings.candidates, 'candidate')} of "
                 f"{many(settings.iterations, 'iteration')}{times}, seed {settings.seed}{going}")

    def trial(self, trial: Trial) -> None:
        """The candidate's line."""
        self.finished += 1
        result = ", ".join(f"{size} {score:.4f}" for size, score in trial.scores.items())
        if trial.failed:
            result = f"failed: {trial.failed}"
        self.say(f"candidate {trial.number + 1} ({self.finished} of {self.total} done): {one_line(result, 300)} "
                 f"({trial.seconds:.1f} s)")

    def say(self, line: str) -> None:
        """Write a line at once, so that a log can be followed."""
        remark(line)


class TrialBars(Lines):
    """A bar over the iterations of all candidates, with their rate and the time that remains; the lines above it."""

    def __init__(self, bar: Bar) -> None:
        super().__init__()
        self.bar, self.length = bar, 0
        self.task = bar.add_task("preparing", total=None, rate="")
        self.steps: dict[int, int] = {}

    def start(self, settings: Settings, sizes: Sequence[str], done: int) -> None:
        """The bar's length."""
        super().start(settings, sizes, done)
        self.length = settings.iterations * settings.seeds
        self.bar.update(self.task, total=settings.candidates * self.length, completed=done * self.length)
        self.move(0)

    def step(self, trial: Trial, done: int) -> None:
        """Move the bar."""
        # Several candidates run at a time, and the bar is over the steps of all.
        before = self.steps.get(trial.number, 0)
        self.steps[trial.number] = done
        self.move(done - before)

    def trial(self, trial: Trial) -> None:
        """The candidate's line; a failed one is at its end too."""
        self.step(trial, self.length)
        super().trial(trial)
        self.move(0)

    def move(self, steps: int) -> None:
        """So many iterations further."""
        self.bar.advance(self.task, steps)
        rate = ""
        speed = self.bar.tasks[self.task].speed
        if speed:  # rich knows none before the second step
            rate = f"{speed:.1f} iterations/s"
        self.bar.update(self.task, description=f"candidates {self.finished}/{self.total}", rate=rate)

    def say(self, line: str) -> None:
        """Write a line above the bar."""
        self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def watching() -> Iterator[Audience]:
    """A bar if standard error is a terminal, else lines."""
    # In a log a bar would be thousands of lines.
    if not sys.stderr.isatty():
        yield Lines()
        return

    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[rate]}"),
               TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield TrialBars(bar)
