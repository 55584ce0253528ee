"""Residual networks as He et al. 2016 describe them, and the plain networks of thesis table 3.1."""

from __future__ import annotations

from torch import Tensor, nn


def unit(entering: int, leaving: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU (systems.md: batch norm after every convolution)."""
    return nn.Sequential(
        nn.Conv2d(entering, leaving, 3, stride, 1, bias=False), nn.BatchNorm2d(leaving), nn.ReLU()
    )


class Basic(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016, figure 5 left); a 1x1 projection where sizes change."""

    def __init__(self, entering: int, leaving: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(entering, leaving, 3, stride, 1, bias=False), nn.BatchNorm2d(leaving), nn.ReLU(),
            nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False), nn.BatchNorm2d(leaving),
        )
        self.shortcut = shortcut(entering, leaving, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, C', H / stride, W / stride]."""
        return (self.body(x) + self.shortcut(x)).relu()


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 beside a shortcut (He et al. 2016, figure 5 right), the stride at the 3x3 convolution."""

    def __init__(self, entering: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(entering, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width),
        )
        self.shortcut = shortcut(entering, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, 4 width, H / stride, W / stride]."""
        return (self.body(x) + self.shortcut(x)).relu()


def shortcut(entering: int, leaving: int, stride: int = 1) -> nn.Module:
    """The input itself, or its projection where channels or size change (option B of section 4.1)."""
    if stride == 1 and entering == leaving:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(entering, leaving, 1, stride, bias=False), nn.BatchNorm2d(leaving))


def basic_stack(entering: int, leaving: int, count: int, stride: int) -> nn.Sequential:
    """Blocks of one size, the first with the stride."""
    first = Basic(entering, leaving, stride)
    return nn.Sequential(first, *(Basic(leaving, leaving) for _ in range(count - 1)))


def bottleneck_stack(entering: int, width: int, count: int, stride: int) -> nn.Sequential:
    """Bottlenecks of one size, the first with the stride."""
    first = Bottleneck(entering, width, stride)
    return nn.Sequential(first, *(Bottleneck(4 * width, width) for _ in range(count - 1)))


def stem_imagenet() -> nn.Sequential:
    """7x7 convolution with stride 2, then a 3x3 pool with stride 2 (He et al. 2016, table 1)."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
    )


def classifier(entering: int, classes: int, bias: bool = True) -> nn.Sequential:
    """Global average pool and one linear layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(entering, classes, bias))


def resnet_cifar(depth: int, classes: int) -> nn.Sequential:
    """6 n + 2 layers: a 3x3 convolution to 16 channels, n blocks each of 16, 32 and 64 (section 4.2)."""
    n = (depth - 2) // 6
    return nn.Sequential(
        unit(3, 16), basic_stack(16, 16, n, 1), basic_stack(16, 32, n, 2), basic_stack(32, 64, n, 2),
        classifier(64, classes),
    )


def resnet_cifar_bottleneck(depth: int, classes: int) -> nn.Sequential:
    """9 n + 2 layers: as `resnet_cifar`, of bottlenecks (He et al. 2016, identity mappings, table 1)."""
    n = (depth - 2) // 9
    return nn.Sequential(
        unit(3, 16), bottleneck_stack(16, 16, n, 1), bottleneck_stack(64, 32, n, 2), bottleneck_stack(128, 64, n, 2),
        classifier(256, classes),
    )


def wide_resnet18(classes: int) -> nn.Sequential:
    """ResNet18 of 96, 192, 384 and 768 channels instead of 64, 128, 256 and 512."""
    stem = nn.Sequential(nn.Conv2d(3, 96, 7, 2, 3, bias=False), nn.BatchNorm2d(96), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    return nn.Sequential(
        stem, basic_stack(96, 96, 2, 1), basic_stack(96, 192, 2, 2), basic_stack(192, 384, 2, 2),
        basic_stack(384, 768, 2, 2), classifier(768, classes),
    )


def plain_cnn(widths: tuple[tuple[int, ...], ...], size: int, classes: int) -> nn.Sequential:
    """`C.. C.. F32 F32 F10` of thesis table 3.1: a pool between groups of convolutions, then three linear layers."""
    layers: list[nn.Module] = []
    entering, side = 3, size

    for index, group in enumerate(widths):
        if index:
            layers.append(nn.MaxPool2d(2))
            side //= 2
        for leaving in group:
            layers.append(unit(entering, leaving))
            entering = leaving

    return nn.Sequential(*layers, nn.Flatten(), *dense(entering * side * side, classes))


def dense(entering: int, classes: int) -> tuple[nn.Module, ...]:
    """F32 F32 Fn, without batch norm."""
    return (nn.Linear(entering, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, classes))
