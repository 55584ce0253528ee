"""Blocks that no library has to the letter, and the small networks of the examples, each from its paper or its text."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.peers.papers.pce import pyramid
from tests.peers.papers.residual import classifier, shortcut, unit


class Pyramid(nn.Module):
    """Spatial pyramid pooling at levels 1, 2 and 4, then one linear layer (He et al. 2014, figure 3)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(21 * channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, classes]."""
        return self.head(pyramid(x))


def norm_unit(entering: int, leaving: int, kernel: int = 3, act: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Convolution of any odd kernel, batch norm, activation."""
    return nn.Sequential(
        nn.Conv2d(entering, leaving, kernel, 1, kernel // 2, bias=False), nn.BatchNorm2d(leaving), act()
    )


class Inception(nn.Module):
    """1x1; 1x1 - 3x3; 1x1 - 5x5; pool - 1x1, joined (Szegedy et al. 2015, figure 2b), with batch norms.

    torchvision's has a 3x3 kernel where the paper has 5x5, which is why it is no peer.
    """

    def __init__(self, entering: int, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([
            norm_unit(entering, width, 1),
            nn.Sequential(norm_unit(entering, width, 1), norm_unit(width, width)),
            nn.Sequential(norm_unit(entering, width, 1), norm_unit(width, width, 5)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), norm_unit(entering, width, 1)),
        ])

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, 4 width, H, W]."""
        return torch.cat([one(x) for one in self.branches], 1)


class PreActivated(nn.Module):
    """Batch norm, ReLU, convolution (He et al. 2016b, figure 4e)."""

    def __init__(self, entering: int, leaving: int, stride: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(entering)
        self.conv = nn.Conv2d(entering, leaving, 3, stride, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, C', H / stride, W / stride]."""
        return self.conv(torch.relu(self.norm(x)))


# --- the examples -----------------------------------------------------------------------------------------------------


def sequential(size: int, classes: int) -> nn.Sequential:
    """`examples/01_sequential.arch`."""
    return nn.Sequential(
        unit(3, 32), nn.MaxPool2d(2), unit(32, 64), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64 * (size // 4) ** 2, classes),
    )


def blocks(depth: int, classes: int) -> nn.Sequential:
    """`examples/02_blocks.arch`."""
    layers: list[nn.Module] = []
    entering = 3

    for width in (32, 64, 128):
        for _ in range(depth):
            layers.append(unit(entering, width))
            entering = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, norm_unit(128, 256, act=nn.SiLU), classifier(256, classes))


class Widened(nn.Module):
    """The block of `examples/03_residual.arch`."""

    def __init__(self, entering: int, leaving: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            unit(entering, leaving, stride), nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False), nn.BatchNorm2d(leaving)
        )
        self.shortcut = shortcut(entering, leaving, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, C', H / stride, W / stride]."""
        return torch.relu(self.body(x) + self.shortcut(x))


def residual(classes: int) -> nn.Sequential:
    """`examples/03_residual.arch`."""
    return nn.Sequential(
        unit(3, 16), Widened(16, 16), Widened(16, 16), Widened(16, 32, 2), Widened(32, 32), classifier(32, classes)
    )


class Branches(nn.Module):
    """`examples/05_branches.arch`: three levels, each with classes of its own, their mean, and one more readout."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList([
            Inception(3, 8), nn.Sequential(nn.MaxPool2d(2), Inception(32, 16)),
            nn.Sequential(nn.MaxPool2d(2), Inception(64, 32)),
        ])
        self.heads = nn.ModuleList(classifier(4 * width, classes) for width in (8, 16, 32))
        self.first = classifier(32, classes)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """[batch, 3, H, W] to two tensors [batch, classes]."""
        seen = []
        for level in self.levels:
            x = level(x)
            seen.append(x)

        logits = torch.stack([head(y) for head, y in zip(self.heads, seen, strict=True)]).mean(0)
        return {"logits": logits, "first": self.first(seen[0])}


class Segmenter(nn.Module):
    """`examples/06_symbolic_sizes.arch`: a U of three levels."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.fine, self.middle, self.coarse = unit(3, 16), unit(16, 32), unit(32, 64)
        self.up, self.upper = unit(96, 32), unit(48, 16)
        self.last = nn.Conv2d(16, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """[batch, 3, H, W] to [batch, classes, H, W]."""
        fine = self.fine(image)
        middle = self.middle(functional.max_pool2d(fine, 2))
        coarse = self.coarse(functional.max_pool2d(middle, 2))

        up = self.up(torch.cat([_doubled(coarse), middle], 1))
        return self.last(self.upper(torch.cat([_doubled(up), fine], 1)))


def _doubled(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


class Several(nn.Module):
    """`examples/12_several_inputs.arch`: image and depth."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.image, self.depth, self.joined = unit(3, 16), unit(1, 16), unit(32, 32)
        self.scores, self.aux = classifier(32, classes), classifier(16, classes)

    def forward(self, image: Tensor, depth: Tensor) -> dict[str, Tensor]:
        """[batch, 3, H, W] and [batch, 1, H, W] to two tensors [batch, classes]."""
        seen = self.image(image)
        joined = self.joined(torch.cat([seen, self.depth(depth)], 1))
        return {"scores": self.scores(joined), "aux": self.aux(seen)}


class Detector(nn.Module):
    """`examples/15_layer.arch`: two heads, each called once for each level of a pyramid (Lin et al. 2017, figure 3)."""

    def __init__(self, classes: int, anchors: int) -> None:
        super().__init__()
        self.fine = nn.Sequential(unit(3, 16, stride=2), unit(16, 32, stride=2))
        self.coarse = unit(32, 32, stride=2)
        self.score, self.place = self.subnet(anchors * classes), self.subnet(anchors * 4)

    @staticmethod
    def subnet(outputs: int) -> nn.Module:
        """Two convolutions with 32 channels, then one for what a head says of each place."""
        return nn.Sequential(
            nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
            nn.Conv2d(32, outputs, 3, padding=1),
        )

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """[batch, 3, H, W] to the scores and places of all levels, one behind the other."""
        fine = self.fine(image)
        levels = (fine, self.coarse(fine))
        return {
            "scores": torch.cat([self.score(level).flatten(1) for level in levels], 1),
            "places": torch.cat([self.place(level).flatten(1) for level in levels], 1),
        }
