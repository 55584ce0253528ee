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
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

import torch

from archlang.cli.main import run

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


def _command(words: tuple[str, ...], pipe: str, room: int) -> None:
    stream = os.open(pipe, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(stream, number)
    os.close(stream)

    torch.set_num_threads(1)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    sys.exit(run(words))
