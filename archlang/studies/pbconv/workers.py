"""Trials in processes of their own: a process that dies takes its trial with it, and another takes its place."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait

from archlang.compiler import loads
from archlang.studies.pbconv.trial import Settings, Trial, run_trial


class _Worker:
    """A process, the pipe to it, and the trial that it is at."""

    def __init__(self, text: str, data: str, settings: Settings) -> None:
        # A process that is forked would share locks and threads of torch with this one.
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, text, data, settings), daemon=True)
        self.process.start()
        # Only the process may hold its end, or the pipe would not close when the process dies.
        theirs.close()
        self.trial: Trial | None = None

    def take(self, trial: Trial) -> None:
        """Begin a trial."""
        self.trial = trial
        self.pipe.send(trial)

    def heard(self) -> int | Trial:
        """Receive what the process says: the iterations done, or its finished trial; a failed one if it is gone."""
        assert self.trial is not None
        try:
            said: int | Trial = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return replace(self.trial, failed=f"its process ended with status {self.process.exitcode}")
        return said

    def dismiss(self) -> None:
        """End the process, whatever it is at."""
        self.pipe.close()
        self.process.terminate()
        self.process.join()


def _serve(pipe: Connection, text: str, data: str, settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interruption from the keyboard is for the parent to handle
    net = loads(text)
    try:
        while True:
            pipe.send(run_trial(net, data, pipe.recv(), settings, pipe.send))
    except (EOFError, OSError):
        return  # the parent is gone


def in_processes(text: str, data: str, waiting: Sequence[Trial], settings: Settings, jobs: int,
                 stepped: Callable[[Trial, int], None]) -> Iterator[Trial]:
    """Every trial as it is finished, `jobs` at a time; `stepped` hears of iterations in between."""
    queue = list(waiting)
    workers: list[_Worker] = []
    try:
        # One trial at a time for each worker: a process that dies takes no more with it.
        while queue or workers:
            while queue and len(workers) < jobs:
                workers.append(_Worker(text, data, settings))
                workers[-1].take(queue.pop(0))

            ready = wait([worker.pipe for worker in workers])
            for worker in [w for w in workers if w.pipe in ready]:
                said = worker.heard()
                if not isinstance(said, Trial):
                    assert worker.trial is not None
                    stepped(worker.trial, said)

                    continue
                yield said
                # A process that died told so by a failed trial; the loop above starts another in its place.
                if queue and worker.process.is_alive():
                    worker.take(queue.pop(0))
                else:
                    workers.remove(worker)
                    worker.dismiss()
    # Also where the caller stops early, or an interruption comes.
    finally:
        for worker in workers:
            worker.dismiss()
