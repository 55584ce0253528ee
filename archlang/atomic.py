"""Files written whole or not at all: what stood there stays until the new file is on the disk."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write bytes to a file through a temporary one beside it: flushed, synced, renamed, the folder synced.

    A link is followed; a device such as `/dev/null` is written to as it is. Raises `ArchError` (unwritable-output);
    then, and when interrupted, nothing is left behind.

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
        _replace(target, data)
    except OSError as problem:
        raise unwritable(path, problem) from None


def unwritable(path: str | os.PathLike[str], problem: OSError | ValueError) -> ArchError:
    """The error of an output that the system refuses, in its words."""
    said = getattr(problem, "strerror", None) or "the system refuses it"
    shown = one_line(os.fspath(path), 200)
    return ArchError(error("unwritable-output", f"`{shown}` cannot be written: {said.lower()}"))


def _replace(target: Path, data: bytes) -> None:
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
