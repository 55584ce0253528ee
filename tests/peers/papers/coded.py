"""Coded ResNeXt (Avranas and Kountouris): energies, codes and dropped branches, branch by branch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tests.peers.papers.residual import classifier, shortcut, stem_imagenet, unit


def energy(x: Tensor) -> Tensor:
    """The mean of squares over channels and places, [batch, C, H, W] to [batch]."""
    return (x * x).mean((1, 2, 3))


def branch(entering: int, width: int, leaving: int | None, stride: int) -> nn.Sequential:
    """1x1, 3x3 and, where the branches are summed, 1x1 again, without a batch norm of the branch behind it."""
    last = () if leaving is None else (nn.Conv2d(width, leaving, 1, bias=False),)
    return nn.Sequential(
        nn.Conv2d(entering, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), *last,
    )


class Coded(nn.Module):
    """A block whose branches work for the classes of a code's columns.

    `y_n = T_n / sqrt(1/N sum_i E(T_i))`, then branches left out, the sum, one batch norm, the shortcut, ReLU
    (systems.md, section 5). `concat`: branches joined and then one 1x1 convolution, the ablation.
    """

    def __init__(self, entering: int, leaving: int, width: int, branches: int, stride: int, *,
                 concat: bool = False) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            branch(entering, width, None if concat else leaving, stride) for _ in range(branches)
        )
        self.joined = nn.Conv2d(branches * width, leaving, 1, bias=False) if concat else None
        self.norm = nn.BatchNorm2d(leaving)
        self.shortcut = shortcut(entering, leaving, stride)
        self.mask: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, C', H / stride, W / stride]; a `mask` [batch, N] scales branches."""
        results = [one(x) for one in self.branches]
        mean_energy = torch.stack([energy(t) for t in results]).mean(0)
        # 1e-8 guards branches without energy, as systems.md asks.
        scale = 1 / torch.sqrt(mean_energy + 1e-8)
        normalised = [t * scale[:, None, None, None] for t in results]

        if self.mask is not None:
            normalised = [t * m[:, None, None, None] for t, m in zip(normalised, self.mask.unbind(1), strict=True)]
        together = torch.stack(normalised).sum(0) if self.joined is None else self.joined(torch.cat(normalised, 1))
        return (self.norm(together) + self.shortcut(x)).relu()


class Grouped(nn.Module):
    """ResNeXt's block (Xie et al. 2017, figure 3c)."""

    def __init__(self, entering: int, leaving: int, width: int, groups: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(entering, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, leaving, 1, bias=False), nn.BatchNorm2d(leaving),
        )
        self.shortcut = shortcut(entering, leaving, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, C', H / stride, W / stride]."""
        return (self.body(x) + self.shortcut(x)).relu()


def coded_stage(entering: int, leaving: int, width: int, branches: int, count: int, stride: int = 2) -> nn.Sequential:
    """Coded blocks of one code, the first with the stride."""
    first = Coded(entering, leaving, width, branches, stride)
    return nn.Sequential(first, *(Coded(leaving, leaving, width, branches, 1) for _ in range(count - 1)))


def grouped_stage(entering: int, leaving: int, width: int, groups: int, count: int, stride: int) -> nn.Sequential:
    """Plain blocks of one size, the first with the stride."""
    first = Grouped(entering, leaving, width, groups, stride)
    return nn.Sequential(first, *(Grouped(leaving, leaving, width, groups) for _ in range(count - 1)))


def cifar(branches: int, width: int, classes: int, *, coded: bool = True, blocks: int = 3) -> nn.Sequential:
    """Coded ResNeXt-29 of the table of architectures: 10x11d and 20x6d; without codes ResNeXt-29."""
    def stage(entering: int, leaving: int, d: int) -> nn.Sequential:
        if coded:
            return coded_stage(entering, leaving, d, branches, blocks)
        return grouped_stage(entering, leaving, branches * d, branches, blocks, 2)

    return nn.Sequential(
        unit(3, 64), grouped_stage(64, 256, branches * width, branches, blocks, 1),
        stage(256, 512, 2 * width), stage(512, 1024, 4 * width), classifier(1024, classes, bias=False),
    )


def imagenet(classes: int) -> nn.Sequential:
    """Coded ResNeXt-50 (32x4d): the last two of four stages are coded."""
    return nn.Sequential(
        stem_imagenet(), grouped_stage(64, 256, 128, 32, 3, 1), grouped_stage(256, 512, 256, 32, 4, 2),
        coded_stage(512, 1024, 16, 32, 6), coded_stage(1024, 2048, 32, 32, 3), classifier(2048, classes, bias=False),
    )


def digits(classes: int, *, coded: bool = True) -> nn.Sequential:
    """The small network of `specs/coded_resnext/digits.arch`, built by the same rules."""
    def stage(entering: int, leaving: int, d: int) -> nn.Sequential:
        return coded_stage(entering, leaving, d, 10, 2) if coded else grouped_stage(entering, leaving, 10 * d, 10, 2, 2)

    return nn.Sequential(
        unit(1, 16), Grouped(16, 32, 30, 10), stage(32, 64, 4), stage(64, 96, 6), classifier(96, classes, bias=False)
    )


def give_masks(model: nn.Module, masks: Sequence[Tensor], blocks: Sequence[int]) -> None:
    """One mask for the next `blocks[i]` coded blocks each: blocks of one code share what is dropped."""
    coded = iter(m for m in model.modules() if isinstance(m, Coded))
    for mask, count in zip(masks, blocks, strict=True):
        for _ in range(count):
            next(coded).mask = mask
