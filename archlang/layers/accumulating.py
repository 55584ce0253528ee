"""Sums along an axis that forget."""

from __future__ import annotations

import torch
from torch import Tensor

from archlang.layers.spreading import spread

MOST_ROUNDS = 31
"""Rounds for an axis of 2^31 places: no line is longer, whatever limits are raised."""


def decayed_sum(x: Tensor, decay: Tensor, dim: int) -> Tensor:
    """`h_t = d_t h_(t-1) + x_t` along a dimension, from h = 0 on; the decay d is as large as x, or spread over it.

    After n rounds a number holds the sum over 2^n places, so that a line of T takes log2(T) rounds (Hillis and Steele
    1986). The products are those of the recurrence, in another order.

    >>> decayed_sum(torch.ones(1, 4), torch.full((1, 1), 0.5), 1)
    tensor([[1.0000, 1.5000, 1.7500, 1.8750]])
    """
    x, decay = spread(x, decay)
    decay = decay.expand_as(x)
    for power in range(_rounds(x.shape[dim])):
        x = x + decay * _moved(x, dim, 2**power)
        decay = decay * _moved(decay, dim, 2**power)
    return x


def _rounds(length: int | torch.SymInt) -> int:
    # A program that is exported for any length takes as many rounds as the longest axis needs.
    if isinstance(length, torch.SymInt):
        return MOST_ROUNDS
    return max(length - 1, 0).bit_length()


def _moved(x: Tensor, dim: int, steps: int) -> Tensor:
    """The numbers that stand some steps before; zeros where nothing does."""
    length = x.shape[dim]
    # Past the end of a shorter line everything is moved out, and no more zeros are needed than there are places.
    steps = torch.sym_min(steps, length)  # type: ignore[no-untyped-call]  # torch states no types of it
    zeros = torch.zeros_like(x).narrow(dim, 0, steps)
    return torch.cat([zeros, x.narrow(dim, 0, length - steps)], dim)
