"""Memory of tests: what a test has left in reference cycles is given back before it fills the machine, and not sooner.

Their signals too: what tests start hears Ctrl-C, however the tests were started.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

STATUS = Path("/proc/self/statm")
PAGE = 4096
GROWTH = 512 * 2**20
"""Bytes by which a process may grow before its cycles are looked for."""

ALLOCATIONS = 10_000
"""Objects after which the youngest are looked at; Python's own number is 700."""

_after_last_look = 0

# Nothing that is collected is given back: a look at all of it would be taken ten times meanwhile, and find nothing.
gc.disable()

# A shell ignores Ctrl-C for what it starts with `&`, and so would every process that a test starts to stop it so.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Leave what was collected out of every later look: modules and tests stay, and a look at all takes a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, *gc.get_threshold()[1:])
    gc.enable()


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
