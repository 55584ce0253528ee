"""Standard input as a FILE: a text or a model, told apart by the first bytes; a model is copied to open it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory

from archlang.cli.options import refuse
from archlang.cli.session import Session
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.limits import MIB

LENGTH = 8
"""Bytes of the length that a safetensors file begins with. Its last ones are zero; no text has such a character."""

LONGEST_HEADER = 16 * MIB
"""No file of ours has a longer one (`artefact.container`)."""

ENDING = ".safetensors"


def claim(session: Session, file: str) -> None:
    """Note that standard input is read for `-`. Raises ArchError (usage) for a second time."""
    if file != "-":
        return
    if session.is_input_taken:
        raise refuse("standard input can be read once only")
    session.is_input_taken = True


def is_model(session: Session, file: str) -> bool:
    """Tell whether FILE is a model file: by its ending, and standard input by its first bytes, which are kept."""
    if file != "-":
        return file.lower().endswith(ENDING)
    if not session.head:
        session.head = standard_input(LENGTH)
    return b"\0" in session.head


def standard_input(most: int) -> bytes:
    """The next bytes of standard input. Raises ArchError (unreadable-file) where it is closed."""
    if sys.stdin is None:  # a shell's `<&-`
        raise ArchError(error("unreadable-file", "standard input is closed"))
    try:
        return sys.stdin.buffer.read(most)
    except (OSError, ValueError) as problem:
        said = getattr(problem, "strerror", None) or str(problem)
        message = f"cannot read standard input: {one_line(said, 200).lower()}"
        raise ArchError(error("unreadable-file", message)) from None


@contextmanager
def model_path(session: Session, file: str) -> Iterator[str]:
    """The path of a model file; for `-` that of a copy, as long as the context lasts.

    Raises ArchError: unreadable-file, and usage where standard input was read before.
    """
    claim(session, file)
    if file != "-":
        yield file
        return

    # Weights are found by offsets from the file's beginning, which a pipe does not have.
    with TemporaryDirectory() as folder:
        copy = Path(folder) / f"stdin{ENDING}"
        head = session.head or standard_input(LENGTH)
        with copy.open("wb") as whole:
            whole.write(head)
            # What is no model may have no end, as /dev/zero: its first bytes are enough to refuse it.
            if 0 < int.from_bytes(head, "little") <= LONGEST_HEADER:
                copyfileobj(sys.stdin.buffer, whole)
        yield str(copy)
