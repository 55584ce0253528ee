"""The folder of one training: what was asked for, a line of CSV for every epoch, models, and checkpoints to go on from.

Everything is written whole or not at all. Whoever writes to a folder holds its lock.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import torch

from archlang.artefact.checkpoint import read_checkpoint, write_checkpoint
from archlang.atomic import unwritable, write_whole
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.train.kept.lock import NAME, Lock

CHECKPOINTS = 2
"""How many checkpoints are kept: the newest, and the one before in case it is damaged."""
_CHECKPOINT = re.compile(r"checkpoint-([0-9]{8,})\.safetensors")


@dataclass
class Run:
    """A run folder, which this process alone writes to until it is closed.

    `is_new` where the folder was empty when the run began, `is_made` where it was not there.
    """

    folder: Path
    is_new: bool = False
    is_made: bool = False
    lock: Lock | None = field(default=None, repr=False)

    @property
    def config(self) -> Path:
        """Dials, data, seed, epochs and versions."""
        return self.folder / "config.json"

    @property
    def network(self) -> Path:
        """The file that is trained, in its canonical form, its imports inlined."""
        return self.folder / "network.arch"

    @property
    def log(self) -> Path:
        """A row for every epoch."""
        return self.folder / "log.csv"

    @property
    def last(self) -> Path:
        """The model after the last finished epoch."""
        return self.folder / "last.safetensors"

    @property
    def best(self) -> Path:
        """The model after the best epoch."""
        return self.folder / "best.safetensors"

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """The checkpoints, the newest last."""
        numbered = [(int(m[1]), p) for p in self.folder.iterdir() if (m := _CHECKPOINT.fullmatch(p.name))]
        return tuple(path for _, path in sorted(numbered))

    def write_config(self, facts: Mapping[str, Any], text: str) -> None:
        """Write `config.json`, keys sorted, and `network.arch`. Raises `ArchError` (unwritable-output)."""
        document = json.dumps({"format_version": 1, **facts}, indent=2, sort_keys=True, ensure_ascii=False)
        write_whole(self.network, text.encode())
        # Keys are sorted, so that two runs can be compared as texts.
        write_whole(self.config, (document + "\n").encode())

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row to `log.csv` in one write; the first one brings the head. None becomes an empty field.

        A row that does not fit on the disk leaves the file as it was. Raises `ArchError` (unwritable-output).
        """
        columns, rows = self._logged()
        if rows is not None and columns == list(row):
            append(self.log, _table(columns, [row], head=False))
            return

        # A fork may report other losses than the training before it: columns are added, and rows have gaps.
        columns = list(dict.fromkeys([*columns, *row]))
        write_whole(self.log, _table(columns, [*(rows or ()), row]).encode())

    def _logged(self) -> tuple[list[str], list[dict[str, Any]] | None]:
        """The columns and rows of the log; None for rows where there is no log."""
        if not self.log.exists():

            return [], None
        with self.log.open(encoding="utf-8", errors="replace", newline="") as file:
            reader = csv.DictReader(file, restkey="")
            rows: list[dict[str, Any]] = [{k: v for k, v in row.items() if k} for row in reader]
        return list(reader.fieldnames or ()), rows

    def cut(self, rows: int) -> None:
        """Leave the head and so many rows of the log, without what came after a checkpoint."""
        if not self.log.exists():
            return
        lines = self.log.read_bytes().splitlines(keepends=True)
        is_torn = bool(lines) and not lines[-1].endswith(b"\n")
        if len(lines) > rows + 1 or is_torn:
            write_whole(self.log, b"".join(lines[: rows + 1]))

    def keep(self, step: int, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        """Write the checkpoint of a step and remove those that are no longer needed."""
        write_checkpoint(self.folder / f"checkpoint-{step:08}.safetensors", tensors, facts)
        for path in self.checkpoints[:-CHECKPOINTS]:
            with suppress(OSError):  # a checkpoint too many does no harm
                path.unlink()

    def newest(self, told: Callable[[str], None]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """The newest checkpoint that is whole; damaged ones are told of and removed.

        Raises `ArchError`: no-checkpoint, unreadable-file.
        """
        # From the newest down: after a crash it may be half a file, and the one before it is whole.
        for path in reversed(self.checkpoints):
            try:
                return read_checkpoint(path)
            except ArchError as problem:
                if problem.diagnostics[0].name == "unreadable-file":  # it may be as sound as ever
                    raise
                told(f"{path.name} is damaged and was left out: {problem.diagnostics[0].message}")
                with suppress(OSError):
                    path.unlink()

        shown = one_line(os.fspath(self.folder), 200)
        raise ArchError(error("no-checkpoint", f"there is nothing to go on from in `{shown}`",
                              help="leave --resume out, and a new training begins"))

    def close(self) -> None:
        """Let others write to the folder; a training that came to nothing leaves it as it was."""
        if self.is_new and not self.log.exists() and not self.checkpoints:
            # Only what a run writes: somebody may have put a file of theirs here meanwhile.
            for path in (self.config, self.network, self.last, self.best, *self.folder.glob("*.csv")):
                path.unlink(missing_ok=True)
            if self.is_made:
                (self.folder / NAME).unlink(missing_ok=True)  # nobody waits for the lock of a folder that goes
                with suppress(OSError):
                    self.folder.rmdir()
        if self.lock is not None:
            self.lock.release()


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], head: bool = True) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if head:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def append(path: Path, text: str) -> None:
    """Add a text to a file in one write; where it does not fit, the file stays as it was.

    Raises `ArchError` (unwritable-output).
    """
    before = 0
    if path.exists():
        before = path.stat().st_size
    try:
        # Appending cannot be undone by a rename; so the old length is remembered instead.
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as problem:
        with suppress(OSError):
            os.truncate(path, before)
        raise unwritable(path, problem) from None


def open_run(folder: str | os.PathLike[str]) -> Run:
    """A new run in this folder, made where it is missing.

    Raises `ArchError`: run-exists, run-in-use, unwritable-output.
    """
    path = Path(folder)
    try:
        is_made = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
        is_taken = any(inside.name != NAME for inside in path.iterdir())
    except OSError as problem:
        raise unwritable(path, problem) from None

    if is_taken:
        shown = one_line(os.fspath(path), 200)
        help = ("name another with --run", "`--resume` goes on with a training that was interrupted")
        raise ArchError(error("run-exists", f"the folder `{shown}` is not empty", help=help))
    return Run(path, True, is_made, Lock(path))


def reopen_run(folder: str | os.PathLike[str]) -> Run:
    """The run in a folder, to go on with it. Raises `ArchError`: no-checkpoint, run-in-use."""
    path = Path(folder)
    if not path.is_dir():
        shown = one_line(os.fspath(path), 200)
        raise ArchError(error("no-checkpoint", f"there is no run folder `{shown}`", help="name one with --run"))

    run = Run(path, lock=Lock(path))
    for part in path.glob(".*.part"):  # what a killed training had begun to write
        with suppress(OSError):
            part.unlink()
    return run


def folders(name: str, under: str | os.PathLike[str] = "runs") -> Sequence[Path]:
    """Those of `runs/NAME-1`, `runs/NAME-2`, ... that are there, by their numbers."""
    if not Path(under).is_dir():
        return []
    pattern = re.compile(rf"{re.escape(name)}-([0-9]+)")
    numbered = [(int(m[1]), path) for path in Path(under).iterdir() if (m := pattern.fullmatch(path.name))]
    return [path for _, path in sorted(numbered) if path.is_dir()]


def next_folder(name: str, under: str | os.PathLike[str] = "runs") -> Path:
    """The first of `runs/NAME-1`, `runs/NAME-2`, ... that is not there yet."""
    return next(path for n in count(1) if not (path := Path(under) / f"{name}-{n}").exists())


def newest_folder(name: str, under: str | os.PathLike[str] = "runs") -> Path:
    """The last of `runs/NAME-1`, `runs/NAME-2`, ... Raises `ArchError` (no-checkpoint) where there is none."""
    existing = folders(name, under)
    if not existing:
        message = f"there is no run of `{name}` in `{one_line(os.fspath(under), 200)}`"
        raise ArchError(error("no-checkpoint", message, help="name its folder with --run"))
    return existing[-1]
