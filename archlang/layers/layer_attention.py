"""Attention over layers (Bird 2022): layers in, one tensor and the attention out, [batch, layers].

A layer is [batch, F] or a map [batch, C, ...]; maps are worked on place by place, C being their features. Attention is
kept in float32 (or float64), under autocast too. Where it belongs to the network and not to the input it is the same
for every sample, and carries no gradient where it is a share of a norm.
"""

from __future__ import annotations

import math
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional

from archlang.layers.precision import device_type, wide_dtype

Attended = tuple[Tensor, Tensor]
"""The result, and the attention [batch, layers]."""


def features_last(x: Tensor) -> Tensor:
    """[batch, C, rows, columns] to [batch, rows, columns, C]; vectors and sequences as they are."""
    if x.dim() > 3:
        return x.movedim(1, -1)
    return x


def features_first(x: Tensor) -> Tensor:
    """Undo `features_last`."""
    if x.dim() > 3:
        return x.movedim(-1, 1)
    return x


class Contraction(nn.Linear):
    """A linear layer over all layers end to end: `y = W [x_1, ..., x_L] + b`, at every place of a map.

    Args:
        sizes: the features of each layer.
        features: those of the result.
    """

    def __init__(self, sizes: tuple[int, ...], features: int) -> None:
        # May stand before torch's constructor: only modules and parameters need what that sets up.
        self.sizes = tuple(sizes)
        super().__init__(sum(sizes), features)

    def shares(self) -> Tensor:
        """The norm of each layer's block of W over the sum of those norms, [layers]."""
        with torch.no_grad():
            blocks = torch.split(self.weight.to(wide_dtype(self.weight.dtype)), list(self.sizes), 1)
            # Row by row first: over a whole block at once, which is strided, torch takes three times as long.
            rows = [torch.linalg.vector_norm(block, dim=1) for block in blocks]
            # Blocks of zeros alone have equal shares.
            norms: Tensor = torch.linalg.vector_norm(torch.stack(rows), dim=1) + 1e-12
            return norms / norms.sum()


def for_each_sample(shares: Tensor, x: Tensor) -> Tensor:
    """The same attention for each sample of a batch: [layers] to [batch, layers]."""
    return shares.expand(x.shape[0], -1)


class InnateStatic(nn.Module):
    """Concatenation and one many-to-few linear layer (Bird 2022, figure 5).

    Args:
        sizes: the features F_l of each layer.
        features: those of the result.
        bypass: whether it is the bypass of section 2: two inputs x and f(x), weights starting at [I / 2, I / 2].

    >>> y, attention = InnateStatic((4, 6), 5)(torch.ones(2, 4), torch.ones(2, 6))
    >>> y.shape, attention.shape
    (torch.Size([2, 5]), torch.Size([2, 2]))
    """

    def __init__(self, sizes: tuple[int, ...], features: int, bypass: bool = False) -> None:
        super().__init__()
        self.bypass = bypass
        self.contract = Contraction(sizes, features)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as torch starts a `Linear`; a bypass as the mix of x and f(x) with beta at a half."""
        self.contract.reset_parameters()
        if not self.bypass:
            return
        with torch.no_grad():
            # One identity a layer, cut or filled with zeros where widths differ.
            eyes = [torch.eye(self.contract.out_features, size) for size in self.contract.sizes]
            self.contract.weight.copy_(torch.cat(eyes, 1) / 2)
            self.contract.bias.zero_()

    def forward(self, *layers: Tensor) -> Attended:
        """L tensors [batch, F_l, ...] to [batch, features, ...] and [batch, L]."""
        y = self.contract(torch.cat([features_last(x) for x in layers], -1))
        return features_first(y), for_each_sample(self.contract.shares(), y)


class StaticVector(nn.Module):
    """A trainable vector, positive and summing to 1, scales each layer before concatenation and contraction.

    `y = W [a_1 x_1, ..., a_L x_L] + b`, a = softmax(logits), all equal at the start (Bird 2022, section 3).

    Args:
        sizes: the features F_l of each layer.
        features: those of the result.
    """

    def __init__(self, sizes: tuple[int, ...], features: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.empty(len(sizes)))
        self.contract = Contraction(sizes, features)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start with equal attention, and the contraction as torch starts a `Linear`."""
        nn.init.zeros_(self.logits)
        self.contract.reset_parameters()

    def forward(self, *layers: Tensor) -> Attended:
        """L tensors [batch, F_l, ...] to [batch, features, ...] and [batch, L]."""
        weights = self.logits.to(wide_dtype(self.logits.dtype)).softmax(0)
        scaled = [features_last(x) * a.to(x.dtype) for x, a in zip(layers, weights.unbind(), strict=True)]
        y = self.contract(torch.cat(scaled, -1))
        return features_first(y), for_each_sample(weights, y)


class SelfAttention(nn.Module):
    """Keys, queries and values over the layers: `softmax(Q K' / sqrt(d)) V` in each head, the results end to end, then
    a contraction (Bird 2022, section 3; Vaswani et al. 2017, eq. 1).

    Queries and keys of a map see the mean over its places, so that a sample has one attention. The attention handed
    out is the mean over heads and queries: how much is taken of each layer in all.

    Args:
        layers: L.
        size: F, the features of a layer.
        heads: divides F.
        features: those of the result; F if None.
    """

    def __init__(self, layers: int, size: int, heads: int = 1, features: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(size, 3 * size)
        if features is None:
            features = size

        # Of each layer one attended result is left, so that L of them are contracted.
        self.contract = Contraction((size,) * layers, features)

    def pairs(self, stacked: Tensor) -> Tensor:
        """[batch, L, ..., F] to the attention of each layer to each, [batch, heads, L, L], in float32 at least."""
        size = stacked.shape[-1]
        with torch.autocast(device_type(stacked), enabled=False):
            means = stacked.to(wide_dtype(stacked.dtype))
            if means.dim() > 3:
                means = means.flatten(2, -2).mean(2)

            # The first two thirds of the projection make queries and keys, the last values.
            weight, bias = (p[: 2 * size].to(means.dtype) for p in (self.project.weight, self.project.bias))
            projected = functional.linear(means, weight, bias)
            query, key = projected.reshape(*means.shape[:2], 2, self.heads, size // self.heads).unbind(2)
            scores = torch.matmul(query.transpose(1, 2), key.permute(0, 2, 3, 1))
            return (scores / math.sqrt(size // self.heads)).softmax(3)

    def forward(self, *layers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """L tensors [batch, F, ...] to [batch, features, ...], [batch, L] and [batch, heads, L, L]."""
        stacked = torch.stack([features_last(x) for x in layers], 1)
        size = stacked.shape[-1]
        pairs = self.pairs(stacked)
        values = functional.linear(stacked, self.project.weight[2 * size :], self.project.bias[2 * size :])
        y = self.contract(self._weighted(pairs.to(values.dtype), values))
        return features_first(y), pairs.mean((1, 2)), pairs

    def _weighted(self, pairs: Tensor, values: Tensor) -> Tensor:
        """[batch, heads, L, L] and [batch, L, ..., F] to the layers' sums end to end, [batch, ..., L F]."""
        batch, layers, *places, size = values.shape
        width = size // self.heads
        split = values.reshape(batch, layers, -1, self.heads, width).permute(0, 3, 1, 2, 4)
        sums = torch.matmul(pairs, split.flatten(3)).reshape(batch, self.heads, layers, -1, width)
        return sums.permute(0, 3, 2, 1, 4).reshape(batch, *places, layers * size)

    def extra_repr(self) -> str:
        """The number of heads."""
        return f"heads={self.heads}"


class RecurrentAttention(nn.Module):
    """An LSTM reads the layers from the lowest to the highest; all its states end to end, then a contraction.

    Bird 2022, section 3: a recurrent network after the concatenation attends to its inputs.

    Args:
        layers: L.
        size: the features F of a layer.
        hidden: those of a state and of the result.
    """

    def __init__(self, layers: int, size: int, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(size, hidden, batch_first=True)
        self.contract = Contraction((hidden,) * layers, hidden)

    def forward(self, *layers: Tensor) -> Attended:
        """L tensors [batch, F, ...] to [batch, hidden, ...] and [batch, L]."""
        stacked = torch.stack([features_last(x) for x in layers], -2)
        # Every place of a map is a sequence of its own: [batch * places, L, F].
        states, _ = self.lstm(stacked.reshape(-1, *stacked.shape[-2:]))
        y = self.contract(states.reshape(*stacked.shape[:-2], -1))
        return features_first(y), for_each_sample(self.contract.shares(), y)


class EqualAttention(nn.Module):
    """The mean of the layers, for comparison.

    Args:
        layers: L.

    >>> EqualAttention(2)(torch.zeros(1, 1), torch.ones(1, 1))
    (tensor([[0.5000]]), tensor([[0.5000, 0.5000]]))
    """

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, *layers: Tensor) -> Attended:
        """L equal tensors to their mean and [batch, L]."""
        # Partial sums, of which the last is the sum of all; `sum` would begin by adding 0.
        *_, total = accumulate(layers)
        shares = total.new_full((self.layers,), 1 / self.layers, dtype=wide_dtype(total.dtype))
        return total / self.layers, for_each_sample(shares, total)

    def extra_repr(self) -> str:
        """The number of layers."""
        return f"layers={self.layers}"
