"""Layer norm over the channels of a map."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ChannelNorm(nn.Module):
    """The channels of each place with mean 0 and variance 1, then scaled and shifted (Liu et al. 2022, ConvNeXt).

    [batch, C, ...] to the same.
    """

    def __init__(self, channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        self.channels, self.eps = channels, eps
        self.weight = nn.Parameter(torch.empty(channels)) if affine else None
        self.bias = nn.Parameter(torch.empty(channels)) if affine else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale 1, shift 0."""
        if self.weight is not None and self.bias is not None:
            nn.init.ones_(self.weight)
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, ...] to the same."""
        last = x.movedim(1, -1)
        return functional.layer_norm(last, (self.channels,), self.weight, self.bias, self.eps).movedim(-1, 1)

    def extra_repr(self) -> str:
        """Its settings."""
        return f"{self.channels}, eps={self.eps}, affine={self.weight is not None}"
