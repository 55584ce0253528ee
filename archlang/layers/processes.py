"""Sums over all processes of a training: what follows the statistics of a batch must follow those of all its parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed

_ALONE: list[bool] = []


@contextmanager
def alone() -> Iterator[None]:
    """Within this, what a process has is the whole batch already: sums are over its own rows."""
    _ALONE.append(True)
    try:
        yield
    finally:
        _ALONE.pop()


def several() -> bool:
    """Whether the batch is spread over several processes here and now.

    >>> several()
    False
    """
    is_joined = distributed.is_available() and distributed.is_initialized()
    return is_joined and not _ALONE and distributed.get_world_size() > 1


@torch.no_grad()
def summed(x: Tensor) -> Tensor:
    """The sum of `x` over all processes, of the same shape, without gradients; itself where there is one process.

    Every process must call it equally often, with tensors of one shape and type.

    >>> summed(torch.ones(2))
    tensor([1., 1.])
    """
    if not several():
        return x.detach()
    total = x.detach().clone()
    distributed.all_reduce(total)
    return total


def added(x: Tensor) -> Tensor:
    """The same with gradients: each process gets those that all processes have for the sum, added up.

    >>> added(torch.ones(2, requires_grad=True)).requires_grad
    True
    """
    if not several():
        return x
    made: Tensor = _Added.apply(x)  # type: ignore[no-untyped-call]  # torch's own lacks it
    return made


@torch.no_grad()
def of_first(x: Tensor) -> Tensor:
    """What the first process has, on every process; itself where there is one process.

    >>> of_first(torch.ones(2))
    tensor([1., 1.])
    """
    if not several():
        return x.detach()
    return summed(x if distributed.get_rank() == 0 else torch.zeros_like(x))


@torch.no_grad()
def mean(x: Tensor) -> Tensor:
    """The mean over the rows of all processes, [rows, ...] to [...], without gradients.

    >>> mean(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([2., 3.])
    """
    if not several():
        return x.detach().mean(0)
    count = summed(torch.tensor(float(len(x)), device=x.device))
    return summed(x.sum(0)) / count


class _Added(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, x: Tensor) -> Tensor:
        total = x.detach().clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total
