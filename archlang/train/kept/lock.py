"""One training a folder: a lock that the system lifts when its process ends, however it ends."""

from __future__ import annotations

import os
import sys
import weakref
from pathlib import Path

from archlang.atomic import unwritable
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line

NAME = ".lock"

_HELD: weakref.WeakSet[Lock] = weakref.WeakSet()
"""The locks of this process."""


class Lock:
    """The lock of a folder, held from the beginning. Its file stays: to remove it would let two hold it."""

    def __init__(self, folder: Path) -> None:
        """Raises `ArchError`: run-in-use where another process holds it, unwritable-output."""
        self.path = path = folder / NAME
        try:
            # The file is not emptied: another process may hold it.
            self.handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as problem:
            raise unwritable(path, problem) from None

        try:
            _acquire(self.handle)
        except OSError:
            os.close(self.handle)
            shown = one_line(os.fspath(folder), 200)
            message = f"another training is writing to the folder `{shown}`"
            raise ArchError(error("run-in-use", message, help="wait for it, or name another with --run")) from None
        _HELD.add(self)

    def stands(self) -> bool:
        """Tell whether the folder is still the one that was locked, not removed or exchanged for another."""
        try:
            return os.path.samestat(os.fstat(self.handle), self.path.stat())
        except OSError:
            return False

    def release(self) -> None:
        """Let others have it."""
        if self.handle >= 0:  # closing the file lifts the lock
            os.close(self.handle)
            self.handle = -1


def _let_go() -> None:
    """Leave the locks of the parent to it: a forked process would hold them after the parent has been killed."""
    for lock in list(_HELD):
        lock.release()


# Workers that read data are forked; a training that goes on at once must not find the folder in their hands.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _acquire(handle: int) -> None:
    """Raises OSError where another process, or another lock of this one, has it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
