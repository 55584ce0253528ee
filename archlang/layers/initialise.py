"""Initial weights where a file says so: `conv(3x3, 64, init = kaiming_normal(mode = fan_out))`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import init

from archlang.ops.values import Option

_Rule = Callable[[Tensor, Mapping[str, Any]], object]


def _kaiming(rule: Callable[..., Tensor]) -> _Rule:
    return lambda weight, args: rule(weight, args["slope"], args["mode"], args["nonlinearity"])


def _truncated(weight: Tensor, args: Mapping[str, Any]) -> Tensor:
    mean, std = args["mean"], args["std"]
    if std == 0:
        # Torch measures the ends in deviations, which divides by this one.
        return init.constant_(weight, mean)
    return init.trunc_normal_(weight, mean, std, mean - 2 * std, mean + 2 * std)


RULES: Mapping[str, _Rule] = {
    "zeros": lambda weight, args: init.zeros_(weight),
    "ones": lambda weight, args: init.ones_(weight),
    "constant": lambda weight, args: init.constant_(weight, args["value"]),
    "normal": lambda weight, args: init.normal_(weight, args["mean"], args["std"]),
    "uniform": lambda weight, args: init.uniform_(weight, args["low"], args["high"]),
    "truncated_normal": _truncated,
    "kaiming_normal": _kaiming(init.kaiming_normal_),
    "kaiming_uniform": _kaiming(init.kaiming_uniform_),
    "xavier_normal": lambda weight, args: init.xavier_normal_(weight, args["gain"]),
    "xavier_uniform": lambda weight, args: init.xavier_uniform_(weight, args["gain"]),
    "orthogonal": lambda weight, args: init.orthogonal_(weight, args["gain"]),
}
"""Every initialiser of the catalogue, by name."""


def fill(weight: Tensor, option: Option) -> None:
    """Overwrite a weight as an initialiser says, drawing from torch's random numbers as they stand.

    >>> weight = torch.ones(2)
    >>> fill(weight, Option("constant", "initialiser", {"value": 0.5})); weight
    tensor([0.5000, 0.5000])
    """
    # A weight is a leaf of autograd, which may not be written to otherwise.
    with torch.no_grad():
        RULES[option.name](weight, option.args)
