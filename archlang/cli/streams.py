"""Standard streams that were closed before the command began, are full, or have no reader any more.

Using a closed one is an error, having none is not. Remarks on standard error are dropped where nobody can read them.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TextIO


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


class ReaderGoneError(BrokenPipeError):
    """Whoever read standard output has enough, as `head` does. Another broken pipe is an error like any other."""


class OutputBytes(io.FileIO):
    """The bytes of standard output. Raises `ReaderGoneError` where nobody reads them any more."""

    def write(self, data: Any) -> int:
        """Write bytes and return how many were taken."""
        try:
            return super().write(data)
        except BrokenPipeError as problem:
            raise ReaderGoneError(*problem.args) from None


def replace_streams() -> None:
    """Put streams in the place of those that Python found closed, and let all of them show what they cannot encode.

    A reader of standard output that goes away is told apart from every other broken pipe.

    Messages have nowhere to go where standard error is closed: they are dropped, the exit status says enough.
    """
    _occupy()
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(ClosedBytes("input"))
    if sys.stdout is None:
        # Written through: an error must come where something is written, not when Python shuts down.
        sys.stdout = io.TextIOWrapper(ClosedBytes("output"), write_through=True)
    else:
        sys.stdout = _told_apart(sys.stdout)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for good; a device

    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _told_apart(stream: TextIO) -> TextIO:
    """Standard output whose lost reader raises an error of its own; a stream that somebody put there stays."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return stream

    stream.flush()
    data = io.BufferedWriter(OutputBytes(number, "wb", closefd=False))
    return io.TextIOWrapper(data, encoding=stream.encoding, line_buffering=stream.isatty())


def is_output_closed() -> bool:
    """Tell whether standard output was closed before the command began."""
    return isinstance(getattr(sys.stdout, "buffer", None), ClosedBytes)


def require_output() -> None:
    """Raise OSError (EBADF) where standard output is closed, before a long work whose result it is to get."""
    if is_output_closed():
        sys.stdout.buffer.write(b"")


@contextmanager
def conversation() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Hand out the bytes of standard input and output for a protocol; whatever is printed goes to standard error.

    Raises OSError (EBADF) where standard output is closed.
    """
    require_output()
    sys.stdout.flush()
    # Under the number itself, as libraries print from C too: one line between two messages would end the protocol.
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    with outgoing:
        yield sys.stdin.buffer, outgoing


def remark(text: str) -> None:
    """Write a line on standard error at once; where nobody can read it, it is dropped.

    A log on a full disk, or a reader that has gone, must not end a training.
    """
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):  # ValueError: the stream was closed while running
        _forget_remarks()


def _occupy() -> None:
    """Open `/dev/null` under the number of every closed stream.

    The next file would get that number, and what a library prints would end in a model or a checkpoint.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # it gets the lowest free number, which is this one


def _forget_remarks() -> None:
    """Write remarks nowhere from now on; the old stream would raise again when Python shuts down."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for good; a device
