"""Sums over all processes of a training: what follows the statistics of a batch must follow those of all its parts."""

from __future__ import annotations

import torch
from torch import Tensor, distributed


@torch.no_grad()
def summed(x: Tensor) -> Tensor:
    """The sum of `x` over all processes, of the same shape, without gradients; itself where there is one process.

    Every process must call it equally often, with tensors of one shape and type.

    >>> summed(torch.ones(2))
    tensor([1., 1.])
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return x.detach()
    total = x.detach().clone()
    distributed.all_reduce(total)
    return total


@torch.no_grad()
def of_first(x: Tensor) -> Tensor:
    """What the first process has, on every process; itself where there is one process.

    >>> of_first(torch.ones(2))
    tensor([1., 1.])
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return x.detach()
    return summed(x if distributed.get_rank() == 0 else torch.zeros_like(x))
