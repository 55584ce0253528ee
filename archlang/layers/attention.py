"""Attention over positions and over channels, and what comes with sequences."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head self-attention over positions (Vaswani et al. 2017, eq. 1 and section 3.2.2).

    [batch, P, F] to the same; `softmax(Q K' / sqrt(F / heads)) V` in each head, a dense map before and one after.
    """

    def __init__(
        self, features: int, heads: int, bias: bool = True, dropout: float = 0.0, causal: bool = False
    ) -> None:
        super().__init__()
        self.heads, self.dropout, self.causal = heads, dropout, causal
        self.project = nn.Linear(features, 3 * features, bias)
        self.combine = nn.Linear(features, features, bias)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, P, F] to the same."""
        split = self.project(x).reshape(*x.shape[:2], 3, self.heads, x.shape[2] // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        dropout = self.dropout if self.training else 0.0
        made = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=self.causal)
        result: Tensor = self.combine(made.transpose(1, 2).flatten(2))
        return result

    def extra_repr(self) -> str:
        """Its settings."""
        return f"heads={self.heads}, dropout={self.dropout}, causal={self.causal}"


class SqueezeExcite(nn.Module):
    """Each channel times a gate that depends on the means of all channels (Hu et al. 2018, eq. 2-4).

    [batch, C, ...] to the same: `x sigmoid(W2 relu(W1 mean(x)))`, the mean and the gate in float32.
    """

    def __init__(self, channels: int, hidden: int, bias: bool = False) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, hidden, bias)
        self.excite = nn.Linear(hidden, channels, bias)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, ...] to the same."""
        means = x.mean(tuple(range(2, x.dim())), dtype=_wide(x.dtype)).to(self.squeeze.weight.dtype)
        scores = self.excite(self.squeeze(means).relu())
        gate = torch.sigmoid(scores.to(_wide(x.dtype))).to(x.dtype)
        return x * gate.view(*gate.shape, *(1,) * (x.dim() - 2))


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


class PositionEmbedding(nn.Module):
    """A learned number added to each number of a sample; [batch, *sizes] to the same."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sizes))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal with deviation 0.02, cut at two deviations."""
        nn.init.trunc_normal_(self.weight, std=0.02, a=-0.04, b=0.04)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, *sizes] to the same."""
        return x + self.weight


class ClassToken(nn.Module):
    """A learned position before a sequence; [batch, P, F] to [batch, P + 1, F] (Dosovitskiy et al. 2021)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal with deviation 0.02, cut at two deviations."""
        nn.init.trunc_normal_(self.weight, std=0.02, a=-0.04, b=0.04)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, P, F] to [batch, P + 1, F]."""
        token = self.weight.to(x.dtype).expand(x.shape[0], 1, -1)
        return torch.cat([token, x], 1)
