"""Two ways of doing a thing, timed in turns, so that whatever else the machine does falls on both."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One line of the table: what was done, by us and by whom else, in seconds (medians), or why it was not.

    `ratio` is the median of the turns' ratios where it was taken, else that of the medians.
    """

    what: str
    peer: str
    ours: float = 0.0
    theirs: float = 0.0
    repetitions: int = 0
    missing: str = ""
    ratio: float | None = None

    def cells(self) -> tuple[str, ...]:
        """The row as text: what, peer, both times, their ratio, how often."""
        if self.missing:
            return self.what, self.peer, "-", "-", self.missing, "-"
        times = (written(self.ours), written(self.theirs))
        ratio = self.ours / self.theirs if self.ratio is None else self.ratio
        return self.what, self.peer, *times, f"{ratio:.2f}", str(self.repetitions)


def written(seconds: float) -> str:
    """A time with three digits.

    >>> written(0.01234), written(2.5)
    ('12.3 ms', '2.50 s')
    """
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"


def cpu() -> float:
    """Seconds that processors have spent on this process and on those it waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": cpu}
"""`cpu` for a machine that does other things too; with one thread it is what `wall` would be on a quiet one."""


@dataclass(frozen=True)
class Watch:
    """A clock, and how often to use it."""

    repetitions: int
    clock: Callable[[], float] = time.perf_counter

    def compared(self, what: str, peer: str, ours: Callable[[], object], theirs: Callable[[], object],
                 warm: int = 1) -> Row:
        """Both in turns, each first every other time; medians. The first `warm` turns are not counted.

        Other work slows both halves of a turn, so that a turn's ratio says more than two medians.
        """
        mine, other = [], []
        for turn in range(warm + self.repetitions):
            if turn % 2:
                second, first = self.timed(theirs), self.timed(ours)
            else:
                first, second = self.timed(ours), self.timed(theirs)
            if turn >= warm:
                mine.append(first)
                other.append(second)
        ratio = median(a / b for a, b in zip(mine, other, strict=True))
        return Row(what, peer, median(mine), median(other), self.repetitions, ratio=ratio)

    def timed(self, work: Callable[[], object]) -> float:
        """Seconds that a call takes."""
        start = self.clock()
        work()
        return self.clock() - start


def process(*words: str) -> Callable[[], object]:
    """`python WORDS` as a process of its own, from its start to its end."""
    return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    head = ("what", "peer", "archlang", "peer's time", "ratio", "repetitions")
    lines = [head, ("---",) * len(head), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
