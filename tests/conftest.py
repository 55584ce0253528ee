"""Memory of tests: what a test has left in reference cycles is given back before it fills the machine."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

STATUS = Path("/proc/self/statm")
PAGE = 4096
GROWTH = 512 * 2**20
"""Bytes by which a process may grow before its cycles are looked for."""

_after_last_look = 0


@pytest.fixture(autouse=True)
def _cycles_are_freed() -> Iterator[None]:
    """A graph module and its graph refer to each other. The collector counts objects, and a model is few but large."""
    global _after_last_look
    yield

    # Only Linux says how much memory a process has without a library.
    if STATUS.exists() and _resident() > _after_last_look + GROWTH:
        gc.collect()
        _after_last_look = _resident()


def _resident() -> int:
    return int(STATUS.read_text().split()[1]) * PAGE
