"""The order in which maps and kernels lie in memory, chosen by timing."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

from archlang.tuning.cache import key, remember, remembered
from archlang.tuning.running import forward_of, place_of, shapes_of, step_of, unseen
from archlang.tuning.timing import faster, machine

LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}
"""The layouts by name, that of torch first."""


def tuned_layout(model: fx.GraphModule, inputs: Sequence[Any], *, training: bool = False) -> str:
    """Lay out the kernels of a model in place, in the order that takes less time; give its name.

    Values and names of weights stay. The time is that of a forward pass, or of a training step.

    Args:
        model: the model, whose mode stays.
        inputs: those of a call.
        training: whether a training step is timed.
    """
    usual, other = LAYOUTS
    # Without kernels over maps there is nothing to lay out.
    if not any(weight.dim() == 4 for weight in model.parameters()):
        return usual

    device = place_of(model)
    facts = {**machine(device), "inputs": shapes_of(inputs), "training": training, "code": model.code,
             "weights": [f"{name} {list(value.shape)} {value.dtype}" for name, value in model.state_dict().items()]}
    name = key(facts)
    choice = remembered().get(name, "")
    if choice not in LAYOUTS:
        choice = _timed(model, inputs, training, device)
        remember({name: choice})

    if choice == other:
        laid_out(model, choice)
    return choice


def _timed(model: fx.GraphModule, inputs: Sequence[Any], training: bool, device: torch.device) -> str:
    """The name of the layout that measured faster, on copies of a model."""
    usual, other = LAYOUTS
    run = forward_of
    if training:
        run = step_of
    first, last = copy.deepcopy(model), laid_out(copy.deepcopy(model), other)
    with unseen(device):
        if faster(run(last, inputs), run(first, inputs), device):
            return other
    return usual


def laid_out(model: fx.GraphModule, name: str) -> fx.GraphModule:
    """Lay the kernels of a model out, in place, and return it."""
    moved: Any = model
    moved.to(memory_format=LAYOUTS[name])
    return model
