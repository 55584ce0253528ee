"""Squeeze-and-excitation (Hu et al. 2018) and sparse paths (Tissera 2023, section 5.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.peers.papers.residual import classifier, dense, unit


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
    groups = ((32, 32), (64, 64), (128, 128))
    return _squeezed_cnn(groups, {c: hidden for group in groups for c in group}, size, classes)


def se_deep_cnn(size: int, ratio: int, classes: int) -> nn.Sequential:
    """DeepCNN with squeeze-and-excitation behind every convolution, a hidden unit for `ratio` channels."""
    groups = ((32,) * 2, (64,) * 2, (128,) * 3, (256,) * 3)
    return _squeezed_cnn(groups, {c: c // ratio for group in groups for c in group}, size, classes)


def _squeezed_cnn(groups: tuple[tuple[int, ...], ...], hidden: dict[int, int], size: int,
                  classes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    entering, side = 3, size

    for index, group in enumerate(groups):
        if index:
            layers.append(nn.MaxPool2d(2))
            side //= 2
        for leaving in group:
            layers += [unit(entering, leaving), SqueezeExcite(leaving, hidden[leaving])]
            entering = leaving

    return nn.Sequential(*layers, nn.Flatten(), *dense(entering * side**2, classes))


class Identity(nn.Module):
    """A block of identity mappings (He et al. 2016, figure 4e): BN, ReLU, 3x3, BN, ReLU, 3x3, beside its input; where
    sizes change, beside a 1x1 convolution behind the first ReLU. With a ratio, squeeze-and-excitation at its end.
    """

    def __init__(self, entering: int, leaving: int, stride: int = 1, ratio: int | None = None) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(entering)
        self.body = nn.Sequential(
            nn.Conv2d(entering, leaving, 3, stride, 1, bias=False), nn.BatchNorm2d(leaving), nn.ReLU(),
            nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False),
        )
        if ratio is not None:
            self.body.append(SqueezeExcite(leaving, max(1, leaving // ratio)))
        self.shortcut = None
        if stride != 1 or entering != leaving:
            self.shortcut = nn.Conv2d(entering, leaving, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, C', H / stride, W / stride]."""
        active = self.norm(x).relu()
        if self.shortcut is None:
            return self.body(active) + x
        return self.body(active) + self.shortcut(active)


def identity_cifar(n: int, widths: tuple[int, int, int], classes: int, ratio: int | None = None) -> nn.Sequential:
    """A 3x3 convolution to 16 channels, n blocks of each width, the second and third at half the size, BN and ReLU."""
    blocks: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False)]
    entering = 16
    for stride, leaving in zip((1, 2, 2), widths, strict=True):
        blocks.append(Identity(entering, leaving, stride, ratio))
        blocks += [Identity(leaving, leaving, 1, ratio) for _ in range(n - 1)]
        entering = leaving
    return nn.Sequential(*blocks, nn.BatchNorm2d(entering), nn.ReLU(), *classifier(entering, classes))


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
