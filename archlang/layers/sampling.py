"""Windows of maps as vectors, and maps read at any places."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from archlang.layers.precision import wide_dtype

Pair = tuple[int, int]


def einsum(x: Tensor, other: Tensor | None = None, *, terms: Sequence[Sequence[int]], to: Sequence[int]) -> Tensor:
    """The sum of products over axes with numbers: `terms` are those of each tensor, `to` those of the result.

    >>> einsum(torch.ones(1, 2, 3), torch.ones(1, 4, 3), terms=((0, 1, 2), (0, 3, 2)), to=(0, 1, 3)).shape
    torch.Size([1, 2, 4])
    """
    # The form with numbers: letters would have to be made of the names first.
    operands: list[object] = [x, list(terms[0])]
    if other is not None:
        operands += [other, list(terms[1])]
    made: Tensor = torch.einsum(*operands, list(to))
    return made


def unfold(x: Tensor, size: Pair, stride: Pair, dilation: Pair) -> Tensor:
    """Windows of [batch, C, H, W] as positions: [batch, windows, C rows columns]."""
    return functional.unfold(x, size, dilation, 0, stride).transpose(1, 2)


def fold(x: Tensor, to: Pair, size: Pair, stride: Pair, dilation: Pair, padding: tuple[Pair, Pair]) -> Tensor:
    """The map [batch, C, *to] of windows [batch, windows, C rows columns], added where they overlap.

    `padding` is before and after of rows and columns, and is cut off.

    >>> x = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> torch.equal(fold(unfold(x, (2, 2), (2, 2), (1, 1)), (4, 4), (2, 2), (2, 2), (1, 1), ((0, 0), (0, 0))), x)
    True
    """
    (above, below), (left, right) = padding
    height, width = to
    whole = (height + above + below, width + left + right)
    made = functional.fold(x.transpose(1, 2), whole, size, dilation, 0, stride)
    return made[:, :, above : above + height, left : left + width]


def coordinates(x: Tensor, align_corners: bool) -> Tensor:
    """The column and the row of each cell of [batch, C, H, W], from -1 to 1: [batch, 2, H, W].

    >>> coordinates(torch.ones(1, 1, 1, 4), align_corners=False)[0, 0].tolist()
    [[-0.75, -0.25, 0.25, 0.75]]
    """
    rows, columns = (_places(x, size, align_corners) for size in x.shape[2:])
    grid = torch.stack([columns.expand(len(rows), -1), rows[:, None].expand(-1, len(columns))])
    return grid.to(x.dtype).expand(x.shape[0], -1, -1, -1)


def _places(x: Tensor, size: int, align_corners: bool) -> Tensor:
    """The middles of so many cells on the way from -1 to 1; of a single one that is 0."""
    cells = torch.arange(size, device=x.device, dtype=wide_dtype(x.dtype))
    if align_corners:
        return (2 * cells - (size - 1)) / max(size - 1, 1)
    return (2 * cells + 1 - size) / size


def grid_sample(x: Tensor, grid: Tensor, mode: str, outside: str, align_corners: bool) -> Tensor:
    """[batch, C, H, W] read at the columns and rows of [batch, 2, H', W']: [batch, C, H', W']."""
    places = grid.permute(0, 2, 3, 1).to(x.dtype)
    return functional.grid_sample(x, places, mode, outside, align_corners)
