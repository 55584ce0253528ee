"""Optimisers: from a file's `sgd(lr = 0.1, momentum = 0.9)` to torch's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.ops.values import Option

OPTIMIZERS: Mapping[str, type[torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}


def optimizer(option: Option, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Torch's optimiser of that name and arguments. Raises `ArchError`: not-available, bad-phase.

    >>> weight = torch.nn.Parameter(torch.ones(2))
    >>> type(optimizer(Option("sgd", "optimizer", {"lr": 0.1, "momentum": 0.9}), [weight])).__name__
    'SGD'
    """
    made = OPTIMIZERS.get(option.name)
    if made is None:
        raise ArchError(error("not-available", f"the optimiser `{option.name}` is not part of this version"))
    given: dict[str, Any] = {name: value for name, value in option.args.items() if value is not None}
    try:
        return made(parameters, **given)
    except ValueError as problem:
        raise ArchError(error("bad-phase", f"the optimiser refuses its arguments: {problem}")) from None


def base_rate(option: Option) -> float:
    """The rate that phases start from."""
    value: Any = option.args["lr"]
    return float(value)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate
