"""Work counted in calls of functions, which are the same on every machine and in every run."""

from __future__ import annotations

from collections.abc import Callable
from cProfile import Profile
from functools import partial

from archlang.collecting import no_collection


def calls(work: Callable[[], object]) -> int:
    """Run some work and count the functions that it calls, of Python and of C.

    A loop that calls nothing is not seen.
    """
    profile = Profile()
    # Else a collection would run the finalizers of what other tests left, and these would be counted.
    with no_collection():
        profile.enable()
        try:
            work()
        finally:
            profile.disable()
    return sum(entry.callcount for entry in profile.getstats())


def growth(work: Callable[[int], object], size: int) -> float:
    """How the work grows from `2 * size` to `4 * size`, compared with that from `size` to `2 * size`.

    2 for work that is linear, 4 for work that is quadratic; what does not depend on the size falls out.
    """
    work(size)  # what is loaded or worked out once a process is not counted
    found = _growth(work, size)
    # What a process forgets now and then, such as a compiled pattern, is worked out again: once, and not twice.
    if found > LINEAR:
        found = min(found, _growth(work, size))
    return found


def _growth(work: Callable[[int], object], size: int) -> float:
    """The growth by one count of each length."""
    small, middle, large = (calls(partial(work, n)) for n in (size, 2 * size, 4 * size))
    if middle - small < LEAST:
        return 0.0
    return (large - middle) / (middle - small)


LINEAR = 2.2
"""Growth above this is counted once more."""

LEAST = 20
"""Calls by which work grows at least for its growth to mean something."""
