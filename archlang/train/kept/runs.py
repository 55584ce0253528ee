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

from archlang.artefact.checkpoint import check_checkpoint, read_checkpoint, write_checkpoint
from archlang.atomic import unwritable, write_whole
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.train.kept.begun import clear, is_abandoned
from archlang.train.kept.lock import NAME, Lock
from archlang.train.kept.sharded import ENDING, read_facts, recover, remove

CHECKPOINTS = 2
"""How many checkpoints are kept: the newest, and the one before in case it is damaged."""
_CHECKPOINT = re.compile(r"checkpoint-([0-9]{8,})\.(?:safetensors|shards)")
_PROPOSED = re.compile(r"\.(last|best)-([0-9]{8,})\.next")


@dataclass
class Run:
    """A run folder, which this process alone writes to until it is closed.

    `is_new` as long as there was no checkpoint, `is_made` where the folder was not there when the run began.
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
    def steps(self) -> Path:
        """A row for every step, where one was asked for."""
        return self.folder / "steps.csv"

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
        self._check_standing()

        # The configuration comes first: it shows that the rest of an abandoned folder is a training's. Its keys are
        # sorted, so that two runs can be compared as texts.
        write_whole(self.config, (document + "\n").encode())
        write_whole(self.network, text.encode())

    def write_log(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Make `log.csv` hold these rows below its head; None becomes an empty field.

        One more row than the file has is added in one write, so that the file can be followed; whatever else stands
        there is replaced. A row that does not fit on the disk leaves the file as it was. Raises `ArchError`
        (unwritable-output).
        """
        self._check_standing()

        # A fork may report other losses than the training before it: columns are added, and rows have gaps.
        columns = list(dict.fromkeys(name for row in rows for name in row))
        before, whole = _table(columns, rows[:-1]), _table(columns, rows)
        try:
            found = self.log.read_bytes()
        except FileNotFoundError:
            found = b""
        except OSError as problem:
            raise unwritable(self.log, problem) from None

        if not rows:
            self.log.unlink(missing_ok=True)
        elif found == before.encode():
            append(self.log, whole[len(before) :])
        elif found != whole.encode():
            write_whole(self.log, whole.encode())

    def propose(self, model: Path, step: int, data: bytes) -> None:
        """Write a model's new file beside the old one, whose place it takes when the checkpoint of `step` is there."""
        self._check_standing()
        write_whole(self.folder / f".{model.stem}-{step:08}.next", data)

    def keep(self, step: int, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> Path:
        """Write the checkpoint of a step, with it the models of that step, and remove checkpoints that are not needed.

        None is removed before the new one was read back whole. Returns its file. Raises `ArchError`: unwritable-output,
        or what the damage is where the new one reads otherwise than it was written.
        """
        self._check_standing()
        path = self.folder / f"checkpoint-{step:08}.safetensors"
        write_checkpoint(path, tensors, facts)
        return self.kept(step, path)

    def kept(self, step: int, path: Path, best: int | None = None) -> Path:
        """The checkpoint of a step is written: do the rest of `keep`. That of the step `best` stays, too."""
        self.is_new = False
        self._settle(step)

        if self._unneeded(path, best):
            _check(path)
        self._prune(path, best)
        return path

    def newest(self, told: Callable[[str], None]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """The newest checkpoint that is whole; damaged ones are told of, and stay where they are.

        Raises `ArchError`: no-checkpoint; unreadable-file and foreign-model, since what this archlang cannot read may
        be as sound as ever.
        """
        # From the newest down: after a crash it may be half a file, and the one before it is whole.
        for path in reversed(self.checkpoints):
            try:
                found = _read(path)
            except ArchError as problem:
                if problem.diagnostics[0].name in ("unreadable-file", "foreign-model"):
                    raise
                told(f"{path.name} is damaged and was left out: {problem.diagnostics[0].message}")
                continue

            # A training that was killed at the end of an epoch may have left both to do.
            self._settle(found[1]["total"])
            self._prune(path, found[1].get("kept_best"))
            return found

        shown = one_line(os.fspath(self.folder), 200)
        raise ArchError(error("no-checkpoint", f"there is nothing to go on from in `{shown}`",
                              help="leave --resume out, and a new training begins"))

    def _unneeded(self, sound: Path, best: int | None = None) -> tuple[Path, ...]:
        """The checkpoints that are older than needed where this one is sound."""
        older = self.checkpoints[: self.checkpoints.index(sound) + 1][:-CHECKPOINTS]
        # In shards the best model is no file of its own.
        return tuple(path for path in older if best is None or path.name != f"checkpoint-{best:08}{ENDING}")

    def _prune(self, sound: Path, best: int | None = None) -> None:
        """Remove the checkpoints that are not needed where this one is sound."""
        for older in self._unneeded(sound, best):
            with suppress(OSError):  # a checkpoint too many does no harm
                remove(older)

    def _settle(self, step: int) -> None:
        """Put the proposed models of a step in their places; drop those of other steps, which have no checkpoint."""
        try:
            for path in list(self.folder.glob(".*.next")):
                proposed = _PROPOSED.fullmatch(path.name)
                if proposed is None:
                    continue
                if int(proposed[2]) == step:
                    path.replace(self.folder / f"{proposed[1]}.safetensors")
                else:
                    path.unlink()
        except OSError as problem:
            raise unwritable(self.folder, problem) from None

    def _check_standing(self) -> None:
        """Raise `ArchError` (unwritable-output) where the folder is no longer the one that this process locked."""
        if self.lock is not None and not self.lock.stands():
            raise unwritable(self.folder, FileNotFoundError(2, "the folder was removed while the training ran"))

    def close(self) -> None:
        """Let others write to the folder; a training without a checkpoint leaves it as it was."""
        is_ours = self.lock is None or self.lock.stands()
        if self.is_new and is_ours:
            clear(self.folder)
            if self.is_made:
                (self.folder / NAME).unlink(missing_ok=True)  # nobody waits for the lock of a folder that goes
                with suppress(OSError):
                    self.folder.rmdir()
        if self.lock is not None:
            self.lock.release()


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV, below their head."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def append(path: Path, text: str) -> None:
    """Add a text to a file in one write and wait until the disk has it; where it does not fit, nothing is added.

    Raises `ArchError` (unwritable-output).
    """
    before = 0
    if path.exists():
        before = path.stat().st_size
    try:
        # Appending cannot be undone by a rename; so the old length is remembered instead.
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
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
        _check_free(path)
        lock = Lock(path)
    except OSError as problem:
        raise unwritable(path, problem) from None

    try:
        # Another training may have begun and ended here before the lock was ours.
        _check_free(path)
        clear(path)
    except BaseException:
        lock.release()
        raise
    return Run(path, True, is_made, lock)


def _check_free(folder: Path) -> None:
    """Raise `ArchError` (run-exists) where a folder holds more than what a training left that was killed at once."""
    if is_abandoned(folder):
        return
    shown = one_line(os.fspath(folder), 200)
    help = ("name another with --run", "`--resume` goes on with a training that was interrupted")
    raise ArchError(error("run-exists", f"the folder `{shown}` is not empty", help=help))


def reopen_run(folder: str | os.PathLike[str]) -> Run:
    """The run in a folder, to go on with it. Raises `ArchError`: no-checkpoint, run-in-use."""
    path = Path(folder)
    if not path.is_dir():
        shown = one_line(os.fspath(path), 200)
        raise ArchError(error("no-checkpoint", f"there is no run folder `{shown}`", help="name one with --run"))

    run = Run(path, lock=Lock(path))
    recover(path)  # what a killed training had begun to write
    return run


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and facts of a checkpoint; of one in shards none and its path, as each process reads its own."""
    if path.suffix == ENDING:
        return {}, {**read_facts(path), "shards": os.fspath(path)}
    return read_checkpoint(path)


def _check(path: Path) -> None:
    """Raise the `ArchError` that `_read` would raise."""
    if path.suffix == ENDING:
        read_facts(path)
    else:
        check_checkpoint(path)


def best_shards(folder: Path) -> Path:
    """The checkpoint that holds the best model of a run with checkpoints in shards.

    Raises `ArchError`: no-checkpoint, altered-model.
    """
    shards = [path for path in Run(folder).checkpoints if path.suffix == ENDING]
    best = None
    if shards:
        best = read_facts(shards[-1])["kept_best"]

    # Before the end of the first epoch nothing was measured.
    if best is None:
        shown = one_line(os.fspath(folder), 200)
        raise ArchError(error("no-checkpoint", f"no epoch of the run `{shown}` is over, so that none is the best"))
    return folder / f"checkpoint-{best:08}{ENDING}"


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
