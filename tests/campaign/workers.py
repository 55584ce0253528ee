"""Many pieces of work, one after the other in a process that lives on, each measured by itself.

A process of its own for each piece costs more than most pieces take. Here a worker is forked once and does one piece
after the other; seconds and the peak of memory are counted anew for each. A worker that dies is told with the piece
that it died in, and the next one goes on behind it. What took too long or too much is done once more in a process of
its own (`attempts.attempt`), so that neither what a worker kept nor a busy core is taken for the piece's own. Linux
only.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.campaign.attempts import PATIENCE, Attempt, attempt, fault, memory, sudden

PIECES = 2000
"""Pieces that one worker does before another takes its place."""

GROWN = 40
"""Megabytes beyond its beginning at which a worker is replaced: what it keeps hides what the next piece takes."""

SILENCE = 60
"""Looks, of five seconds each, without a word after which a worker is ended: it waits for what never comes."""


def attempts(work: Callable[[int], int], seeds: Sequence[int]) -> Iterator[tuple[int, Attempt]]:
    """Do the work of each seed, which returns an exit status, and say how each ended; in the order of the seeds."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        done = 0
        while done < len(seeds):
            before = done
            for one in _worker(work, seeds[done : done + PIECES], said):
                yield seeds[done], _again(work, seeds[done], one)
                done += 1
            assert done > before, "a worker ended before its first piece"


def _again(work: Callable[[int], int], seed: int, first: Attempt) -> Attempt:
    """Measure once more, alone, what only took too long or too much; a wrong end stays a wrong end."""
    if first.fault and first.status >= 0 and not fault(first.status, 0.0, 0.0, first.said):
        return min((attempt(lambda: work(seed)) for _ in range(2)), key=lambda one: bool(one.fault))
    return first


def _worker(work: Callable[[int], int], seeds: Sequence[int], said: Path) -> Iterator[Attempt]:
    """Fork a worker and hear how its pieces ended; the last one may be the one that it died in."""
    reading, writing = os.pipe()
    said.write_bytes(b"")
    child = os.fork()
    if child == 0:
        os.close(reading)
        _in_worker(work, seeds, said, writing)

    os.close(writing)
    heard = 0
    try:
        for line in _lines(reading, child):
            status, seconds, megabytes, text = json.loads(line)
            heard += 1
            yield Attempt(status, seconds, megabytes, fault(status, seconds, megabytes, text), text)
    finally:
        os.close(reading)
        _, ended = os.waitpid(child, 0)

    if ended and heard < len(seeds):
        text = said.read_text("utf-8", "replace")[-2000:]
        yield Attempt(-1, float(PATIENCE), 0.0, sudden(ended), text)


def _lines(reading: int, child: int) -> Iterator[bytes]:
    """What a worker writes, line by line; a silent worker is killed."""
    rest, silent = b"", 0
    while True:
        # Looks are counted, not seconds: where both processes are stopped for a while, neither is late.
        ready, _, _ = select.select([reading], [], [], 5)
        if not ready:
            silent += 1
            if silent < SILENCE:
                continue
            os.kill(child, signal.SIGKILL)
            return

        silent = 0
        read = os.read(reading, 1 << 16)
        if not read:
            return
        *whole, rest = (rest + read).split(b"\n")
        yield from whole


def _in_worker(work: Callable[[int], int], seeds: Sequence[int], said: Path, writing: int) -> None:
    """Do the pieces, and leave without the clean-up of the process that this one was copied from."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    output = os.open(said, os.O_RDWR | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    begun = memory("VmRSS")
    try:
        for seed in seeds:
            status, seconds, megabytes = _piece(work, seed)
            text = ""
            if fault(status, seconds, megabytes, ""):
                text = said.read_text("utf-8", "replace")[-2000:]
            os.ftruncate(output, 0)
            os.write(writing, json.dumps([status, seconds, megabytes, text]).encode() + b"\n")
            if memory("VmRSS") - begun > GROWN * 1024:
                break
    finally:
        os._exit(0)


def _piece(work: Callable[[int], int], seed: int) -> tuple[int, float, float]:
    """The exit status of one piece, its seconds and its megabytes."""
    # The system ends the worker where this one piece passes its time.
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + PATIENCE + 1, hard))
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, begun = memory("VmRSS"), time.process_time()
    status = 70
    try:
        status = work(seed)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as problem:  # whatever it is, the parent is told
        os.write(2, f"{type(problem).__name__}: {problem}"[:1000].encode("utf-8", "replace"))
    return status, time.process_time() - begun, max(memory("VmHWM") - before, 0) / 1024
