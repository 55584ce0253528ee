"""Squeeze-and-excitation (Hu et al. 2018) and sparse paths (Tissera 2023, section 5.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.peers.papers.residual import dense, unit


class SqueezeExcite(nn.Module):
    """`x sigmoid(W2 ReLU(W1 mean(x)))`, without biases (Hu et al. 2018, eq. 2 to 4)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Linear(channels, hidden, False), nn.Linear(hidden, channels, False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to the same."""
        s = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3))))))
        return x * s[:, :, None, None]


def se_base_cnn(size: int, hidden: int, classes: int) -> nn.Sequential:
    """BaseCNN with squeeze-and-excitation behind every convolution (thesis, table 3.1)."""
    layers: list[nn.Module] = []
    entering = 3

    for index, leaving in enumerate((32, 32, 64, 64, 128, 128)):
        if index in (2, 4):
            layers.append(nn.MaxPool2d(2))
        layers += [unit(entering, leaving), SqueezeExcite(leaving, hidden)]
        entering = leaving

    return nn.Sequential(*layers, nn.Flatten(), *dense(128 * (size // 4) ** 2, classes))


class Standardized(nn.Module):
    """`(a - mu) / sigma` with running statistics that a batch moves before they are used (eq. 4.11, section 4.5.1).

    The running statistics count as numbers; the gradient is that of the batch's own, scaled (batch renormalisation).
    """

    def __init__(self, scores: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(scores))
        self.register_buffer("variance", torch.ones(scores))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, a: Tensor) -> Tensor:
        """[batch, scores] to the same."""
        if not self.training:
            return (a - self.mean) / torch.sqrt(self.variance + 1e-5)

        mean, variance = a.mean(0), ((a - a.mean(0)) ** 2).mean(0)
        share = 0.1 if int(self.seen) else 1.0
        self.mean = (1 - share) * self.mean + share * mean.detach()
        self.variance = (1 - share) * self.variance + share * variance.detach()
        self.seen = self.seen + 1

        normal = (a - mean) / torch.sqrt(variance + 1e-5)
        deviation = torch.sqrt(self.variance + 1e-5)
        scale = (torch.sqrt(variance + 1e-5) / deviation).detach()
        shift = ((mean - self.mean) / deviation).detach()
        return scale * normal + shift


class SparseGates(nn.Module):
    """Shares of the paths by two linear layers on the mean of each channel (eq. 3.3 to 3.5), scores standardised."""

    def __init__(self, channels: int, paths: int, hidden: int = 16) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(1, hidden, channels))
        self.second = nn.Parameter(torch.randn(1, paths, hidden))
        self.standardized = Standardized(paths)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, paths]."""
        scores = torch.relu(x.mean((2, 3)) @ self.first[0].T) @ self.second[0].T
        return torch.softmax(self.standardized(scores), 1)


class SparsePaths(nn.Module):
    """Each input through the path whose gate is largest; the path's weight is 1, its gradient that of the gate."""

    def __init__(self, paths: int, classes: int) -> None:
        super().__init__()
        self.stem = unit(1, 16)
        self.gates = SparseGates(16, paths)
        self.paths = nn.ModuleList(
            nn.Sequential(unit(16, 24), nn.MaxPool2d(2), unit(24, 24)) for _ in range(paths)
        )
        self.head = nn.Linear(24, classes)

    def forward(self, image: Tensor) -> Tensor:
        """[batch, 1, 8, 8] to [batch, classes]."""
        x = self.stem(image)
        g = self.gates(x)
        chosen = g.argmax(1)
        # Every path sees the whole batch here, so that its batch norms do: in training the paths are dense.
        results = torch.stack([path(x) for path in self.paths], 1)
        largest = g[torch.arange(len(g)), chosen]
        weight = largest / largest.detach()

        made = results[torch.arange(len(g)), chosen] * weight[:, None, None, None]
        return self.head(made.mean((2, 3)))
