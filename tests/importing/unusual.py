"""Networks that lay their tensors out in unusual ways: windows beside samples, masks, sums by letters, statistics."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Made = tuple[nn.Module, tuple[Tensor, ...]]


class Causal(nn.Module):
    """Attention that sees no later position: a triangle of a buffer, and minus infinity."""

    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.register_buffer("seen", torch.tril(torch.ones(5, 5)).view(1, 1, 5, 5))

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.shape
        q, k, v = (part.view(b, t, 2, 4).transpose(1, 2) for part in self.qkv(x).split(c, dim=2))
        scores = (q @ k.transpose(-2, -1)) * 0.5
        scores = scores.masked_fill(self.seen[:, :, :t, :t] == 0, float("-inf"))
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).contiguous().view(b, t, c))


class Later(nn.Module):
    """The same by torch's own product."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        q = self.dense(x).unflatten(-1, (2, 4)).transpose(1, 2)
        return F.scaled_dot_product_attention(q, q, q, is_causal=True).transpose(1, 2).flatten(2)


class Windows(nn.Module):
    """Windows that are laid beside the samples, rolled before and after."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.norm = nn.Linear(8, 8), nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        x = x.permute(0, 2, 3, 1)
        y = torch.roll(x, (-1, -1), (1, 2)).view(b, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)
        y = self.norm(self.dense(y))
        y = (y @ y.transpose(1, 2)).softmax(-1) @ y
        y = y.view(b, h // 2, w // 2, 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        return (x + torch.roll(y, (1, 1), (1, 2))).mean((1, 2))


class HeadsFirst(nn.Module):
    """Queries, keys and values before the batch; channels attend to channels."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)
        self.temperature = nn.Parameter(torch.ones(2, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, 2, c // 2).permute(2, 0, 3, 4, 1).unbind(0)
        scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * self.temperature
        return (scores.softmax(-1) @ v).permute(0, 3, 1, 2).reshape(b, n, c)


class Letters(nn.Module):
    """Sums that letters name."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 6))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("bnd,de->bne", x, self.weight) + torch.einsum("b n d, b m d -> b n m", x, x)[..., :1]


class Statistics(nn.Module):
    """Means, variances and extremes along axes, a map mirrored, and a mask of the code's own."""

    def forward(self, x: Tensor) -> Tensor:
        y = (x - x.mean((1, 2, 3), keepdim=True)) / (x.std((2, 3), keepdim=True) + 1)
        y = y + x.var(1, keepdim=True, unbiased=False) + x.max(dim=1, keepdim=True)[0] + x.flip(-1)
        return y + torch.where(torch.ones(4, 4).tril() > 0, x, 0.3) + torch.linalg.vector_norm(x, dim=1, keepdim=True)


class Written(nn.Module):
    """A mask that code writes cell by cell, through views of it."""

    def forward(self, x: Tensor) -> Tensor:
        mask = x.new_zeros(4, 4)
        for at in range(3):
            mask[at, at:] = at + 1
        return x * mask + mask.eq(2).float()


class Positions(nn.Module):
    """Learned vectors for words, and for their places."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places, self.out = nn.Embedding(20, 8), nn.Embedding(6, 8), nn.Linear(8, 20)

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(self.words(ids) + self.places(torch.arange(ids.shape[1])))


def _of(module: Callable[[], nn.Module], *size: int) -> Callable[[], Made]:
    return lambda: (module(), (torch.randn(2, *size),))


MODELS: dict[str, Callable[[], Made]] = {
    "causal": _of(Causal, 5, 8),
    "later": _of(Later, 5, 8),
    "windows": _of(Windows, 8, 4, 4),
    "heads_first": _of(HeadsFirst, 5, 8),
    "letters": _of(Letters, 5, 4),
    "statistics": _of(Statistics, 3, 4, 4),
    "written": _of(Written, 3, 4, 4),
    "positions": lambda: (Positions(), (torch.randint(0, 20, (2, 6)),)),
}
"""The networks by name; each gives a new one with inputs."""
