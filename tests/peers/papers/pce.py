"""Positional convolution experts, equation by equation from the document (PCE, section 4), patch by patch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tests.peers.papers.residual import shortcut

LAMBDAS = (0.4, 0.3, 0.3)
"""Weights of the three components of the threshold (systems.md, section 3)."""


def positions(count: int) -> Tensor:
    """0 to 1 in equal steps; 0 alone where there is one."""
    return torch.tensor([i / (count - 1) if count > 1 else 0.0 for i in range(count)], dtype=torch.float64)


def patches(x: Tensor, size: int) -> tuple[list[Tensor], int, int]:
    """P patches [B, C + 4, N, N] with absolute and relative position (eq. 1), and how many rows and columns.

    The map is padded with zeros right and below where the size does not divide.
    """
    rows, columns = (math.ceil(n / size) for n in x.shape[2:])
    padded = x.new_zeros(*x.shape[:2], rows * size, columns * size)
    padded[:, :, : x.shape[2], : x.shape[3]] = x

    made = []
    for i in range(rows):
        for j in range(columns):
            patch = padded[:, :, i * size : (i + 1) * size, j * size : (j + 1) * size]
            plane = torch.ones_like(patch[:, :1])
            absolute = [plane * positions(columns)[j], plane * positions(rows)[i]]
            relative = [plane * positions(size), plane * positions(size)[:, None]]
            made.append(torch.cat([patch, *absolute, *relative], 1))
    return made, rows, columns


def pyramid(x: Tensor) -> Tensor:
    """Means over grids of 1, 4 and 16 cells, end to end: [B, C, H, W] to [B, 21 C] (He et al. 2014).

    The cells of a grid that does not divide the map overlap, as adaptive pools cut it.
    """
    parts = []
    for cells in (1, 2, 4):
        means = []
        for row in range(cells):
            for column in range(cells):
                rows, columns = (_cell(k, cells, n) for k, n in zip((row, column), x.shape[2:], strict=True))
                means.append(x[:, :, rows, columns].mean((2, 3)))
        parts.append(torch.stack(means, 2).flatten(1))
    return torch.cat(parts, 1)


def _cell(index: int, cells: int, size: int) -> slice:
    return slice(index * size // cells, math.ceil((index + 1) * size / cells))


class Keys(nn.Module):
    """Keys [E, 168], and the mark that k-means has placed them, which nothing here reads."""

    def __init__(self, experts: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(experts, 8 * 21))
        self.register_buffer("started", torch.ones((), dtype=torch.int64))


class Router(nn.Module):
    """Weights of the experts for each patch, [B, E] (eq. 2 to 11), divided by their sum."""

    def __init__(self, channels: int, experts: int, temperature: float, steepness: float = 10.0) -> None:
        super().__init__()
        self.projection = nn.Conv2d(channels, 8, 3, 1, 1)
        self.keys = Keys(experts)
        self.temperature, self.steepness = temperature, steepness

    def forward(self, patch: Tensor) -> Tensor:
        """[B, C + 4, N, N] to [B, E]."""
        e = pyramid(self.projection(patch))
        k = self.keys.rows
        similarity = (e @ k.T) / (e.norm(dim=1, keepdim=True) * k.norm(dim=1))  # eq. 2
        w = torch.softmax(similarity / self.temperature, 1)  # eq. 3

        filtered = w * torch.sigmoid(self.steepness * (w - self.threshold(w)))  # eq. 11
        return filtered / filtered.sum(1, keepdim=True)

    def threshold(self, w: Tensor) -> Tensor:
        """The adaptive threshold of every patch, [B, 1] (eq. 4 to 10)."""
        count = w.shape[1]
        ordered = w.sort(1, descending=True).values
        largest = ordered[:, 0]

        entropy = -(w * torch.log(w)).sum(1)
        entropy_component = entropy / math.log(count) if count > 1 else torch.zeros_like(largest)
        k = min(4, count - 1)
        rest = ordered[:, 1 : 1 + k].mean(1) if k else torch.zeros_like(largest)
        gap_component = (largest - rest) / (largest + 1e-8)

        a, b, c = LAMBDAS
        return (a * (1 - largest) + b * entropy_component + c * gap_component)[:, None]


class Expert(nn.Module):
    """`Conv2d -> BatchNorm2d -> ReLU -> Dropout` twice beside a shortcut (section 4.1.3)."""

    def __init__(self, entering: int, leaving: int, drop: float = 0.1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(entering, leaving, 3, 1, 1, bias=False), nn.BatchNorm2d(leaving), nn.ReLU(), nn.Dropout(drop),
            nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False), nn.BatchNorm2d(leaving), nn.ReLU(), nn.Dropout(drop),
        )
        self.shortcut = shortcut(entering, leaving)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C', H, W]."""
        return self.body(x) + self.shortcut(x)


class Layer(nn.Module):
    """Patches, router, experts, their weighted sum (eq. 12), the patches put back, a convolution (section 4.2)."""

    def __init__(self, entering: int, leaving: int, size: int, experts: int, temperature: float) -> None:
        super().__init__()
        self.size = size
        self.router = Router(entering + 4, experts, temperature)
        self.experts = nn.ModuleList(Expert(entering + 4, leaving) for _ in range(experts))
        self.last = nn.Conv2d(leaving, leaving, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C', H, W]."""
        cut, rows, columns = patches(x, self.size)
        # Batch norms of experts see all patches of a batch together.
        together = torch.cat(cut)
        weights = torch.cat([self.router(patch) for patch in cut])
        summed = sum(
            w[:, None, None, None] * expert(together)
            for w, expert in zip(weights.unbind(1), self.experts, strict=True)
        )

        back = list(summed.chunk(len(cut)))
        lines = [torch.cat(back[i * columns : (i + 1) * columns], 3) for i in range(rows)]
        return self.last(torch.cat(lines, 2)[:, :, : x.shape[2], : x.shape[3]])


class Network(nn.Module):
    """Layers of experts, then the pyramid and one linear layer."""

    def __init__(self, entering: int, layers: Sequence[tuple[int, int]], experts: int, temperature: float,
                 classes: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for leaving, size in layers:
            self.layers.append(Layer(entering, leaving, size, experts, temperature))
            entering = leaving
        self.head = nn.Linear(21 * entering, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to [B, classes]."""
        for layer in self.layers:
            x = layer(x)
        return self.head(pyramid(x))


class Dense(nn.Module):
    """The comparison row: one expert on the whole map in every layer."""

    def __init__(self, entering: int, widths: Sequence[int], classes: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for leaving in widths:
            self.layers.append(nn.Sequential(Expert(entering, leaving), nn.Conv2d(leaving, leaving, 3, 1, 1)))
            entering = leaving
        self.head = nn.Linear(21 * entering, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to [B, classes]."""
        for layer in self.layers:
            x = layer(x)
        return self.head(pyramid(x))
