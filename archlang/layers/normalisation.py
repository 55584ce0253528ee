"""Layer norm and root-mean-square norm over the channels of a map."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each place, then a per-channel affine (Liu et al. 2022, ConvNeXt).

    Args:
        channels: C.
        eps: added to the variance.
        affine: whether a scale and a shift are learned.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(self, channels: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        self.channels, self.eps = channels, eps
        self.weight = self.bias = None
        if affine:
            self.weight = nn.Parameter(torch.empty(channels))
            self.bias = nn.Parameter(torch.empty(channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start with scale 1 and shift 0."""
        if self.weight is not None and self.bias is not None:
            nn.init.ones_(self.weight)
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [batch, C, ...]."""
        # Torch normalises trailing axes alone, so that the channels go last and come back.
        last = x.movedim(1, -1)
        normal = functional.layer_norm(last, (self.channels,), self.weight, self.bias, self.eps)
        return normal.movedim(-1, 1)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.channels}, eps={self.eps}, affine={self.weight is not None}"


class ChannelRMSNorm(nn.Module):
    """Root-mean-square norm over the channels of each place, then a scale a channel (Zhang and Sennrich 2019).

    Args:
        channels: C.
        eps: added to the mean square.
        affine: whether a scale is learned.
    """

    weight: nn.Parameter | None

    def __init__(self, channels: int, eps: float = 1e-6, affine: bool = True) -> None:
        super().__init__()
        self.channels, self.eps = channels, eps
        self.weight = None
        if affine:
            self.weight = nn.Parameter(torch.ones(channels))

    def reset_parameters(self) -> None:
        """Start with scale 1."""
        if self.weight is not None:
            nn.init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [batch, C, ...]."""
        # Torch normalises trailing axes alone, so that the channels go last and come back.
        last = x.movedim(1, -1)
        return functional.rms_norm(last, (self.channels,), self.weight, self.eps).movedim(-1, 1)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.channels}, eps={self.eps}, affine={self.weight is not None}"
