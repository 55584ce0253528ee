"""Maps cut into patches that lie side by side in the batch, their positions, and the way back (PCE, 4.1.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def cut_patches(x: Tensor, size: tuple[int, int], stride: tuple[int, int], rows: int, columns: int) -> Tensor:
    """Cut a map into patches, row by row: [batch, C, H, W] to [batch * rows * columns, C, *size].

    The map is filled up with zeros below and on the right where patches reach over its edge.

    Args:
        size: rows and columns of a patch.
        stride: those between two patches.
        rows, columns: how many patches there are.

    >>> cut_patches(torch.arange(6.0).reshape(1, 1, 2, 3), (2, 2), (2, 2), 1, 2).flatten(1)
    tensor([[0., 1., 3., 4.],
            [2., 0., 5., 0.]])
    """
    below = (rows - 1) * stride[0] + size[0] - x.shape[2]
    right = (columns - 1) * stride[1] + size[1] - x.shape[3]
    # `pad` takes the last axis first; a negative number cuts off cells that no patch reaches.
    filled = functional.pad(x, (0, right, 0, below))
    windows = filled.unfold(2, size[0], stride[0]).unfold(3, size[1], stride[1])
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)


def add_position(x: Tensor, rows: int, columns: int) -> Tensor:
    """Add four channels: x and y of the patch in its grid, then x and y of each pixel in its patch, all from 0 to 1.

    [batch * rows * columns, C, h, w] to [batch * rows * columns, C + 4, h, w]; 0 where there is a single place.

    >>> add_position(torch.zeros(2, 1, 1, 3), 1, 2)[1, 1:, 0]
    tensor([[1.0000, 1.0000, 1.0000],
            [0.0000, 0.0000, 0.0000],
            [0.0000, 0.5000, 1.0000],
            [0.0000, 0.0000, 0.0000]])
    """
    height, width = x.shape[2:]
    steps = (_steps(n, x) for n in (columns, rows, width, height))
    across, down, right, below = steps
    planes = (across[:, None, None], down[:, None, None, None], right, below[:, None])

    shape = (rows, columns, height, width)
    # Stacked as channels of each patch, [rows * columns, 4, h, w], and the same for every sample.
    code = torch.stack([plane.expand(shape) for plane in planes], 2).flatten(0, 1)
    grids = _split(x, rows * columns)
    return torch.cat((grids, code.expand(grids.shape[0], -1, -1, -1, -1)), 2).flatten(0, 1)


def put_positions(x: Tensor, positions: int) -> Tensor:
    """Positions beside each other again: [batch * positions, F] to [batch, positions, F].

    >>> put_positions(torch.zeros(6, 4), 3).shape
    torch.Size([2, 3, 4])
    """
    return x.reshape(-1, positions, x.shape[1])


def _steps(count: int, like: Tensor) -> Tensor:
    """From 0 to 1 in even steps; 0 alone for a single one."""
    return torch.arange(count, device=like.device, dtype=like.dtype) / max(count - 1, 1)


def _split(x: Tensor, *counts: int) -> Tensor:
    """The batch as samples and patches; that of an expert without any row too, where a -1 would say nothing."""
    samples = x.shape[0] // math.prod(counts)
    return x.reshape(samples, *counts, *x.shape[1:])


def put_back(x: Tensor, size: tuple[int, int], stride: tuple[int, int], rows: int, columns: int) -> Tensor:
    """Put patches where they were cut: [batch * rows * columns, C, h, w] to [batch, C, *size].

    What lies outside the map is cut off. Where patches overlap the map is their mean, and exactly what they hold where
    they agree.

    Args:
        size: rows and columns of the map.
        stride: those between two patches.
        rows, columns: how many patches there are.

    >>> patches = cut_patches(torch.arange(9.0).reshape(1, 1, 3, 3), (2, 2), (1, 1), 2, 2)
    >>> put_back(patches, (3, 3), (1, 1), 2, 2).flatten()
    tensor([0., 1., 2., 3., 4., 5., 6., 7., 8.])
    """
    grid = _split(x, rows, columns)
    if tuple(x.shape[2:]) != tuple(stride):
        return _averaged(x, grid, stride)[:, :, : size[0], : size[1]]
    # Without overlaps the way back is a permutation.
    return grid.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)[:, :, : size[0], : size[1]]


def _averaged(x: Tensor, grid: Tensor, stride: tuple[int, int]) -> Tensor:
    """The mean over patches, as one of them and the mean of what all differ from it: no rounding where they agree."""
    _, rows, columns, _, height, width = grid.shape
    across = (rows - 1) * stride[0] + height, (columns - 1) * stride[1] + width
    of_row, in_row = _owners(across[0], stride[0], rows, x)
    of_column, in_column = _owners(across[1], stride[1], columns, x)

    # Indices on both sides of a slice: what they pick comes first, [H, W, batch, C].
    picked = grid[:, of_row[:, None], of_column, :, in_row[:, None], in_column]
    base = picked.permute(2, 3, 0, 1)
    differences = x - cut_patches(base, (height, width), stride, rows, columns)

    windows = _split(differences, rows * columns).flatten(2).transpose(1, 2)
    total = functional.fold(windows, across, (height, width), stride=stride)
    ones = x.new_ones(1, height * width, 1).expand(1, -1, rows * columns)
    count = functional.fold(ones, across, (height, width), stride=stride)
    return base + total / count


def _owners(cells: int, stride: int, patches: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """For each cell the last patch that begins at or before it, and the place of the cell in that patch."""
    cell = torch.arange(cells, device=like.device)
    owner = cell.div(stride, rounding_mode="floor").clamp_max(patches - 1)
    return owner, cell - owner * stride
