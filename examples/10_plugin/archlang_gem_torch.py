"""The torch side, in a file of its own: checking, counting and drawing a network must not import torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GeM(nn.Module):
    """x [batch, channels, height, width] -> (mean of max(x, 1e-6)^p)^(1/p) [batch, channels]."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.tensor(float(p)))

    def forward(self, x: Tensor) -> Tensor:
        """The generalised mean over all places."""
        return x.clamp(min=1e-6).pow(self.p).mean(dim=(2, 3)).pow(1 / self.p)
