"""Where a model runs."""

from __future__ import annotations

import torch

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line


def place(name: str) -> torch.device:
    """The device of a name; `auto` is the first GPU where there is one, else the CPU.

    Raises `ArchError` (usage) where this machine has no such device.

    >>> place("cpu")
    device(type='cpu')
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, ValueError, NotImplementedError):
        shown = one_line(name, 40)
        raise ArchError(error("usage", f"there is no device `{shown}` here", help="`cpu` is always there")) from None
    if device.type == "meta":
        raise ArchError(error("usage", "the device `meta` calculates nothing"))
    return device
