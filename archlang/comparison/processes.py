"""Workers of a comparison in processes of their own: one that dies takes a training with it, which is told."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from archlang.comparison.journal import Journal, Standing
from archlang.comparison.working import UNFIT, serve
from archlang.diagnostics import ArchError, error

PAUSE = 0.3
"""Seconds between two looks at the journal."""


def run_workers(journal: Journal, jobs: int, told: Callable[[Standing], None]) -> None:
    """Work at a comparison with `jobs` processes until nothing is free; `told` hears what the journal says meanwhile.

    A training whose process dies is counted as failed, and another process takes its place. Raises `ArchError`
    (process-lost) where no process can go on.
    """
    # A process that is forked would share locks and threads of torch with this one.
    context = multiprocessing.get_context("spawn")
    workers: list[BaseProcess] = []

    def start() -> None:
        process = context.Process(
            target=_serve_quietly, args=(str(journal.folder), journal.design.as_json(), os.getpid()))
        process.start()
        workers.append(process)

    try:
        for _ in range(jobs):
            start()
        while workers:
            time.sleep(PAUSE)
            # The journal is the one place where workers say something: those of other machines too.
            told(journal.standing())
            for worker in [w for w in workers if not w.is_alive()]:
                # Joined, so that it does not stay as a zombie, and its exit code is known.
                workers.remove(worker)
                worker.join()
                if worker.exitcode == UNFIT:
                    raise ArchError(error("process-lost", "a process of the study cannot go on; it said why above"))
                if worker.exitcode and _buried(journal, worker):
                    start()
        told(journal.standing())
    # An interruption from the keyboard, too: what a worker was at is gone on with another time.
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _buried(journal: Journal, worker: BaseProcess) -> bool:
    """Write that a worker died in a training; False where it was at none, so that another would die as it did."""
    standing = journal.standing()
    for claim in journal.left(standing):
        if claim.process == worker.pid:
            journal.add("failed", claim.key, {"reason": f"process-lost: its process ended with {_status(worker)}"})
            return True
    return False


def _status(worker: BaseProcess) -> str:
    code = worker.exitcode or 0
    if code < 0:
        return f"the signal {signal.Signals(-code).name}"
    return f"status {code}"


def _serve_quietly(folder: str, document: dict[str, object], parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interruption from the keyboard is for the parent to handle
    serve(folder, document, parent)
