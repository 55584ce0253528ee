"""The journal of a comparison: lines that are only ever added, written and read by any number of processes.

Each training is claimed by a lock of its own, which the system lifts when its holder ends, in whatever way. So a
training that has begun, has not ended, and whose lock is free was left by a process that died: it is done again, and
told.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archlang.atomic import unwritable
from archlang.comparison.design import Job, StudyDesign, design_of
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line

LINES, LOCKS = "journal.jsonl", "locks"


@dataclass(frozen=True)
class Claim:
    """The one who is at a training, or was: machine and process, and since when (seconds of the Unix clock)."""

    key: str
    machine: str
    process: int
    since: float

    def __str__(self) -> str:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.process} on {one_line(self.machine, 60)}, since {began}"


@dataclass
class Standing:
    """The lines of a journal, read.

    done     results by job
    failed   the reason of each job that failed
    begun    the last claim of each job that was begun
    damaged  lines that could not be read
    """

    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    begun: dict[str, Claim] = field(default_factory=dict)
    damaged: int = 0

    def is_settled(self, job: Job) -> bool:
        """Tell whether a job has an end, good or bad."""
        return job.key in self.done or job.key in self.failed


class Journal:
    """The journal in a folder, of one design."""

    def __init__(self, folder: Path, design: StudyDesign) -> None:
        self.folder, self.design = folder, design
        self.lines = folder / LINES

    @classmethod
    def joined(cls, folder: Path, design: StudyDesign) -> Journal:
        """The journal of a folder, begun where there is none.

        Raises `ArchError`: run-differs where it is of another design, run-exists where the folder holds something else,
        unwritable-output, unreadable-file.
        """
        journal = cls(folder, design)
        try:
            # `locks` tells a study's folder before its journal has a line.
            if folder.is_dir() and any(folder.iterdir()) and not (folder / LOCKS).is_dir():
                shown = one_line(os.fspath(folder), 200)
                raise ArchError(error("run-exists", f"the folder `{shown}` holds something else than a study",
                                      help="name another with --run"))
            (folder / LOCKS).mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise unwritable(folder, problem) from None

        with journal._alone():
            if journal.lines.exists() and journal.lines.stat().st_size:
                _require_same(folder, design)
            else:
                journal._write({"study": 1, "design": design.as_json()})
        return journal

    def standing(self) -> Standing:
        """Read what is there. Raises `ArchError` (unreadable-file)."""
        # The first line is the design; the others came in any order of jobs.
        found = Standing()
        for record in _records(self.lines)[1:]:
            if record is None:
                found.damaged += 1
                continue
            key = str(record.get("job"))
            if record.get("event") == "begun":
                found.begun[key] = Claim(key, str(record["machine"]), int(record["process"]), float(record["at"]))
            # A job that two have done, where locks do not reach over machines: the first result stands.
            elif record.get("event") == "done" and key not in found.done:
                found.done[key] = record
                found.failed.pop(key, None)
            elif record.get("event") == "failed" and key not in found.done:
                found.failed[key] = str(record.get("reason"))
            elif record.get("event") == "again":
                found.failed.pop(key, None)
        return found

    def add(self, event: str, key: str, values: Mapping[str, Any] | None = None) -> None:
        """Add a line. Raises `ArchError` (unwritable-output)."""
        # The lock is held for one line, so that nobody waits for a training.
        with self._alone():
            self._write({"event": event, "job": key, "at": time.time(), **(values or {})})

    @contextmanager
    def claimed(self, job: Job) -> Iterator[bool]:
        """Within this, nobody else does a job; gives False where somebody does it already, or it is settled."""
        with _held(self.folder / LOCKS / f"{job.key}.lock", wait=False) as has:
            # Looked at again under the lock: another may have done it since.
            if not has or self.standing().is_settled(job):
                yield False
                return
            self.add("begun", job.key, {"machine": socket.gethostname(), "process": os.getpid()})
            yield True

    def left(self, standing: Standing) -> list[Claim]:
        """Claims of jobs that were begun and not ended, and that nobody holds any more."""
        return [claim for claim, held in self._open_claims(standing) if not held]

    def held(self, standing: Standing) -> list[Claim]:
        """Claims of jobs that somebody is at."""
        return [claim for claim, held in self._open_claims(standing) if held]

    def _open_claims(self, standing: Standing) -> Iterator[tuple[Claim, bool]]:
        for key, claim in standing.begun.items():
            if key in standing.done or key in standing.failed:
                continue
            # A lock that can be had is nobody's: the system lifts it with its holder.
            with _held(self.folder / LOCKS / f"{key}.lock", wait=False) as free:
                yield claim, not free

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with _held(self.folder / LOCKS / "journal.lock", wait=True):
            yield

    def _write(self, record: Mapping[str, Any]) -> None:
        """Add a line and bring it to the disk; behind a line that a killed process left unfinished, on a new one."""
        text = json.dumps(record, allow_nan=False) + "\n"
        try:
            with self.lines.open("a+b") as file:
                if file.tell():
                    # A process that was killed while it wrote left a line without its end.
                    file.seek(-1, os.SEEK_END)
                    if file.read(1) != b"\n":
                        text = "\n" + text
                file.write(text.encode())
                file.flush()
                # What is told as done must outlive a crash of the machine.
                os.fsync(file.fileno())
        except OSError as problem:
            raise unwritable(self.lines, problem) from None


def begun_design(folder: Path) -> StudyDesign:
    """The design of a study's folder. Raises `ArchError` (unreadable-file)."""
    records = _records(folder / LINES)
    shown = one_line(os.fspath(folder / LINES), 200)
    try:
        first = records[0] or {}
        return design_of(first["design"])
    except (IndexError, KeyError, TypeError, AttributeError):
        message = f"`{shown}` does not begin as the journal of a study does"
        raise ArchError(error("unreadable-file", message, help="name another folder with --run")) from None


def _require_same(folder: Path, design: StudyDesign) -> None:
    """Raises `ArchError` (run-differs), saying in what, where the folder's study is another one."""
    before = begun_design(folder).as_json()
    now = design.as_json()
    # As JSON reads it back: a tuple becomes a list.
    differing = [name for name in now if json.loads(json.dumps(now[name])) != json.loads(json.dumps(before[name]))]
    if not differing:
        return
    shown = one_line(os.fspath(folder), 200)
    what = ", ".join(differing).replace("arms", "files or dials")
    raise ArchError(error("run-differs", f"the study in `{shown}` is another one: {what} differ",
                          help="give what it was begun with, or another folder with --run"))


def _records(path: Path) -> list[dict[str, Any] | None]:
    """The lines of a journal, None for one that cannot be read."""
    try:
        # Bytes: a line that was cut off may end inside a letter.
        lines = path.read_bytes().split(b"\n")
    except OSError as problem:
        said = (problem.strerror or str(problem)).lower()
        shown = one_line(os.fspath(path), 200)
        raise ArchError(error("unreadable-file", f"cannot read `{shown}`: {said}")) from None

    records: list[dict[str, Any] | None] = []
    for line in filter(None, lines):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):  # cut off by a killed process, or damaged
            record = None
        records.append(record)
    return records


@contextmanager
def _held(path: Path, wait: bool) -> Iterator[bool]:
    """Within this, a lock is held; without waiting it gives False where another has it. Its file stays.

    Raises `ArchError` (unwritable-output) where the file system has no locks.
    """
    try:
        # Not removed afterwards: with a new file of this name, two could hold the lock.
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as problem:
        raise unwritable(path, problem) from None
    try:
        yield _acquire(path, handle, wait)
    finally:
        os.close(handle)


def _acquire(path: Path, handle: int, wait: bool) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            mode = msvcrt.LK_NBLCK
            if wait:
                mode = msvcrt.LK_LOCK
            msvcrt.locking(handle, mode, 1)
        else:
            import fcntl

            mode = fcntl.LOCK_EX | fcntl.LOCK_NB
            if wait:
                mode = fcntl.LOCK_EX
            fcntl.flock(handle, mode)
    except (BlockingIOError, PermissionError):  # as POSIX and Windows say that another has it
        return False
    except OSError as problem:
        raise unwritable(path, problem) from None
    return True
