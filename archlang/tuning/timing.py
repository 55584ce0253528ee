"""Two ways of running a model, timed in turns."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

PAIRS = 7
"""Turns of both, after one that warms up."""

GAIN = 0.95
"""A ratio of times below which another way counts as faster: above it, the next run may say the contrary."""

Run = Callable[[], object]
"""One run of a model."""


def faster(candidate: Run, current: Run, device: torch.device, pairs: int = PAIRS) -> bool:
    """Tell whether a candidate takes less time: by its median, and in nearly all turns."""
    ratios = in_turns(lambda: _timed(candidate, device), lambda: _timed(current, device), pairs)
    return median(ratios) < GAIN and sum(ratio < 1 for ratio in ratios) >= pairs - 1


def in_turns(candidate: Callable[[], float], current: Callable[[], float], pairs: int) -> list[float]:
    """The ratios of the seconds that two measurements tell, turn by turn, after a turn that warms up.

    Each is first every other time, so that whatever else the machine does falls on both.
    """
    ratios = []
    for turn in range(pairs + 1):
        if turn % 2:
            mine, other = candidate(), current()
        else:
            other, mine = current(), candidate()
        if turn:
            ratios.append(mine / other)
    return ratios


def _timed(run: Run, device: torch.device) -> float:
    """Seconds that a run takes, with what it leaves to the device."""
    _wait(device)
    start = time.perf_counter()
    run()
    _wait(device)
    # A clock that does not resolve a run would be divided by.
    return max(time.perf_counter() - start, 1e-9)


def _wait(device: torch.device) -> None:
    """Let a device finish what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def machine(device: torch.device) -> dict[str, object]:
    """The facts that times depend on, beside the model: processor, device, torch, threads."""
    facts: dict[str, object] = {
        "processor": _processor(), "system": platform.platform(), "torch": torch.__version__,
        "threads": torch.get_num_threads(), "device": device.type,
    }
    if device.type == "cuda":
        facts["device"] = torch.cuda.get_device_name(device)
    return facts


def _processor() -> str:
    """The name of the processor."""
    # Python knows no more than its architecture on Linux.
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except (OSError, ValueError):
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "flags"))]
    return " ".join(named[:2]) or platform.machine()
