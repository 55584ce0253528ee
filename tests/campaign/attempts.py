"""One piece of work in a process of its own, measured: how it ended, its seconds and its memory.

The process is forked from this one, so that what this one has loaded costs it nothing. Linux only: the peak of memory
is read from `/proc`.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECONDS, MEGABYTES = 2.0, 300.0
"""What a piece of work may take: processor time, and memory beyond what the process began with."""

PATIENCE = 20
"""Seconds of processor time after which a process is ended by the system."""

STATUSES = (0, 1, 3)
"""Results, something given that is wrong, and a stated check that failed; 70 would be a mistake in archlang."""


@dataclass(frozen=True)
class Attempt:
    """How a piece of work ended; `fault` is empty where it did what may be expected of it."""

    status: int
    seconds: float
    megabytes: float
    fault: str
    said: str = ""


@dataclass(frozen=True)
class Attack:
    """A way to attack archlang.

    `prepare` makes, once, what is spoiled, in an empty folder. `strike` takes a seed, that folder, which stays as it
    is, and an empty one for the mutant; it runs archlang, in a process of its own, and returns the exit status.
    """

    name: str
    prepare: Callable[[Path], None]
    strike: Callable[[int, Path, Path], int]


def attempt(work: Callable[[], int]) -> Attempt:
    """Run some work, which returns an exit status, in a process of its own; what it prints is kept, not shown."""
    with tempfile.TemporaryDirectory() as folder:
        said, told = Path(folder) / "said", Path(folder) / "told"
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            _in_child(work, said, told)

        _, ended = os.waitpid(child, 0)
        text = ""
        if said.exists():
            text = said.read_text("utf-8", "replace")[:2000]
        if not told.exists():
            return Attempt(-1, float(PATIENCE), 0.0, sudden(ended), text)
        status, seconds, megabytes = json.loads(told.read_text())
    return Attempt(status, seconds, megabytes, fault(status, seconds, megabytes, text), text)


def _in_child(work: Callable[[], int], said: Path, told: Path) -> None:
    """Do the work and leave without the clean-up of the process that this one was copied from."""
    resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    output = os.open(said, os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)

    before, begun = memory("VmRSS"), time.process_time()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    status = 70
    try:
        status = work()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as problem:  # whatever it is, the parent is told
        os.write(2, f"{type(problem).__name__}: {problem}"[:1000].encode("utf-8", "replace"))
    finally:
        seconds = time.process_time() - begun
        told.write_text(json.dumps([status, seconds, max(memory("VmHWM") - before, 0) / 1024]))
        os._exit(0)


def memory(field: str) -> int:
    """Kibibytes of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    return 0


def sudden(ended: int) -> str:
    """How a process ended that was to tell something first."""
    if os.WIFSIGNALED(ended):
        return f"ended by {signal.Signals(os.WTERMSIG(ended)).name}"
    return f"ended with {os.waitstatus_to_exitcode(ended)} before its work was done"


def fault(status: int, seconds: float, megabytes: float, said: str) -> str:
    """What is wrong with an end; nothing where it is one that may be expected."""
    if status not in STATUSES:
        return f"exit {status}: {said[-300:].strip()}"
    if seconds > SECONDS:
        return f"took {seconds:.1f} s"
    if megabytes > MEGABYTES:
        return f"took {megabytes:.0f} MB"
    return ""
