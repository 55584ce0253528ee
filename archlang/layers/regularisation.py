"""Draws of training: branches that are left out, numbers that are added."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archlang.layers.spreading import spread


class DropPath(nn.Module):
    """In training, each sample is 0 with probability p, and else divided by 1 - p (Huang et al. 2016, section 3).

    Args:
        p: the probability.
    """

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Drop samples of [batch, ...]."""
        if not self.training or self.p == 0:
            return x
        # Divided by 1 - p = 0, what is dropped would be no number.
        if self.p == 1:
            return x * 0

        kept = torch.rand((x.shape[0], *(1,) * (x.dim() - 1)), device=x.device) >= self.p
        return x * (kept.to(x.dtype) / (1 - self.p))

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class Noise(nn.Module):
    """In training, `x + deviation e` with e from a standard normal distribution; x in evaluation.

    A gradient reaches the deviation: the draw is written as a function of it (Kingma and Welling 2014, section 2.4).

    Args:
        std: the deviation of all numbers, where `forward` is given none.
    """

    def __init__(self, std: float = 1.0) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor, deviation: Tensor | None = None) -> Tensor:
        """Move each number of [batch, ...]; a deviation of fewer numbers is spread over it."""
        if not self.training:
            return x

        drawn = torch.randn_like(x)
        if deviation is None:
            return x + self.std * drawn
        return x + spread(deviation, x)[0] * drawn

    def extra_repr(self) -> str:
        """The deviation."""
        return f"std={self.std}"
