"""Runs of a model that leave no trace in it: the weights, statistics and random numbers stay as they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.tuning.timing import Run


def as_inputs(inputs: object) -> tuple[Any, ...]:
    """The inputs of a call: a tuple or list as it is, a tensor alone. Raises ArchError (usage) for anything else."""
    if isinstance(inputs, Tensor):
        return (inputs,)
    if isinstance(inputs, Sequence) and not isinstance(inputs, str | bytes):
        return tuple(inputs)
    raise ArchError(error("usage", f"`tune` takes the inputs of a call, not {type(inputs).__name__}",
                          help="give a tensor, or a tuple of tensors"))


def step_of(model: nn.Module, inputs: Sequence[Any]) -> Run:
    """A training step without its optimiser: forward, and backward from the sum of all outputs."""
    def run() -> None:
        model.zero_grad(set_to_none=True)
        ends = [end for end in leaves(model(*inputs)) if end.requires_grad]
        if ends:
            torch.autograd.backward([end.sum() for end in ends])

    return run


def forward_of(model: nn.Module, inputs: Sequence[Any]) -> Run:
    """A forward pass without gradients."""
    def run() -> None:
        with torch.no_grad():
            model(*inputs)

    return run


def require_forward(model: nn.Module, inputs: Sequence[Any]) -> None:
    """Raise ArchError (usage) where a forward pass fails, such as for numbers of another precision than the weights'.
    """
    # In evaluation mode: a pass in training mode would move statistics and draw random numbers.
    training = model.training
    try:
        forward_of(model.eval(), inputs)()
    except (RuntimeError, NotImplementedError, TypeError) as problem:
        raise ArchError(error("usage", f"a forward pass with these inputs fails: {one_line(str(problem), 200)}",
                              help="give inputs that the model takes, such as those of a training step")) from None
    finally:
        model.train(training)


def leaves(result: object) -> list[Tensor]:
    """The tensors of a result: of tuples, of dicts, and of those in them."""
    if isinstance(result, Tensor):
        return [result]
    if isinstance(result, dict):
        result = tuple(result.values())
    if isinstance(result, tuple | list):
        return [leaf for item in result for leaf in leaves(item)]
    return []


def place_of(model: nn.Module) -> torch.device:
    """The device of a model: that of its first weight; the CPU where it has none."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


@contextmanager
def unseen(device: torch.device) -> Iterator[None]:
    """Leave the random numbers of the program as they are."""
    devices = []
    if device.type == "cuda":
        devices = [device]
    with torch.random.fork_rng(devices), torch.enable_grad():
        yield


def shapes_of(inputs: Sequence[Any]) -> list[str]:
    """The shapes and kinds of numbers of inputs."""
    return [f"{list(x.shape)} {x.dtype}" for x in inputs if isinstance(x, Tensor)]
