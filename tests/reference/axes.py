"""Operations along axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.merging import _wide
from tests.reference.sliding import _edge
from tests.reference.static import axis as _axis
from tests.reference.static import word as _word

if TYPE_CHECKING:
    from tests.reference.machine import Use


def _dims(x: Tensor, axis: object) -> list[int]:
    return [_axis(one, x.dim() - 1) for one in (axis if isinstance(axis, list) else [axis])]


def pad(u: Use, x: Tensor, *, size: object, axis: object = None, mode: object = None) -> Tensor:
    """Cells before and after."""
    sides = (size, size) if isinstance(size, int) else tuple(size)  # type: ignore[arg-type]
    dims = range(2, x.dim()) if axis is None else _dims(x, axis)
    for dim in dims:
        turned = x.movedim(dim, -1)
        none = [(0, 0)] * (x.dim() - 3)
        around = turned if x.dim() > 2 else turned[:, None]
        made = _edge(around, [*none, sides], "zeros" if mode is None else _word(mode))  # type: ignore[list-item]
        x = (made if x.dim() > 2 else made[:, 0]).movedim(-1, dim)
    return x


def roll(u: Use, x: Tensor, *, by: object, axis: object) -> Tensor:
    """Index i goes to i + by."""
    steps = by if isinstance(by, list) else [by]
    for dim, step in zip(_dims(x, axis), steps, strict=True):
        at = (torch.arange(x.shape[dim], device=x.device) - step) % x.shape[dim]
        x = x.index_select(dim, at)
    return x


def channel_shuffle(u: Use, x: Tensor, *, groups: int) -> Tensor:
    """The first channel of each group, then the second of each."""
    size = x.shape[1] // groups
    return torch.stack([x[:, g * size + i] for i in range(size) for g in range(groups)], 1)


def reduce(u: Use, x: Tensor, *, axis: object, by: object = None, keep: bool = False) -> Tensor:
    """One number of all along axes."""
    dims = _dims(x, axis)
    how = "mean" if by is None else _word(by)
    for dim in dims:
        if how in ("mean", "sum"):
            x = x.sum(dim, keepdim=True) / (x.shape[dim] if how == "mean" else 1)
    if how in ("max", "min"):
        turned = x if how == "max" else -x
        x = turned.amax(dims, keepdim=True) * (1 if how == "max" else -1)
    if how == "variance":
        middle, count = x, 1
        for dim in dims:
            middle, count = middle.sum(dim, keepdim=True), count * x.shape[dim]
        x = ((x - middle / count) ** 2).sum(dims, keepdim=True) / count
    if how == "logsumexp":
        x = x.exp().sum(dims, keepdim=True).log()
    return x if keep else x.reshape([size for at, size in enumerate(x.shape) if at not in dims])


def l2_normalize(u: Use, x: Tensor, *, axis: object = None, eps: float = 1e-12) -> Tensor:
    """Divided by its length."""
    rank = x.dim() - 1
    dim = (rank if rank <= 2 else 1) if axis is None else _axis(axis, rank)
    length = (x * x).sum(dim, keepdim=True).sqrt()
    return x / torch.where(length < eps, torch.full_like(length, eps), length)


def cumsum(u: Use, x: Tensor, decay: Tensor | None = None, *, axis: object) -> Tensor:
    """The sums of all up to each, multiplied by the decay before each number is added."""
    dim = _axis(axis, x.dim() - 1)
    if decay is not None:
        wide = _wide((x, decay))[1].expand_as(x)
        found = [x.select(dim, 0)]
        for n in range(1, x.shape[dim]):
            found.append(wide.select(dim, n) * found[-1] + x.select(dim, n))
        return torch.stack(found, dim)
    return torch.stack([x.narrow(dim, 0, n + 1).sum(dim) for n in range(x.shape[dim])], dim)
