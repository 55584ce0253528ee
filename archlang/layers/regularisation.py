"""Stochastic depth."""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
