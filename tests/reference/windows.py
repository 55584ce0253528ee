"""Windows of maps as vectors, window by window, and maps read at places, cell by cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.sliding import _edge
from tests.reference.static import rows as _rows

if TYPE_CHECKING:
    from tests.reference.machine import Use


def _around(size: tuple[int, ...], stride: object, padding: object, dilation: tuple[int, ...]) -> list[tuple[int, int]]:
    """Cells before and after: without a stride none, else what keeps the size, the odd one after."""
    text = getattr(padding, "text", padding)
    if text == "none" or (text is None and stride is None):
        return [(0, 0)] * 2
    if text in (None, "same"):
        totals = [d * (k - 1) for k, d in zip(size, dilation, strict=True)]
        return [(t // 2, t - t // 2) for t in totals]
    return [(n, n) for n in _rows(padding, 2)]


def _windows(height: int, width: int, size: tuple[int, ...], stride: tuple[int, ...],
             dilation: tuple[int, ...]) -> list[tuple[list[int], list[int]]]:
    """The rows and the columns of each window of a map that is padded already, row by row."""
    reach = [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)]
    return [([top + dilation[0] * i for i in range(size[0])], [left + dilation[1] * j for j in range(size[1])])
            for top in range(0, height - reach[0] + 1, stride[0]) for left in range(0, width - reach[1] + 1, stride[1])]


def unfold(u: Use, x: Tensor, *, size: object, stride: object = None, padding: object = None,
           dilation: object = 1) -> Tensor:
    """The cells of each window, channel by channel."""
    k, d = _rows(size, 2), _rows(dilation, 2)
    s = k if stride is None else _rows(stride, 2)
    x = _edge(x, _around(k, stride, padding, d), "zeros")
    return torch.stack([x[:, :, rows][:, :, :, columns].flatten(1)
                        for rows, columns in _windows(*x.shape[2:], k, s, d)], 1)


def fold(u: Use, x: Tensor, *, to: object, size: object, stride: object = None, padding: object = None,
         dilation: object = 1) -> Tensor:
    """Every window laid where it was cut, added, then what is around cut off."""
    k, d, (height, width) = _rows(size, 2), _rows(dilation, 2), _rows(to, 2)
    s = k if stride is None else _rows(stride, 2)
    (above, below), (left, right) = _around(k, stride, padding, d)
    cells = k[0] * k[1]
    total = x.new_zeros(len(x), x.shape[2] // cells, height + above + below, width + left + right)
    for number, (rows, columns) in enumerate(_windows(*total.shape[2:], k, s, d)):
        laid = x[:, number].unflatten(1, (-1, cells))
        for index, (r, c) in enumerate((r, c) for r in rows for c in columns):
            one = torch.zeros(total.shape[2:], dtype=x.dtype, device=x.device)
            one[r, c] = 1
            # Where, and not a product: a window that is not here may hold no number.
            total = total + torch.where(one == 1, laid[:, :, index, None, None], 0)
    return total[:, :, above : above + height, left : left + width]


def grid_sample(u: Use, x: Tensor, grid: Tensor, *, mode: object = None, outside: object = None,
                align_corners: bool = False) -> Tensor:
    """Cells around each place, weighted by how near they are (Jaderberg et al. 2015, eq. 5); Keys' cubic with -0.75."""
    word, beyond = getattr(mode, "text", "bilinear"), getattr(outside, "text", "zeros")
    if x.is_meta:
        return x.new_empty(*x.shape[:2], *grid.shape[2:])
    samples = []
    for one, places in zip(x, grid, strict=True):
        rows = [[_read(one, places[0, i, j], places[1, i, j], word, beyond, align_corners)
                 for j in range(places.shape[2])] for i in range(places.shape[1])]
        samples.append(torch.stack([torch.stack(row, 1) for row in rows], 1))
    return torch.stack(samples)


def _read(x: Tensor, column: Tensor, row: Tensor, mode: str, beyond: str, corners: bool) -> Tensor:
    """The channels [C] of a map [C, H, W] at one place."""
    height, width = x.shape[1:]
    at = [(p + 1) / 2 * (n - 1) if corners else ((p + 1) * n - 1) / 2 for p, n in ((row, height), (column, width))]
    if mode != "bicubic":
        at = [_inside(p, n, beyond, corners) for p, n in zip(at, (height, width), strict=True)]
    total = torch.zeros_like(x[:, 0, 0])
    for i, down in _shares(at[0], mode):
        for j, right in _shares(at[1], mode):
            if mode == "bicubic":
                i, j = (round(float(_inside(torch.tensor(float(p)), n, beyond, corners)))
                        for p, n in ((i, height), (j, width)))
            if 0 <= i < height and 0 <= j < width:
                total = total + x[:, i, j] * down * right
    return total


def _inside(place: Tensor, size: int, beyond: str, corners: bool) -> Tensor:
    """A place outside brought to the border, or mirrored at it."""
    if beyond == "border":
        return place.clamp(0, size - 1)
    if beyond == "zeros":
        return place
    low, high = (0.0, size - 1.0) if corners else (-0.5, size - 0.5)
    if high <= low:
        return place * 0
    turned = (place - low) % (2 * (high - low))
    mirrored = torch.where(turned > high - low, 2 * (high - low) - turned, turned) + low
    return mirrored.clamp(0, size - 1)


def _shares(place: Tensor, mode: str) -> list[tuple[int, Tensor]]:
    """The cells that a place reads along one axis, and the share of each."""
    if mode == "nearest":
        return [(round(float(place.detach())), torch.ones_like(place))]
    first = math.floor(float(place.detach()))
    t = place - first
    if mode == "bilinear":
        return [(first, 1 - t), (first + 1, t)]

    a = -0.75

    def near(d: Tensor) -> Tensor:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: Tensor) -> Tensor:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return [(first - 1, far(t + 1)), (first, near(t)), (first + 1, near(1 - t)), (first + 2, far(2 - t))]
