"""Networks of points, of vector codes and of two sequences, each a short module of torch's layers."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class Turned(nn.Module):
    """Qi et al. 2017, appendix C: a matrix that is worked out from all points, and turns them."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.points = nn.Sequential(*(layer for a, b in ((size, 64), (64, 128), (128, 1024)) for layer in points(a, b)))
        self.dense = nn.Sequential(*dense(1024, 512), *dense(512, 256), nn.Linear(256, size * size))
        self.register_buffer("start", torch.eye(size))

    def forward(self, x: Tensor) -> Tensor:
        """[batch, size, N] to the same."""
        matrix = self.dense(self.points(x).amax(2)).reshape(-1, self.size, self.size) + self.start
        return torch.bmm(x.transpose(1, 2), matrix).transpose(1, 2)


def points(entering: int, leaving: int) -> list[nn.Module]:
    """The same layer for every point."""
    return [nn.Conv1d(entering, leaving, 1, bias=False), nn.BatchNorm1d(leaving), nn.ReLU()]


def dense(entering: int, leaving: int) -> list[nn.Module]:
    """A dense layer behind the largest of all points."""
    return [nn.Linear(entering, leaving, bias=False), nn.BatchNorm1d(leaving), nn.ReLU()]


class PointNet(nn.Module):
    """Qi et al. 2017, figure 2."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        sizes = (3, 64, 64, 64, 128, 1024)
        self.turned = Turned(3)
        self.points = nn.Sequential(*(layer for a, b in pairwise(sizes) for layer in points(a, b)))
        self.dense = nn.Sequential(*dense(1024, 512), *dense(512, 256), nn.Dropout(0.3), nn.Linear(256, classes))

    def forward(self, x: Tensor) -> Tensor:
        """[batch, 3, N] to [batch, classes]."""
        scores: Tensor = self.dense(self.points(self.turned(x)).amax(2))
        return scores


class Refined(nn.Module):
    """ReLU, 3x3, ReLU, 1x1, beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(channels, channels, 3, padding=1), nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to the same."""
        return x + self.narrow(self.wide(x.relu()).relu())


class VQVAE(nn.Module):
    """Van den Oord et al. 2017, figure 1 and section 4.1."""

    def __init__(self, width: int, codes: int, size: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.rand(codes, size))
        self.encoder = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1), nn.ReLU(), nn.Conv2d(width, width, 4, 2, 1), nn.ReLU(),
            Refined(width), Refined(width), nn.Conv2d(width, size, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(size, width, 3, padding=1), Refined(width), Refined(width),
            nn.ConvTranspose2d(width, width, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(width, 3, 4, 2, 1),
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """[batch, 3, H, W] to the image again, the codes found, and what was encoded."""
        encoded = self.encoder(x)
        places = encoded.flatten(2).transpose(1, 2)
        nearest = torch.cdist(places, self.table.expand(len(x), -1, -1)).argmin(2)
        found = self.table[nearest]
        passed = places + (found - places).detach()
        image = self.decoder(passed.transpose(1, 2).reshape(encoded.shape))
        return {"output": image, "codes_found": found, "places": places}


class Heads(nn.Module):
    """Attention in heads (Vaswani et al. 2017, section 3.2): queries of one sequence, keys and values of another.

    Without `bias` scores are not scaled either, as in T5.
    """

    def __init__(self, features: int, heads: int, own: bool, bias: bool = True) -> None:
        super().__init__()
        self.heads, self.own = heads, own
        self.ask = nn.Linear(features, 3 * features if own else features, bias)
        if not own:
            self.tell = nn.Linear(features, 2 * features, bias)
        self.out = nn.Linear(features, features, bias)
        self.scale = (features // heads) ** -0.5 if bias else 1.0

    def forward(self, x: Tensor, memory: Tensor, causal: bool, near: Tensor | None = None) -> Tensor:
        """[batch, T, F] and [batch, S, F] to [batch, T, F]; `near` is added to the scores."""
        rows = self.ask(x)
        parts = rows.chunk(3, 2) if self.own else (rows, *self.tell(memory).chunk(2, 2))
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        scores = q @ k.transpose(2, 3) * self.scale
        if near is not None:
            scores = scores + near
        if causal:
            later = torch.ones(scores.shape[2:], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(later, -torch.inf)
        mixed: Tensor = self.out((scores.softmax(3) @ v).transpose(1, 2).flatten(2))
        return mixed


class Layer(nn.Module):
    """A layer of the encoder, or with `sees` of the decoder; every norm stands behind its sum."""

    def __init__(self, features: int, heads: int, hidden: int, sees: bool) -> None:
        super().__init__()
        self.sees = sees
        self.attention, self.norm_1 = Heads(features, heads, True), nn.LayerNorm(features)
        if sees:
            self.cross, self.norm_2 = Heads(features, heads, False), nn.LayerNorm(features)
        self.wide, self.narrow = nn.Linear(features, hidden), nn.Linear(hidden, features)
        self.norm_3 = nn.LayerNorm(features)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """[batch, T, F] to the same."""
        x = self.norm_1(x + self.attention(x, x, self.sees))
        if self.sees:
            x = self.norm_2(x + self.cross(x, memory, False))
        made: Tensor = self.norm_3(x + self.narrow(self.wide(x).relu()))
        return made


class Transformer(nn.Module):
    """Vaswani et al. 2017, figure 1; both sequences and the scores share one table."""

    def __init__(self, tokens: int, features: int, hidden: int, depth: int, heads: int) -> None:
        super().__init__()
        self.table = nn.Embedding(tokens, features)
        self.encoder = nn.ModuleList(Layer(features, heads, hidden, False) for _ in range(depth))
        self.decoder = nn.ModuleList(Layer(features, heads, hidden, True) for _ in range(depth))

    def read(self, tokens: Tensor) -> Tensor:
        """The vectors of tokens, scaled, with sines and cosines of their positions (section 3.5)."""
        x = self.table(tokens) * self.table.embedding_dim ** 0.5
        place = torch.arange(x.shape[1], dtype=x.dtype)[:, None]
        angle = place / 10000 ** (torch.arange(0, x.shape[2], 2, dtype=x.dtype) / x.shape[2])
        made: Tensor = x + torch.stack([angle.sin(), angle.cos()], 2).flatten(1)
        return made

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """[batch, S] and [batch, T] to scores [batch, T, tokens]."""
        memory, told = self.read(source), self.read(target)
        for layer in self.encoder:
            memory = layer(memory, memory)
        for layer in self.decoder:
            told = layer(told, memory)
        return functional.linear(told, self.table.weight)


class Near(nn.Module):
    """A number for each bucket of distances (Raffel et al. 2020, section 2.1), as the published program has them."""

    def __init__(self, heads: int, causal: bool) -> None:
        super().__init__()
        self.causal, self.table = causal, nn.Embedding(32, heads)

    def forward(self, length: int) -> Tensor:
        """[heads, length, length]."""
        rows = [[self.bucket(key - query) for key in range(length)] for query in range(length)]
        made: Tensor = self.table(torch.tensor(rows)).permute(2, 0, 1)
        return made

    def bucket(self, ahead: int) -> int:
        """Half of the buckets are for what lies ahead, where that is seen; half of those for one distance each."""
        count, start = (32, 0) if self.causal else (16, 16 * (ahead > 0))
        far = max(-ahead, 0) if self.causal else abs(ahead)
        exact = count // 2
        if far < exact:
            return start + far
        return start + min(count - 1, exact + int(math.log(far / exact) / math.log(128 / exact) * (count - exact)))


class T5Layer(nn.Module):
    """A layer of T5, each part normed first; with `sees` it is the decoder's."""

    def __init__(self, features: int, heads: int, hidden: int, sees: bool) -> None:
        super().__init__()
        self.sees = sees
        self.norm_1, self.attention = nn.RMSNorm(features, 1e-6), Heads(features, heads, True, False)
        if sees:
            self.norm_2, self.cross = nn.RMSNorm(features, 1e-6), Heads(features, heads, False, False)
        self.norm_3 = nn.RMSNorm(features, 1e-6)
        self.wide, self.narrow = nn.Linear(features, hidden, bias=False), nn.Linear(hidden, features, bias=False)

    def forward(self, x: Tensor, memory: Tensor, near: Tensor) -> Tensor:
        """[batch, T, F] to the same."""
        x = x + self.attention(self.norm_1(x), x, self.sees, near)
        if self.sees:
            x = x + self.cross(self.norm_2(x), memory, False)
        made: Tensor = x + self.narrow(self.wide(self.norm_3(x)).relu())
        return made


class T5(nn.Module):
    """Raffel et al. 2020, with one table for both sequences and the scores."""

    def __init__(self, tokens: int, features: int, hidden: int, depth: int, heads: int) -> None:
        super().__init__()
        self.table, self.near = nn.Embedding(tokens, features), Near(heads, False)
        self.encoder = nn.ModuleList(T5Layer(features, heads, hidden, False) for _ in range(depth))
        self.read, self.behind = nn.RMSNorm(features, 1e-6), Near(heads, True)
        self.decoder = nn.ModuleList(T5Layer(features, heads, hidden, True) for _ in range(depth))
        self.last = nn.RMSNorm(features, 1e-6)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """[batch, S] and [batch, T] to scores [batch, T, tokens]."""
        memory, told = self.table(source), self.table(target)
        near, behind = self.near(source.shape[1]), self.behind(target.shape[1])
        for layer in self.encoder:
            memory = layer(memory, memory, near)
        memory = self.read(memory)
        for layer in self.decoder:
            told = layer(told, memory, behind)
        return functional.linear(self.last(told) * told.shape[2] ** -0.5, self.table.weight)
