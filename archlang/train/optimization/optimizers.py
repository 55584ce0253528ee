"""Optimisers: from a file's `sgd(lr = 0.1, momentum = 0.9)` to torch's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.graph.patterns import matches
from archlang.ops.values import Option, Weighted
from archlang.train.optimization.schedule import rate

OPTIMIZERS: Mapping[str, type[torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "adamax": torch.optim.Adamax,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rprop": torch.optim.Rprop,
    "asgd": torch.optim.ASGD,
    "adafactor": torch.optim.Adafactor,
}
"""Those of torch that need no closure and take weights of every shape."""
FUSED = {"sgd", "adam", "adamw"}
"""Those of which torch has a kernel that makes a whole step at once, on processors and GPUs: far faster."""
PLACES = ("cpu", "cuda")
BASE = "base"
"""The key under which a group of weights keeps the rate that schedules start from."""


def optimizer(option: Option, parameters: Iterable[torch.nn.Parameter] | Mapping[str, torch.nn.Parameter]
              ) -> torch.optim.Optimizer:
    """Torch's optimiser of that name and arguments. Groups need the weights by the names of the file's network.

    Raises `ArchError`: not-available, bad-phase.

    >>> weight = torch.nn.Parameter(torch.ones(2))
    >>> type(optimizer(Option("sgd", "optimizer", {"lr": 0.1, "momentum": 0.9}), [weight])).__name__
    'SGD'
    """
    made = OPTIMIZERS.get(option.name)
    if made is None:
        raise ArchError(error("not-available", f"the optimiser `{option.name}` is not part of this version"))
    given: dict[str, Any] = {k: v for k, v in option.args.items() if v is not None and k != "groups"}
    named = parameters if isinstance(parameters, Mapping) else {str(n): p for n, p in enumerate(parameters)}
    if option.name in FUSED and not given.get("dampening") and all(map(_is_plain, named.values())):
        given["fused"] = True
    try:
        found = made(divided(option, named), **given)
    except ValueError as problem:
        raise ArchError(error("bad-phase", f"the optimiser refuses its arguments: {problem}")) from None
    for group in found.param_groups:
        group[BASE] = float(group["lr"])
        if option.name == "sgd" and group["fused"] and group["momentum"]:
            # Torch's fused step wants all momenta or none, but what was frozen, or idle, joins later; 0 is as none.
            for weight in group["params"]:
                found.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
    return found


def _is_plain(weight: torch.nn.Parameter) -> bool:
    """Whether fused kernels take it: they know no weights that are divided among processes."""
    return weight.device.type in PLACES and not hasattr(weight, "device_mesh")


def divided(option: Option, named: Mapping[str, torch.nn.Parameter]) -> list[dict[str, Any]]:
    """The weights in groups as torch takes them: the rest first, then the file's groups, each weight in the first that
    names it."""
    groups: Any = option.args.get("groups") or ()
    members: list[list[torch.nn.Parameter]] = [[] for _ in range(len(groups) + 1)]
    for name, weight in named.items():
        members[_first(groups, name)].append(weight)
    own = [{k: v for k, v in group.args.items() if k != "names" and v is not None} for group in groups]
    pairs = zip(members, [{}, *own], strict=True)
    return [{"params": weights, **values} for weights, values in pairs if weights]


def _first(groups: Sequence[Option], name: str) -> int:
    for number, group in enumerate(groups, 1):
        patterns: Any = group.args["names"]
        if any(matches(pattern, name) for pattern in patterns):
            return number
    return 0


def base_rate(option: Option) -> float:
    """The rate that phases start from."""
    value: Any = option.args["lr"]
    return float(value)


def set_rate(optimizer: torch.optim.Optimizer, curve: Weighted | None, at: float, length: float) -> float:
    """Set the learning rates of the next step, `at` into a phase so long; the first group's is returned.

    Each group's curve starts at the group's own rate.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate(curve, group[BASE], at, length)
    first: float = optimizer.param_groups[0]["lr"]
    return first
