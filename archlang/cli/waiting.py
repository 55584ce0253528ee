"""The progress of what takes long, on a terminal: what is being done, for how long, and how far it is.

One helper for all commands but trainings and searches, whose bars tell more (`cli.progress`, `cli.searching`). Where
standard error is no terminal nothing is shown: a log would get a line for each turn of the wheel.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, TypeVar, cast

from archlang.diagnostics.text import one_line

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from archlang.cli.session import Session

F = TypeVar("F", bound=Callable[..., Any])

DELAY = 1.0
"""Seconds after which the line appears: what is done sooner shows none, and does not wait for rich either."""


class Waiting:
    """The line of a work that takes long. Until `start` it only remembers what it would show."""

    def __init__(self, what: str = "") -> None:
        self.what = what
        self.done, self.total = 0, 0
        self.bar: Bar | None = None
        self.is_over = False
        # The line starts in a thread of its own, while the work goes on.
        self.lock = Lock()

    def stage(self, what: str) -> None:
        """Say what is done now; how far that is, is not known."""
        self.what = what
        self(0, 0)

    def __call__(self, done: int, total: int) -> None:
        """Say how far the stage is; 0 of 0 where that is not known."""
        self.done, self.total = done, total
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], **self._shown())

    def start(self) -> None:
        """Show the line, unless the work is over."""
        bar = _bar()
        with self.lock:
            if self.is_over:
                return
            bar.add_task("", count="")
            self.bar = bar
            self(self.done, self.total)
            bar.start()

    def end(self) -> None:
        """Remove the line."""
        with self.lock:
            self.is_over = True
            if self.bar is not None:
                self.bar.stop()

    def _shown(self) -> dict[str, Any]:
        count = ""
        if self.total:
            count = f"{self.done}/{self.total}"
        return {"description": one_line(self.what, 200), "count": count}


def _bar() -> Bar:
    """A line on standard error that leaves nothing behind; remarks that are written meanwhile stand above it."""
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TextColumn("{task.fields[count]}"),
               TimeElapsedColumn())
    # Standard output holds results, which rich would print on standard error.
    return Bar(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)


@contextmanager
def waiting(what: str, is_quiet: bool = False) -> Iterator[Waiting]:
    """Show a line while something is done, on a terminal and where it takes long; it is gone afterwards."""
    line = Waiting(what)
    if is_quiet or not sys.stderr.isatty():
        yield line
        return

    timer = Timer(DELAY, line.start)
    timer.daemon = True
    timer.start()
    try:
        yield line
    finally:
        timer.cancel()
        line.end()


def slow(what: str) -> Callable[[F], F]:
    """Show a line while a command runs, which finds it as `session.line`. It stands nearest to the function."""
    def decorated(function: F) -> F:
        @wraps(function)
        def watched(session: Session, *given: Any, **named: Any) -> Any:
            with waiting(what, session.is_quiet) as line:
                session.line = line
                return function(session, *given, **named)

        watched.is_slow = True  # type: ignore[attr-defined]
        return cast(F, watched)

    return decorated
