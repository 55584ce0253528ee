"""`python -m tests.campaign.attack_folders [--every N]`: run folders whose training is ended at each single write.

A training of a few epochs is ended at its first, second ... change of the file system: killed there at once (as by
SIGKILL), on a disk that is full from there on, or on one that takes half of what is written there and no more. What is
left must be new, so that the same command begins again, or must be gone on with; either way the training must end in
the files of one that nobody ended.
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from archlang.diagnostics import ArchError
from archlang.train import fit
from tests.train.nets import bars, tiny

TRAIN = """
train {
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.5, momentum = 0.9)
  batch     = 49
  phase all { epochs = 4 }
}
"""
COMPARED = ("last.safetensors", "best.safetensors", "network.arch", "log.csv", "checkpoint-00000006.safetensors")
WAYS = ("killed", "full", "half")
FINE, SPOILED, ENDED = 0, 3, 9
"""Exit statuses of the processes in which trainings run."""


@dataclass
class Ending:
    """Ends a training at the change of the file system with this number, counted from 1, in one of `WAYS`."""

    at: int
    way: str
    seen: int = 0

    def change(self) -> None:
        """Count a change that takes no room: a renaming, a removal, a folder."""
        self.seen += 1
        if self.seen == self.at and self.way == "killed":
            os._exit(ENDED)

    def write(self) -> bool:
        """Count a write; tell whether half of it may still be written. Raises OSError (ENOSPC) on a full disk."""
        self.seen += 1
        if self.seen == self.at and self.way == "half":
            return True
        if self.seen >= self.at and self.way != "killed":
            raise OSError(errno.ENOSPC, "No space left on device")
        if self.seen == self.at:
            os._exit(ENDED)
        return False


class _Half:
    """A file for writing whose writes are counted."""

    def __init__(self, file: Any, ending: Ending) -> None:
        self.file, self.ending = file, ending

    def write(self, data: Any) -> int:
        """Write all, or half and no more."""
        if self.ending.write():
            self.file.write(data[: len(data) // 2])
            self.file.flush()
            raise OSError(errno.ENOSPC, "No space left on device")
        return int(self.file.write(data))

    def __enter__(self) -> _Half:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@contextmanager
def ending(end: Ending) -> Iterator[None]:
    """Within this, changes of the file system through `pathlib` and `os.fsync` are counted, and ended at one."""
    plain_open, plain_sync = Path.open, os.fsync
    changes = {name: getattr(Path, name) for name in ("replace", "unlink", "mkdir", "rmdir", "chmod")}

    def opened(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if not set(mode) & set("wax"):
            return plain_open(self, mode, *args, **kwargs)
        end.write()
        return _Half(plain_open(self, mode, *args, **kwargs), end)

    def synced(number: int) -> None:
        end.write()
        plain_sync(number)

    def changing(name: str) -> Callable[..., Any]:
        def change(self: Path, *args: Any, **kwargs: Any) -> Any:
            end.change()
            return changes[name](self, *args, **kwargs)
        return change

    Path.open, os.fsync = opened, synced  # type: ignore[assignment,method-assign]
    for name in changes:
        setattr(Path, name, changing(name))
    try:
        yield
    finally:
        Path.open, os.fsync = plain_open, plain_sync  # type: ignore[method-assign]
        for name, plain in changes.items():
            setattr(Path, name, plain)


def train(folder: Path, start: str = "new", seed: int = 0) -> None:
    """The training. The clock does not count: no two trainings take the same time."""
    network = tiny(TRAIN)
    fit(network, bars(), run=folder, start=start, seed=seed, device="cpu")  # type: ignore[arg-type]


def ended(folder: Path, end: Ending) -> int:
    """Train in a process of its own until the training is ended; its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    status = SPOILED
    try:
        with ending(end):
            train(folder)
        status = FINE
    except ArchError as problem:
        if problem.diagnostics[0].name == "unwritable-output":
            status = ENDED
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def gone_on(folder: Path) -> None:
    """Bring a training to its end, as whoever finds its folder does: with --resume, or by the command once more."""
    try:
        train(folder, "resume")
    except ArchError as problem:
        if problem.diagnostics[0].name != "no-checkpoint":
            raise
        train(folder)


def without_time(path: Path) -> bytes:
    """The bytes of a file; of the log and of checkpoints without the seconds that epochs took."""
    if path.suffix == ".csv":
        return b"\n".join(line.rpartition(b",")[0] for line in path.read_bytes().splitlines())
    if path.name.startswith("checkpoint"):
        from archlang.artefact.checkpoint import read_checkpoint

        tensors, facts = read_checkpoint(path)
        for epoch in facts["history"]:
            epoch["seconds"] = 0
        return repr((sorted((name, value.tolist()) for name, value in tensors.items()), facts)).encode()
    return path.read_bytes()


def different(folder: Path, whole: Path) -> list[str]:
    """The files that differ from those of the training that nobody ended."""
    names = {path.name for path in folder.iterdir()} ^ {path.name for path in whole.iterdir()}
    found = [name for name in COMPARED if without_time(folder / name) != without_time(whole / name)]
    return [*names, *found]


def attacked(where: Path, whole: Path, way: str, at: int) -> tuple[bool, list[str]]:
    """End a training in a folder at one change and bring it to its end: whether it was ended, and what is wrong."""
    folder = where / f"{way}-{at}"
    status = ended(folder, Ending(at, way))
    if status not in (FINE, ENDED):
        return True, [f"exit status {status}"]

    try:
        gone_on(folder)
        wrong = different(folder, whole)
    except ArchError as problem:
        left = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
        wrong = [f"{problem.diagnostics[0].message}: {left}"]
    shutil.rmtree(folder)
    return status == ENDED, wrong


def campaign(where: Path, way: str, every: int = 1, first: int = 1) -> tuple[int, list[str]]:
    """End trainings at every n-th change: how many were ended, and what went wrong."""
    whole = where / "whole"
    if not whole.exists():
        train(whole)

    count, wrong, at = 0, [], first
    while True:
        is_ended, found = attacked(where, whole, way, at)
        wrong += [f"{way} at change {at}: {what}" for what in found]
        if not is_ended:
            return count, wrong
        count += 1
        at += every


def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaign and say what came of it; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args(argv)
    torch.set_num_threads(1)

    failures = 0
    with TemporaryDirectory() as name:
        for way in WAYS:
            count, wrong = campaign(Path(name), way, given.every)
            failures += len(wrong)
            print(f"{way}: ended at {count} changes, {len(wrong)} went wrong", *wrong[:5], sep="\n  ")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
