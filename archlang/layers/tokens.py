"""Embeddings of tokens, gated halves, masks out of lengths, and sines of positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from archlang.layers.precision import wide_dtype

INDEX_TYPES = (torch.int32, torch.int64)
"""The kinds of whole numbers that torch looks up; others are converted."""


class Embedding(nn.Embedding):
    """A learned vector for each token; `torch.nn.Embedding` for every kind of whole numbers."""

    def forward(self, input: Tensor, transposed: bool = False) -> Tensor:
        """Look up [batch, ...] to [batch, ..., features].

        With `transposed`, [batch, ..., features] to the products with every vector, [batch, ..., tokens].
        """
        if transposed:
            return functional.linear(input, self.weight)
        if input.dtype not in INDEX_TYPES:
            input = input.long()
        return super().forward(input)


def _itself(x: Tensor) -> Tensor:
    return x


GATES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid, "silu": functional.silu, "gelu": functional.gelu, "relu": torch.relu, "none": _itself,
}
"""The activations of a gate, by name."""


class GLU(nn.Module):
    """The first half along an axis times an activation of the second half (Dauphin et al. 2017, Shazeer 2020).

    Args:
        dim: the axis, the batch being 0.
        activation: a name in `GATES`.
    """

    def __init__(self, dim: int, activation: str = "sigmoid") -> None:
        super().__init__()
        self.dim, self.activation = dim, activation

    def forward(self, x: Tensor) -> Tensor:
        """Gate [batch, ..., 2 n, ...] to [batch, ..., n, ...]."""
        value, gate = x.chunk(2, self.dim)
        return value * GATES[self.activation](gate)

    def extra_repr(self) -> str:
        """The settings."""
        return f"dim={self.dim}, activation={self.activation}"


def length_mask(lengths: Tensor, positions: int) -> Tensor:
    """The positions that a length counts: lengths [batch, 1] to bools [batch, positions].

    >>> length_mask(torch.tensor([[2], [3]]), 3).int().tolist()
    [[1, 1, 0], [1, 1, 1]]
    """
    places = torch.arange(positions, device=lengths.device)
    return places < lengths.long()


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """The mean of [batch, P, F] over the positions where [batch, P] is not 0; zeros where it is 0 everywhere.

    >>> masked_mean(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[1, 1, 0]]))
    tensor([[2.]])
    """
    # Where, and not a product: a position that does not count may hold infinity.
    wide, counted = wide_dtype(x.dtype), (mask != 0).unsqueeze(2)
    total = torch.where(counted, x, 0).sum(1, dtype=wide)
    return (total / counted.sum(1).clamp(min=1)).to(x.dtype)


def sinusoidal_positions(x: Tensor, base: float) -> Tensor:
    """Add sines and cosines of each position to [batch, P, F] (Vaswani et al. 2017, section 3.5)."""
    positions, features = x.shape[1:]
    wide = wide_dtype(x.dtype)
    place = torch.arange(positions, device=x.device, dtype=wide)
    pair = torch.arange(0, features, 2, device=x.device, dtype=wide)

    angle = place[:, None] * base ** (-pair / features)
    waves = torch.stack([angle.sin(), angle.cos()], 2).flatten(1)
    return x + waves.to(x.dtype)
