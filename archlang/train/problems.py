"""The errors of training, in one place, so that they read alike."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import ArchError, error


def bad_data(message: str, help: str | Sequence[str] = ()) -> ArchError:
    """The error of data that does not fit; the caller raises it."""
    return ArchError(error("bad-data", message, help=help))


def unknown_data(message: str, help: str | Sequence[str] = ()) -> ArchError:
    """The error of data that cannot be found."""
    return ArchError(error("unknown-data", message, help=help))
