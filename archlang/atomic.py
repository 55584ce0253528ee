"""Files written whole or not at all, what stood there staying until the new file is on the disk; and read whole."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line

TRIES = 5
"""The number of times that a file is read which somebody writes to at the same time."""


def read_whole(path: str | os.PathLike[str], most: int = -1, *, regular: bool = False) -> bytes:
    """The bytes of a file as they are at one moment, at most `most` of them; -1 for all.

    A file that is written to in the meantime is read again. With `regular`, pipes and devices are refused, which may
    never end. Raises OSError, also where a file changes each time, and ValueError for a name that no file may have.
    """
    for attempt in range(TRIES):
        try:
            if regular:
                opened = open_regular(path)
            else:
                opened = _open_any(path)
            with opened as file, steady(file):
                return file.read(most)
        except ChangedError:
            if attempt == TRIES - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


@contextmanager
def _open_any(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open whatever can be read, a pipe of the shell too."""
    with Path(path).open("rb") as file:
        yield file


class ChangedError(OSError):
    """A file was written to while it was read."""

    def __init__(self) -> None:
        super().__init__(errno.EBUSY, "it was changed while it was read")


@contextmanager
def open_regular(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a regular file for reading. Raises OSError for anything else."""
    # To open a device may do something, such as wind a tape.
    _refuse_irregular(Path(path).stat().st_mode)

    # The file may have been exchanged since; without this flag, opening a pipe waits for a writer.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _refuse_irregular(os.fstat(descriptor).st_mode)
        with open(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def _refuse_irregular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no regular file")


@contextmanager
def steady(file: BinaryIO) -> Iterator[None]:
    """Raise ChangedError where an open file is written to within this: what was read may be half old and half new.

    A pipe has no state to compare, and gives each byte once.
    """
    before = os.fstat(file.fileno())
    yield
    after = os.fstat(file.fileno())
    if stat.S_ISREG(before.st_mode) and _state(before) != _state(after):
        raise ChangedError


def _state(facts: os.stat_result) -> tuple[int, int]:
    """Return what writing to a file changes."""
    return facts.st_size, facts.st_mtime_ns


def write_whole(path: str | os.PathLike[str], data: bytes, *, instead_of: bytes | None = None) -> None:
    """Write bytes to a file through a temporary one beside it: flushed, synced, renamed, the folder synced.

    A link is followed; a device such as `/dev/null` is written to as it is. Raises `ArchError` (unwritable-output);
    then, and when interrupted, nothing is left behind. `instead_of` is what the file holds: if it holds anything else
    by now, somebody has written to it, and it is left as it is.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/a.txt", b"new")
    ...     print(sorted(os.listdir(folder)))
    ['a.txt']
    """
    # A relative name has no place where the working directory is gone, and no name may hold a NUL.
    try:
        target = Path(os.path.realpath(path))
    except (OSError, ValueError) as problem:
        raise unwritable(path, problem) from None

    try:
        # A rename would put a file in the place of a device or a pipe.
        if target.exists() and not target.is_file() and not target.is_dir():
            target.write_bytes(data)
            return
        _replace(target, data, instead_of)
    except OSError as problem:
        raise unwritable(path, problem) from None


def unwritable(path: str | os.PathLike[str], problem: OSError | ValueError) -> ArchError:
    """The error of an output that the system refuses, in its words."""
    said = getattr(problem, "strerror", None) or "the system refuses it"
    shown = one_line(os.fspath(path), 200)
    return ArchError(error("unwritable-output", f"`{shown}` cannot be written: {said.lower()}"))


def _replace(target: Path, data: bytes, instead_of: bytes | None) -> None:
    """Write to a temporary file beside the target and rename it. Raises OSError."""
    # Said in advance: the rename's own error depends on the system.
    if target.is_dir():
        raise IsADirectoryError(21, "it is a folder")
    if target.exists() and not os.access(target, os.W_OK):  # a rename would not ask
        raise PermissionError(13, "it is read-only")

    # In the same folder, as a rename does not cross file systems; cut, as a name may have 255 bytes.
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

        if target.exists():
            part.chmod(stat.S_IMODE(target.stat().st_mode))
        # Last of all: between this and the renaming there is hardly any time.
        if instead_of is not None and read_whole(target) != instead_of:
            raise OSError(errno.EBUSY, "it was changed in the meantime, and is left as it is")
        part.replace(target)
    # An interruption by the user, too, must leave nothing behind.
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise

    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Flush the folder's own entries: without it a crash may undo the rename."""
    # Windows opens no folders.
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
