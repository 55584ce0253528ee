"""Work counted in instructions of Python, which is the same on every machine and in every run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def instructions(work: Callable[[], object]) -> int:
    """Run some work and count the instructions of Python that it takes; loops inside C count as one."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if event == "opcode":
            count += 1
        elif event == "call":
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def growth(work: Callable[[int], object], size: int) -> float:
    """How the work grows from `2 * size` to `4 * size`, compared with that from `size` to `2 * size`.

    2 for work that is linear, 4 for work that is quadratic; what does not depend on the size falls out.
    """
    small, middle, large = (instructions(lambda n=n: work(n)) for n in (size, 2 * size, 4 * size))
    if middle - small < LEAST:
        return 0.0
    return (large - middle) / (middle - small)


LEAST = 200
"""Instructions by which work grows at least for its growth to mean something."""
