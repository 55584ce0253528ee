"""Masks, choices, indices and named axes, number by number where that is simple."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.static import axis as _axis
from tests.reference.values import Word as _Word

if TYPE_CHECKING:
    from tests.reference.machine import Use

_CHANNELS = _Word("channels")


def above(u: Use, x: Tensor, *, limit: float = 0.0) -> Tensor:
    """1 where a number exceeds the limit."""
    return u.whole((x - limit > 0).long(), 2)


def choose(u: Use, x: Tensor, mask: Tensor, other: Tensor | None = None, *, fill: float | None = None) -> Tensor:
    """What flows in where the mask is 1."""
    rank = max(t.dim() for t in (x, mask, other) if t is not None)

    def wide(t: Tensor) -> Tensor:
        return t.reshape(*t.shape, *(1,) * (rank - t.dim()))

    elsewhere = torch.tensor(fill or 0.0, dtype=x.dtype, device=x.device) if other is None else wide(other)
    return torch.where(wide(mask) == 1, wide(x), elsewhere)


def pick(u: Use, x: Tensor, *, indices: list[int], axis: object = _CHANNELS) -> Tensor:
    """Slices side by side."""
    dim = _axis(axis, x.dim() - 1)
    return torch.stack([x.select(dim, i) for i in indices], dim)


def gather(u: Use, x: Tensor, indices: Tensor, *, axis: object = _CHANNELS) -> Tensor:
    """Sample by sample, index by index."""
    dim = _axis(axis, x.dim() - 1)
    if x.is_meta:
        size = indices.shape if indices.dim() == x.dim() else (*x.shape[:dim], indices.shape[1], *x.shape[dim + 1 :])
        return x.new_empty(size)
    if indices.dim() < x.dim():
        parts = [torch.stack([one.select(dim - 1, int(i)) for i in at], dim - 1)
                 for one, at in zip(x, indices, strict=True)]
        return torch.stack(parts)

    made = []
    for place in itertools.product(*map(range, indices.shape)):
        made.append(x[(*place[:dim], int(indices[place]), *place[dim + 1 :])])
    return torch.stack(made).reshape(indices.shape)


def argmax(u: Use, x: Tensor, *, axis: object = _CHANNELS) -> Tensor:
    """How many numbers before the first of the largest are not it."""
    dim = _axis(axis, x.dim() - 1)
    largest = x.amax(dim, keepdim=True)
    before = (x == largest).long().cumsum(dim) == 0
    found = before.long().sum(dim)
    return u.whole(found[:, None] if x.dim() == 2 else found, x.shape[dim])


def detach(u: Use, x: Tensor) -> Tensor:
    """The numbers alone."""
    return x.detach()


def einsum(u: Use, x: Tensor, other: Tensor | None = None, *, axes: str) -> Tensor:
    """All tensors on all axes, multiplied, then summed over those that the result does not name."""
    before, after = axes.split("->")
    rows, kept = [part.split() for part in before.split(",")], after.split()
    names = list(dict.fromkeys([*kept, *(name for row in rows for name in row)]))
    total: Tensor | None = None
    for row, tensor in zip(rows, (x, other), strict=False):
        assert tensor is not None
        order = [row.index(name) + 1 for name in names if name in row]
        wide = tensor.permute(0, *order)
        for place, name in enumerate(names, 1):
            if name not in row:
                wide = wide.unsqueeze(place)
        total = wide if total is None else total * wide
    assert total is not None
    for _ in names[len(kept) :]:
        total = total.sum(-1)
    return total


def coordinates(u: Use, x: Tensor, *, align_corners: bool = False) -> Tensor:
    """The column and the row of each cell on the way from -1 to 1."""
    def place(i: int, n: int) -> float:
        if align_corners:
            return 2 * i / (n - 1) - 1 if n > 1 else 0.0
        return (2 * i + 1) / n - 1

    rows, columns = x.shape[2:]
    grid = [[[place(j, columns) for j in range(columns)] for _ in range(rows)],
            [[place(i, rows)] * columns for i in range(rows)]]
    return torch.tensor(grid, dtype=x.dtype, device=x.device).expand(len(x), -1, -1, -1)
