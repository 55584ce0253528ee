"""Sums along an axis that forget."""

from __future__ import annotations

import torch
from torch import Tensor

from archlang.layers.spreading import spread


def decayed_sum(x: Tensor, decay: Tensor, dim: int) -> Tensor:
    """`h_t = d_t h_(t-1) + x_t` along a dimension, from h = 0 on; the decay d is as large as x, or spread over it.

    After n rounds a number holds the sum over 2^n places, so that a line of T takes log2(T) rounds (Hillis and Steele
    1986). The products are those of the recurrence, in another order.

    >>> decayed_sum(torch.ones(1, 4), torch.full((1, 1), 0.5), 1)
    tensor([[1.0000, 1.5000, 1.7500, 1.8750]])
    """
    x, decay = spread(x, decay)
    decay = decay.expand_as(x)
    step, length = 1, x.shape[dim]

    while step < length:
        # What stands `step` places before; nothing stands before the first ones.
        kept = decay.narrow(dim, step, length - step)
        grown = x.narrow(dim, step, length - step) + kept * x.narrow(dim, 0, length - step)
        further = kept * decay.narrow(dim, 0, length - step)
        x = torch.cat([x.narrow(dim, 0, step), grown], dim)
        decay = torch.cat([decay.narrow(dim, 0, step), further], dim)
        step *= 2
    return x
