"""Standard streams that were closed before the command began: using one is an error, having none is not."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import Any


class ClosedBytes(io.RawIOBase):
    """The bytes of a stream that is closed: reading and writing raise OSError (EBADF)."""

    def __init__(self, name: str) -> None:
        self.name = name

    def readable(self) -> bool:
        """Say yes, so that reading gets its error here."""
        return True

    def writable(self) -> bool:
        """Say yes, so that writing gets its error here."""
        return True

    def readinto(self, _: Any) -> int:
        """Raise the error of a closed stream."""
        raise self._error()

    def write(self, _: Any) -> int:
        """Raise the error of a closed stream."""
        raise self._error()

    def _error(self) -> OSError:
        return OSError(errno.EBADF, f"standard {self.name} is closed")


def replace_closed() -> None:
    """Put streams in the place of those that Python found closed, and let all of them show what they cannot encode.

    Messages have nowhere to go where standard error is closed: they are dropped, the exit status says enough.
    """
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(ClosedBytes("input"))
    if sys.stdout is None:
        # Written through: an error must come where something is written, not when Python shuts down.
        sys.stdout = io.TextIOWrapper(ClosedBytes("output"), write_through=True)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for good; a device

    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
