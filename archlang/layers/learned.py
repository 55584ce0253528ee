"""Learned numbers: a tensor for all samples alike, and a factor and an offset for each channel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LearnedTensor(nn.Module):
    """A tensor that is the same for every sample.

    Args:
        sizes: those of a sample.
        trained: whether it is a parameter; else a buffer.
        values: its numbers at the start, the last size running fastest; None: drawn.
    """

    value: Tensor

    def __init__(self, sizes: Sequence[int], trained: bool = True, values: Sequence[float] | None = None) -> None:
        super().__init__()
        self.values = values
        value = torch.empty(tuple(sizes))
        if trained:
            self.value = nn.Parameter(value)
        else:
            self.register_buffer("value", value)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Take the given numbers, or draw from a normal with deviation 0.02, cut at two deviations."""
        if self.values is not None:
            with torch.no_grad():
                self.value.copy_(torch.tensor(self.values).reshape(self.value.shape))
            return
        nn.init.trunc_normal_(self.value, std=0.02, a=-0.04, b=0.04)

    def forward(self, x: Tensor) -> Tensor:
        """The tensor [batch, *sizes] for as many samples as `x` has, not copied; nothing else of `x` is read."""
        value = self.value
        if not torch.is_grad_enabled():
            # Torch lets a view of a parameter require a gradient even here, without a function that would give one.
            value = value.detach()
        return value.expand(x.shape[0], *value.shape)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{tuple(self.value.shape)}"


class LearnedAffine(nn.Module):
    """A learned factor and a learned offset for each index of a dimension (Touvron et al. 2021, eq. 4, for factors).

    Args:
        features: the size of the dimension.
        dim: the dimension, the batch being 0.
        scale, shift: whether there are factors, and offsets.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(self, features: int, dim: int = 1, scale: bool = True, shift: bool = True) -> None:
        super().__init__()
        self.features, self.dim = features, dim
        self.weight = self.bias = None
        if scale:
            self.weight = nn.Parameter(torch.empty(features))
        if shift:
            self.bias = nn.Parameter(torch.empty(features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start with factor 1 and offset 0."""
        if self.weight is not None:
            nn.init.ones_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Scale and shift [batch, ...]."""
        behind = (1,) * (x.dim() - 1 - self.dim)
        if self.weight is not None:
            x = x * self.weight.view(-1, *behind)
        if self.bias is not None:
            x = x + self.bias.view(-1, *behind)
        return x

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.features}, dim={self.dim}, scale={self.weight is not None}, shift={self.bias is not None}"
