"""Two ways timed in turns: the faster is told apart, and what differs by noise is not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import pytest
import torch

from archlang.tuning import timing
from archlang.tuning.timing import faster, machine

CPU = torch.device("cpu")


class Clock:
    """A clock that runs move, by as many seconds as they say."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def taking(self, *seconds: float) -> Callable[[], None]:
        """A run that takes these times, one after the other and again."""
        turns = cycle(seconds)

        def run() -> None:
            self.now += next(turns)

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timing, "time", made)
    return made


def test_faster_is_told(clock: Clock) -> None:
    assert faster(clock.taking(9), clock.taking(10), CPU)
    assert not faster(clock.taking(10), clock.taking(9), CPU)


def test_alike_is_not_faster(clock: Clock) -> None:
    assert not faster(clock.taking(1), clock.taking(1), CPU)
    assert not faster(clock.taking(0.97), clock.taking(1), CPU)


def test_now_and_then_is_not_enough(clock: Clock) -> None:
    assert not faster(clock.taking(1, 1, 20), clock.taking(10), CPU)


def test_a_machine_that_grows_slower_falls_on_both(clock: Clock) -> None:
    slower = [1.1**turn for turn in range(30)]
    assert not faster(clock.taking(*slower), clock.taking(*slower), CPU)


def test_a_clock_that_stands_still(clock: Clock) -> None:
    assert not faster(clock.taking(0), clock.taking(0), CPU)


def test_threads_are_another_machine() -> None:
    before = machine(CPU)
    count = torch.get_num_threads()
    try:
        torch.set_num_threads(count + 1)
        assert machine(CPU) != before
    finally:
        torch.set_num_threads(count)
    assert machine(CPU) == before and torch.__version__ in before.values()
