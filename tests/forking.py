"""Processes of their own that start quickly: forks of a server that has imported what trainings need, and run nothing.

A process that is started anew spends its time on importing torch, ten times what a small training takes. The server is
no fork of the tests' process, so that no thread of torch has run in it.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryFile

import torch

from archlang.cli.main import main, run

PRELOADED = ("torch._dynamo", "archlang.cli.main", "archlang.train", "tests.campaign.attack_folders", "tests.forking")


@dataclass(frozen=True)
class Said:
    """The exit status of a command, and what stood on both its streams."""

    status: int
    text: str


def forks() -> ForkServerContext:
    """The context of `multiprocessing` whose processes are such forks."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def archlang(words: Sequence[str], pipe: Path, room: int) -> Said:
    """`archlang WORDS` in a process that may make no file of more than `room` bytes; it speaks through `pipe`."""
    os.mkfifo(pipe)
    process = forks().Process(target=_command, args=(tuple(words), str(pipe), room))
    process.start()

    text = pipe.read_text(encoding="utf-8")
    process.join()
    pipe.unlink()
    assert process.exitcode is not None
    return Said(process.exitcode, text)


class Command:
    """`archlang WORDS`, running in a folder with an environment: to be waited for, and sent signals.

    It differs from the real command in its start alone. What a start proves (`python -m archlang`, imports, streams
    that are closed) needs the real one. Within a `with` it runs; after that it does not, whatever came between.
    """

    def __init__(self, words: Sequence[str], folder: Path, environment: Mapping[str, str] = os.environ) -> None:
        # Files never fill, as a pipe does that nobody reads.
        self._files = TemporaryFile(), TemporaryFile()  # noqa: SIM115 - closed on leaving
        streams = [Connection(os.dup(file.fileno()), readable=False) for file in self._files]
        self._process = forks().Process(target=_typed, args=(tuple(words), str(folder), dict(environment), streams))
        self._process.start()
        for stream in streams:
            stream.close()

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._process.join()
        for file in self._files:
            file.close()

    def poll(self) -> int | None:
        """The exit status, or the number of the signal that ended it with a minus; none while it runs."""
        return self._process.exitcode

    def wait(self, seconds: float) -> bool:
        """Wait so long for its end; whether it has come."""
        self._process.join(seconds)
        return self.poll() is not None

    def ended(self, seconds: float) -> tuple[int, str, str]:
        """Its exit status, and what stands on standard output and on standard error. It must have ended by then."""
        assert self.wait(seconds), f"it runs after {seconds} s: {self.said()}"
        status = self.poll()
        assert status is not None
        return status, *self.said()

    def said(self) -> tuple[str, str]:
        """What stands on standard output and standard error by now."""
        out, err = (os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in self._files)
        return out, err

    def wait_for_words(self, seconds: float) -> None:
        """Wait until a line stands on standard error. Raises AssertionError where none comes."""
        until = time.monotonic() + seconds
        while "\n" not in self.said()[1] and not self.wait(0.01):
            assert time.monotonic() < until, f"no word after {seconds} s"

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _typed(words: tuple[str, ...], folder: str, environment: dict[str, str], streams: list[Connection]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [folder, *environment.get("PYTHONPATH", "").split(os.pathsep)]

    for number, stream in enumerate(streams, 1):
        os.dup2(stream.fileno(), number)
        stream.close()

    torch.set_num_threads(1)
    sys.argv[1:] = words
    main()


def _command(words: tuple[str, ...], pipe: str, room: int) -> None:
    stream = os.open(pipe, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(stream, number)
    os.close(stream)

    torch.set_num_threads(1)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    sys.exit(run(words))
