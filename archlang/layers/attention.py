"""Attention over positions and over channels, and the embeddings that sequences start with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from archlang.layers.precision import wide_dtype


class Attention(nn.Module):
    """Multi-head self-attention over positions (Vaswani et al. 2017, eq. 1 and section 3.2.2).

    `softmax(Q K' / sqrt(F / heads)) V` in each head, a linear layer before the heads and one after.

    Args:
        features: F, the features of a position, in and out.
        heads: divides F.
        bias: whether both linear layers have one.
        dropout: the probability of dropping an attention weight, in training.
        causal: whether a position attends to itself and earlier ones alone.
    """

    def __init__(
        self, features: int, heads: int, bias: bool = True, dropout: float = 0.0, causal: bool = False
    ) -> None:
        super().__init__()
        self.heads, self.dropout, self.causal = heads, dropout, causal
        self.project = nn.Linear(features, 3 * features, bias)
        self.combine = nn.Linear(features, features, bias)

    def forward(self, x: Tensor) -> Tensor:
        """Attend: [batch, P, F] to the same."""
        # One product for all three, [batch, P, 3, heads, F / heads], taken apart along the 3.
        heads = self.project(x).reshape(*x.shape[:2], 3, self.heads, x.shape[2] // self.heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)

        # The function drops weights whatever the mode, so that the mode is asked here.
        dropout = 0.0
        if self.training:
            dropout = self.dropout
        attended = functional.scaled_dot_product_attention(
            query, key, value, dropout_p=dropout, is_causal=self.causal
        )
        result: Tensor = self.combine(attended.transpose(1, 2).flatten(2))
        return result

    def extra_repr(self) -> str:
        """The settings that no submodule shows."""
        return f"heads={self.heads}, dropout={self.dropout}, causal={self.causal}"


class SqueezeExcite(nn.Module):
    """Each channel times a gate computed from the means of all channels (Hu et al. 2018, eq. 2-4).

    `x sigmoid(W2 relu(W1 mean(x)))`, the mean and the gate in float32 at least.

    Args:
        channels: C.
        hidden: the width between both linear layers.
        bias: whether they have one.
    """

    def __init__(self, channels: int, hidden: int, bias: bool = False) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, hidden, bias)
        self.excite = nn.Linear(hidden, channels, bias)

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of [batch, C, ...]."""
        # In half precision a mean over a large map overflows or stops growing.
        wide = wide_dtype(x.dtype)
        means = x.mean(tuple(range(2, x.dim())), dtype=wide).to(self.squeeze.weight.dtype)
        scores = self.excite(self.squeeze(means).relu())

        gate = torch.sigmoid(scores.to(wide)).to(x.dtype)
        return x * gate.view(*gate.shape, *(1,) * (x.dim() - 2))


class PositionEmbedding(nn.Module):
    """A learned number added to each number of a sample.

    Args:
        sizes: those of a sample.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sizes))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw from a normal with deviation 0.02, cut at two deviations."""
        nn.init.trunc_normal_(self.weight, std=0.02, a=-0.04, b=0.04)

    def forward(self, x: Tensor) -> Tensor:
        """Add it to [batch, *sizes]."""
        return x + self.weight


class ClassToken(nn.Module):
    """A learned position before a sequence (Dosovitskiy et al. 2021).

    Args:
        features: those of a position.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw from a normal with deviation 0.02, cut at two deviations."""
        nn.init.trunc_normal_(self.weight, std=0.02, a=-0.04, b=0.04)

    def forward(self, x: Tensor) -> Tensor:
        """Put it first: [batch, P, F] to [batch, P + 1, F]."""
        token = self.weight.to(x.dtype).expand(x.shape[0], 1, -1)
        return torch.cat([token, x], 1)
