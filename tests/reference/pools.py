"""Pools: every window is cut out, then reduced."""

from __future__ import annotations

import math
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from tests.reference.sliding import _sides
from tests.reference.static import rows as _rows
from tests.reference.static import word as _word

if TYPE_CHECKING:
    from tests.reference.machine import Use


def _geometry(x: Tensor, size: tuple[int, ...], stride: object, padding: object, ceil: bool,
              dilation: tuple[int, ...]) -> tuple[tuple[int, ...], list[tuple[int, int]], list[tuple[int, int]]]:
    """Steps, padding, and before and after each axis how many cells make whole windows of all."""
    rank = len(size)
    step = size if stride is None else _rows(stride, rank)
    bare = padding is None and (stride is None or ceil)
    sides = [(0, 0)] * rank if bare else _sides(padding, size, dilation, tuple(x.shape[2:]), step)
    needed = []
    for n, k, s, d, (before, after) in zip(x.shape[2:], size, step, dilation, sides, strict=True):
        room = n + before + after - d * (k - 1) - 1
        places = (-(-room // s) if ceil else room // s) + 1
        if ceil and (places - 1) * s >= n + before:
            places -= 1  # it would begin in the padding behind the map
        needed.append((before, (places - 1) * s + d * (k - 1) + 1 - before - n))
    return step, sides, needed


def _windows(x: Tensor, size: tuple[int, ...], step: tuple[int, ...], dilation: tuple[int, ...],
             needed: list[tuple[int, int]], fill: float) -> Tensor:
    """[batch, C, places ..., cells of a window, row by row]."""
    padded = functional.pad(x, [cell for pair in reversed(needed) for cell in pair], value=fill)
    for dim, (k, s, d) in enumerate(zip(size, step, dilation, strict=True), 2):
        padded = padded.unfold(dim, d * (k - 1) + 1, s)[..., ::d]
    return padded.flatten(2 + len(size))


def max_pool(u: Use, x: Tensor, *, size: object, stride: object = None, padding: object = None, ceil: bool = False,
             dilation: object = 1, rank: int = 2) -> Tensor:
    """The largest number of each window; padding never wins."""
    assert x.dim() == rank + 2
    window, spread = _rows(size, rank), _rows(dilation, rank)
    step, _, needed = _geometry(x, window, stride, padding, ceil, spread)
    return _windows(x, window, step, spread, needed, -math.inf).max(-1).values


def avg_pool(u: Use, x: Tensor, *, size: object, stride: object = None, padding: object = None, ceil: bool = False,
             count_padding: bool = True, rank: int = 2) -> Tensor:
    """The mean of each window, over the cells that count."""
    assert x.dim() == rank + 2
    window, one = _rows(size, rank), (1,) * rank
    step, sides, needed = _geometry(x, window, stride, padding, ceil, one)
    sums = _windows(x, window, step, one, needed, 0).sum(-1)
    counted = torch.ones(1, 1, *x.shape[2:], dtype=x.dtype, device=x.device)
    if count_padding:
        counted = functional.pad(counted, [cell for pair in reversed(sides) for cell in pair], value=1)
        needed = [(n[0] - s[0], n[1] - s[1]) for n, s in zip(needed, sides, strict=True)]
    return sums / _windows(counted, window, step, one, needed, 0).sum(-1)


def global_avg_pool(u: Use, x: Tensor) -> Tensor:
    """The mean of each channel of a map, of each feature of a sequence."""
    return x.mean(1) if x.dim() == 3 else x.flatten(2).mean(2)


def global_max_pool(u: Use, x: Tensor) -> Tensor:
    """The largest number of each channel of a map, of each feature of a sequence."""
    return x.amax(1) if x.dim() == 3 else x.flatten(2).amax(2)


def global_avg_pool1d(u: Use, x: Tensor) -> Tensor:
    """The mean of each channel of a line."""
    return x.mean(2)


def global_max_pool1d(u: Use, x: Tensor) -> Tensor:
    """The largest number of each channel of a line."""
    return x.amax(2)


def _cells(x: Tensor, grid: tuple[int, ...]) -> list[Tensor]:
    """The part of the map under each cell of a grid, row by row."""
    cut = [
        [slice(i * n // g, -(-(i + 1) * n // g)) for i in range(g)] for n, g in zip(x.shape[2:], grid, strict=True)
    ]
    return [x[(slice(None), slice(None), *parts)].flatten(2) for parts in product(*cut)]


def _gridded(x: Tensor, grid: tuple[int, ...], largest: bool) -> Tensor:
    cells = [cell.max(2).values if largest else cell.mean(2) for cell in _cells(x, grid)]
    return torch.stack(cells, 2).reshape(*x.shape[:2], *grid)


def adaptive_avg_pool(u: Use, x: Tensor, *, size: object, rank: int = 2) -> Tensor:
    """The mean of each cell of a grid."""
    return _gridded(x, _rows(size, rank), False)


def adaptive_max_pool(u: Use, x: Tensor, *, size: object, rank: int = 2) -> Tensor:
    """The largest number of each cell of a grid."""
    return _gridded(x, _rows(size, rank), True)


def pyramid_pool(u: Use, x: Tensor, *, levels: list[int], mode: object = None) -> Tensor:
    """Grids of several sizes, end to end."""
    largest = mode is not None and _word(mode) == "max"
    return torch.cat([_gridded(x, (n, n), largest).flatten(1) for n in levels], 1)


OF_OTHER_RANKS = {
    f"{rule.__name__}{rank}d": partial(rule, rank=rank)
    for rule in (max_pool, avg_pool, adaptive_avg_pool, adaptive_max_pool) for rank in (1, 3)
}
"""The same over lines and volumes."""
