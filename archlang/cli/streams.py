"""The standard streams where one of them is closed, full, or read by nobody any more."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from archlang.diagnostics import ArchError, error


def occupy() -> None:
    """Put `/dev/null` where a standard stream is closed.

    The next file that is opened would get its number, and what a library prints would end in a model or checkpoint.
    Python's own `sys.stdout` stays None; `result_stream` refuses it where a result has to be written.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one
    if sys.stderr is None:
        _forget_remarks()


def result_stream() -> None:
    """Raises `ArchError` (unwritable-output) where standard output is closed: a result could not be written."""
    if sys.stdout is None:
        help = "`> /dev/null` drops what is written there"
        raise ArchError(error("unwritable-output", "standard output is closed", help=help))


def remark(text: str) -> None:
    """Write a line on standard error at once; where nobody can read it, it is dropped.

    A log on a full disk, or a reader that has gone, must not end a training.
    """
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):  # ValueError: the stream was closed while running
        _forget_remarks()


def _forget_remarks() -> None:
    """Write remarks nowhere from now on; the old stream would raise again when Python shuts down."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
    sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # it stays open until the end
