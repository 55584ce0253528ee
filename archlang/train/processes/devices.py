"""Devices that a model runs on."""

from __future__ import annotations

import torch

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line


def place(name: str, number: int = 0) -> torch.device:
    """The device of a name; `auto` is a GPU where there is one, else the CPU.

    Of several processes on a machine, `number` is this one's; each takes the next GPU.

    Raises `ArchError` (usage) where this machine has no such device.

    >>> place("cpu")
    device(type='cpu')
    """
    if name in ("auto", "cuda") and torch.cuda.is_available():
        if number == 0:
            return torch.device("cuda")
        return torch.device("cuda", number % torch.cuda.device_count())
    if name == "auto":
        return torch.device("cpu")

    try:
        device = torch.device(name)
        torch.zeros(1, device=device)  # a name may be well formed and the device missing
    except (RuntimeError, AssertionError, ValueError, NotImplementedError):
        shown = one_line(name, 40)
        raise ArchError(error("usage", f"there is no device `{shown}` here", help="`cpu` is always there")) from None

    if device.type == "meta":
        raise ArchError(error("usage", "the device `meta` calculates nothing"))
    return device
