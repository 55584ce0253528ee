"""Several listeners of a training as one; what those of the user's raise is told with their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.train.data.user_code import words_of
from archlang.train.loop.progress import Beat, Epoch, Outline, Progress


class CallbackFailure(ArchError):
    """A callback has raised an error. Between two steps all is in order: a training can go on from there."""


class Callbacks(Progress):
    """Tells a first listener, archlang's own, and then the user's, in their order."""

    def __init__(self, first: Progress, others: Sequence[Progress] = ()) -> None:
        for other in others:
            if not all(callable(getattr(other, name, None)) for name in EVENTS):
                shown = one_line(type(other).__name__, 60)
                raise ArchError(error("usage", f"`{shown}` is no callback", help="derive it from `archlang.Progress`"))
        self.first, self.others = first, tuple(others)

    def start(self, outline: Outline) -> None:
        """Tell all."""
        self.first.start(outline)
        self._tell("start", lambda other: other.start(outline))

    def step(self, beat: Beat) -> None:
        """Tell all."""
        self.first.step(beat)
        self._tell("step", lambda other: other.step(beat))

    def epoch(self, epoch: Epoch, best: bool) -> None:
        """Tell all."""
        self.first.epoch(epoch, best)
        self._tell("epoch", lambda other: other.epoch(epoch, best))

    def checkpoint(self, path: Path, done: int) -> None:
        """Tell all."""
        self.first.checkpoint(path, done)
        self._tell("checkpoint", lambda other: other.checkpoint(path, done))

    def note(self, text: str) -> None:
        """Tell all."""
        self.first.note(text)
        self._tell("note", lambda other: other.note(text))

    def end(self) -> None:
        """Tell all, also where one of them fails; the first failure is raised."""
        self.first.end()
        # A logger that is not closed loses what it has; one that fails must not keep the others from it.
        failures = []
        for other in self.others:
            try:
                _called(other, "end", lambda callback: callback.end())
            except CallbackFailure as problem:
                failures.append(problem)
        if failures:
            raise failures[0]

    def _tell(self, event: str, call: Callable[[Progress], None]) -> None:
        for other in self.others:
            _called(other, event, call)


EVENTS = ("start", "step", "epoch", "checkpoint", "note", "end")


def _called(callback: Progress, event: str, call: Callable[[Progress], None]) -> None:
    """Call one. Raises `CallbackFailure`; an interruption from the keyboard passes."""
    try:
        call(callback)
    except KeyboardInterrupt:
        raise
    # `exit()` in a callback would end the command with a status of its own.
    except BaseException as problem:
        name = type(callback).__name__
        with suppress(Exception):  # a callback may lie about everything
            name = type(callback).__qualname__
        raise CallbackFailure(error(
            "callback-failed", f"the callback `{one_line(name, 80)}` failed in `{event}`: {words_of(problem)}",
            help="what was done until then is kept in the run folder, and `resume` goes on from there")) from problem
