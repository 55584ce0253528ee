"""The errors of training, in one place, so that they read alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from archlang.diagnostics import ArchError, error

LENGTH = "a length lies from"
"""The first words of what recurrent layers say of a length that no sequence has, in the range of its input or not."""


def bad_data(message: str, help: str | Sequence[str] = ()) -> ArchError:
    """The error of data that does not fit; the caller raises it."""
    return ArchError(error("bad-data", message, help=help))


def unknown_data(message: str, help: str | Sequence[str] = ()) -> ArchError:
    """The error of data that cannot be found."""
    return ArchError(error("unknown-data", message, help=help))


@contextmanager
def as_bad_data() -> Iterator[None]:
    """Within this, what a network says of numbers that data alone decides is `bad-data`; other errors are its own."""
    try:
        yield
    except ValueError as problem:
        # The lines below tell where in the file the layer stands.
        said, *place = str(problem).split("\n")
        if not said.startswith(LENGTH):
            raise
        raise bad_data(said, help=[line.strip().removeprefix("--> ") for line in place]) from None
