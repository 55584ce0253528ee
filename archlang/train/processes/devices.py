"""Devices that a model runs on, and the mode that it is measured in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

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


def first_weight(model: nn.Module) -> torch.Tensor:
    """The first weight of a model that lies on this process; a 0 where it has none."""
    # Those of experts on other processes are known by name and shape alone.
    return next((weight for weight in model.parameters() if not weight.is_meta), torch.zeros(()))


@contextmanager
def evaluating(model: nn.Module, target: torch.device | None = None) -> Iterator[None]:
    """Within this, a model is in evaluation mode, on a device where one is given; afterwards it is as it was.

    >>> model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2).eval())
    >>> with evaluating(model):
    ...     print(model.training)
    False
    >>> [module.training for module in model.modules()]
    [True, True, False]
    """
    home = next((p.device for p in model.parameters()), torch.device("cpu"))
    # Module by module: inside a model in training, a norm whose statistics are frozen is in evaluation mode.
    modes = [(module, module.training) for module in model.modules()]

    try:
        if target is not None:
            model.to(target)
        model.eval()
        yield
    # After an error, too, the caller's model must be in its own mode and on its own device.
    finally:
        if target is not None:
            model.to(home)
        for module, was in modes:
            module.training = was
