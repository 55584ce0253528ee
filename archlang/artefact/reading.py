"""The opening of model files and checkpoints: regular files alone, with errors in the system's words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from archlang.atomic import open_regular
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a regular file to read its bytes; also errors of reading it are reported.

    Raises `ArchError` (unreadable-file).
    """
    try:
        if not Path(path).exists():
            raise FileNotFoundError(2, "there is no such file")

        # A pipe would wait for somebody to write to it, and a device may never end.
        with open_regular(path) as file:
            yield file
    except OSError as problem:
        shown = one_line(os.fspath(path), 200)
        reason = (problem.strerror or "the system refuses it").lower()
        raise ArchError(error("unreadable-file", f"`{shown}` cannot be read: {reason}")) from None
