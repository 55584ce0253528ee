"""Python's search for unreachable cycles, and when not to make it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Within this, Python does not search for cycles of objects that nobody can reach any more.

    The tree and the graph of a file, and the modules made of them, are in use until the work is done. To look through
    them again and again took up to 40 % of a long file's time. All that is no cycle is freed as always. Nothing that
    trains may run within this.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # Whoever runs commands inside a process of its own may have turned it off.
        if was_enabled:
            gc.enable()
