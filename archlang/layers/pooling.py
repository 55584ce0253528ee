"""Pools with more padding after than before, and pyramids of pools."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

_Pool = Callable[..., Tensor]
_MAX: dict[int, _Pool] = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
_AVG: dict[int, _Pool] = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
_GRID: dict[str, _Pool] = {"avg": functional.adaptive_avg_pool2d, "max": functional.adaptive_max_pool2d}


def _flat(padding: Sequence[Sequence[int]]) -> list[int]:
    """Padding as `functional.pad` wants it: the last axis first."""
    return [cell for pair in reversed(padding) for cell in pair]


class UnevenMaxPool(nn.Module):
    """A max pool over lines, maps or volumes whose padding differs before and after.

    Args:
        kernel_size, stride, dilation: one number a spatial axis.
        padding: (before, after) for each spatial axis; padded cells never win.
    """

    def __init__(self, kernel_size: tuple[int, ...], stride: tuple[int, ...], padding: tuple[tuple[int, int], ...],
                 dilation: tuple[int, ...]) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation

    def forward(self, x: Tensor) -> Tensor:
        """Pool [batch, C, ...]."""
        # With zeros a window of negative numbers at the edge would have 0 for its maximum.
        padded = functional.pad(x, _flat(self.padding), value=-math.inf)
        pool = _MAX[len(self.kernel_size)]
        pooled: Tensor = pool(padded, self.kernel_size, self.stride, 0, self.dilation)
        return pooled

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}"


class UnevenAvgPool(nn.Module):
    """An average pool over lines, maps or volumes whose padding differs before and after.

    Args:
        kernel_size, stride: one number a spatial axis.
        padding: (before, after) for each spatial axis.
        count_include_pad: whether padded cells count as zeros; else the mean is over the cells on the map.
    """

    def __init__(self, kernel_size: tuple[int, ...], stride: tuple[int, ...], padding: tuple[tuple[int, int], ...],
                 count_include_pad: bool = True) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.count_include_pad = count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        """Pool [batch, C, ...]."""
        pooled = self._pool(x)
        if self.count_include_pad:
            return pooled
        # The pool of ones is the share of each window that lies on the map.
        return pooled / self._pool(torch.ones_like(x[:1, :1]))

    def _pool(self, x: Tensor) -> Tensor:
        pool = _AVG[len(self.kernel_size)]
        pooled: Tensor = pool(functional.pad(x, _flat(self.padding)), self.kernel_size, self.stride)
        return pooled

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.kernel_size}, stride={self.stride}, padding={self.padding}, counted={self.count_include_pad}"


class PyramidPool(nn.Module):
    """Grids of several sizes laid over a map, all their cells end to end (He et al. 2014, section 2.2).

    Args:
        levels: the side of each grid.
        mode: `avg` or `max`.

    >>> PyramidPool((1, 2, 4))(torch.ones(5, 8, 9, 9)).shape
    torch.Size([5, 168])
    """

    def __init__(self, levels: Sequence[int], mode: str = "avg") -> None:
        super().__init__()
        self.levels, self.mode = tuple(levels), mode

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, C * sum of squares of the levels]: by level, then by channel, then by row."""
        pool = _GRID[self.mode]
        return torch.cat([pool(x, (side, side)).flatten(1) for side in self.levels], 1)

    def extra_repr(self) -> str:
        """The grids."""
        return f"{self.levels}, mode={self.mode}"
