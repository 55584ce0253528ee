"""Ctrl-C between two steps instead of inside one, so that a checkpoint of what was done can be written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Tell whether somebody asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """The first time only take note; the second time, stop at once."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def stopping() -> Iterator[Stop]:
    """Within this, the first Ctrl-C only sets `asked`. Elsewhere than in the main thread nothing changes."""
    stop = Stop()
    before = signal.getsignal(signal.SIGINT)
    # Python handles signals in its main thread alone, and a handler of the caller's is not ours to replace.
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or before is not signal.default_int_handler:
        yield stop
        return

    signal.signal(signal.SIGINT, stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
