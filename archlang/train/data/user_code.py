"""Calls of code that is not archlang's: whatever it raises becomes an error of the data, its words made harmless."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from archlang.diagnostics import ArchError
from archlang.diagnostics.text import one_line
from archlang.train.problems import bad_data


@contextmanager
def blamed(place: str) -> Iterator[None]:
    """Turn what the body raises into `bad-data` about `place`; an interruption from the keyboard passes.

    `SystemExit` is caught too: a data set that calls `exit()` would end the training with its own status.
    """
    try:
        with keeping_defaults():
            yield

    except (ArchError, KeyboardInterrupt):
        raise
    except BaseException as problem:
        raise bad_data(f"{place} failed: {words_of(problem)}") from None


@contextmanager
def keeping_defaults() -> Iterator[None]:
    """Put torch's default dtype and device back after the body: the network would be made of them."""
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    try:
        yield
    finally:
        if torch.get_default_dtype() != dtype:
            torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(device)


def words_of(problem: BaseException) -> str:
    """The kind and the text of an error on one line, without control characters; its own `__str__` may fail."""
    kind = one_line(type(problem).__name__, 60)
    try:
        text = str(problem)
    except Exception:
        return kind
    if not text:
        return kind
    return one_line(f"{kind}: {text}", 300)
