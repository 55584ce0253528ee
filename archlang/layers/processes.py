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
    """Take what this process has for the whole batch: inside, sums are over its own rows."""
    _ALONE.append(True)
    try:
        yield
    finally:
        _ALONE.pop()


def is_distributed() -> bool:
    """Tell whether the batch is spread over several processes here and now.

    >>> is_distributed()
    False
    """
    is_joined = distributed.is_available() and distributed.is_initialized()
    return is_joined and not _ALONE and distributed.get_world_size() > 1


@torch.no_grad()
def all_reduce(x: Tensor) -> Tensor:
    """The sum over all processes, of the same shape, without gradients; the tensor itself in one process.

    Every process must call it equally often, with tensors of one shape and type.

    >>> all_reduce(torch.ones(2))
    tensor([1., 1.])
    """
    if not is_distributed():
        return x.detach()

    total = x.detach().clone()
    distributed.all_reduce(total)
    return total


def all_reduce_with_gradients(x: Tensor) -> Tensor:
    """The same with gradients: each process gets those that all processes have for the sum, added up.

    >>> all_reduce_with_gradients(torch.ones(2, requires_grad=True)).requires_grad
    True
    """
    if not is_distributed():
        return x
    total: Tensor = _AllReduce.apply(x)  # type: ignore[no-untyped-call]  # torch's own lacks it
    return total


def total_over_processes(x: Tensor) -> Tensor:
    """The same where every process has the same batch (`alone`), and each a part of the result."""
    total: Tensor = _AllReduce.apply(x)  # type: ignore[no-untyped-call]  # torch's own lacks it
    return total


@torch.no_grad()
def broadcast(x: Tensor) -> Tensor:
    """The first process's tensor, on every process; the tensor itself in one process.

    >>> broadcast(torch.ones(2))
    tensor([1., 1.])
    """
    if not is_distributed():
        return x.detach()
    # A sum to which the others add zeros: one collective for all that this file does.
    if distributed.get_rank() != 0:
        x = torch.zeros_like(x)
    return all_reduce(x)


@torch.no_grad()
def before_here(x: Tensor) -> tuple[Tensor, Tensor]:
    """The sum over the processes before this one, and that over all; of the shape of x, without gradients.

    >>> before_here(torch.ones(2))
    (tensor([0., 0.]), tensor([1., 1.]))
    """
    if not is_distributed():
        return torch.zeros_like(x), x.detach()

    parts = [torch.empty_like(x) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, x.detach().contiguous())
    every = torch.stack(parts)
    return every[: distributed.get_rank()].sum(0), every.sum(0)


@torch.no_grad()
def mean(x: Tensor) -> Tensor:
    """The mean over the rows of all processes, [rows, ...] to [...], without gradients.

    >>> mean(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([2., 3.])
    """
    if not is_distributed():
        return x.detach().mean(0)

    # Processes may hold different numbers of rows, so that a mean of means would be another one.
    count = all_reduce(torch.tensor(float(len(x)), device=x.device))
    return all_reduce(x.sum(0)) / count


class _AllReduce(torch.autograd.Function):
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
