"""Optimisers: from a file's `sgd(lr = 0.1, momentum = 0.9)` to torch's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.graph.patterns import matches
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import OptimizerFacts
from archlang.ops.values import Option, Weighted
from archlang.train.optimization.scaled_gradients import Kernels, factors, scale_gradients
from archlang.train.optimization.schedule import rate

PLACES = ("cpu", "cuda")
"""Devices that fused kernels, which make a whole step at once, exist for."""
BASE = "base"
"""The key under which a group of weights keeps the rate that schedules start from."""


NOT_OF_TORCH = ("groups", "names", "branches")
"""Arguments that torch's optimisers do not know."""


def optimizer(option: Option, parameters: Iterable[torch.nn.Parameter] | Mapping[str, torch.nn.Parameter],
              kernels: Kernels | None = None) -> torch.optim.Optimizer:
    """Torch's optimiser of that name and arguments. Groups need the weights by the names of the file's network.

    Kernels are known by `kernels` alone: with `branches` their gradients are those of branches.

    Raises `ArchError` (bad-phase) where torch refuses the arguments, and for kernels that cannot have such branches.

    >>> weight = torch.nn.Parameter(torch.ones(2))
    >>> type(optimizer(Option("sgd", "optimizer", {"lr": 0.1, "momentum": 0.9}), [weight])).__name__
    'SGD'
    """
    facts = facts_of(option, OptimizerFacts)
    arguments: dict[str, Any] = {k: v for k, v in option.args.items() if v is not None and k not in NOT_OF_TORCH}
    if isinstance(parameters, Mapping):
        named = parameters
    else:
        named = {str(number): weight for number, weight in enumerate(parameters)}

    # The fused kernel of sgd knows no dampening.
    if facts.fused and not arguments.get("dampening") and all(map(_is_plain, named.values())):
        arguments["fused"] = True

    kind: type[torch.optim.Optimizer] = getattr(torch.optim, facts.torch.rpartition(".")[2])
    try:
        created = kind(divided(option, named), **arguments)
    except ValueError as problem:
        raise ArchError(error("bad-phase", f"the optimiser refuses its arguments: {problem}")) from None

    for group in created.param_groups:
        group[BASE] = float(group["lr"])  # "lr" itself moves with the schedule
        if group.get("fused") and group.get("momentum"):
            # Torch's fused step wants all momenta or none, but what was frozen, or idle, joins later; 0 is as none.
            for weight in group["params"]:
                created.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
    scaled = _scaled(option, named, kernels or {})
    if scaled:
        scale_gradients(created, scaled)
    return created


def _scaled(option: Option, named: Mapping[str, torch.nn.Parameter], kernels: Kernels
            ) -> dict[torch.nn.Parameter, torch.Tensor]:
    """The kernels that train as branches would, each with the factors of its gradient."""
    groups: Any = option.args.get("groups") or ()
    scaled = {}
    for name, adds in kernels.items():
        number = _first(groups, name)
        constants: Any = groups[number - 1].args.get("branches") if number else None
        constants = constants or option.args.get("branches")
        if constants is not None:
            scaled[named[name]] = factors(named[name].detach(), constants, adds)
    return scaled


def _is_plain(weight: torch.nn.Parameter) -> bool:
    """Tell whether fused kernels take it: they know no weights that are divided among processes."""
    return weight.device.type in PLACES and not hasattr(weight, "device_mesh")


def divided(option: Option, named: Mapping[str, torch.nn.Parameter]) -> list[dict[str, Any]]:
    """The weights in groups as torch takes them: the rest first, then the file's groups.

    Each weight is in the first group that names it; groups without weights are left out.
    """
    groups: Any = option.args.get("groups") or ()
    members: list[list[torch.nn.Parameter]] = [[] for _ in range(len(groups) + 1)]
    for name, weight in named.items():
        members[_first(groups, name)].append(weight)

    values: list[dict[str, Any]] = [{}]
    for group in groups:
        values.append({k: v for k, v in group.args.items() if k not in NOT_OF_TORCH and v is not None})
    # torch refuses a group without weights.
    return [{"params": weights, **given} for weights, given in zip(members, values, strict=True) if weights]


def _first(groups: Sequence[Option], name: str) -> int:
    """The number of the first group that names a weight, from 1; 0 for the rest."""
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
