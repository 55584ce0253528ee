"""One tensor or another by a mask, and parts of tensors by their indices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from archlang.layers.spreading import spread


def choose(x: Tensor, mask: Tensor, other: Tensor | None = None, fill: float = 0.0) -> Tensor:
    """Numbers of x where the mask is not 0, and those of `other` or `fill` elsewhere, all of them spread.

    >>> choose(torch.tensor([[1.0, 2.0]]), torch.tensor([[1, 0]]), fill=-1)
    tensor([[ 1., -1.]])
    """
    if other is None:
        x, mask = spread(x, mask)
        return torch.where(mask != 0, x, fill)
    x, mask, other = spread(x, mask, other)
    return torch.where(mask != 0, x, other)


def pick(x: Tensor, dim: int, indices: Sequence[int]) -> Tensor:
    """The parts of [batch, ...] at some indices along a dimension.

    >>> pick(torch.tensor([[5, 6, 7]]), 1, (2, 0, 2))
    tensor([[7, 5, 7]])
    """
    return x.index_select(dim, torch.tensor(indices, device=x.device))


def gather(x: Tensor, indices: Tensor, dim: int) -> Tensor:
    """The parts of [batch, ...] at indices [batch, n] along a dimension, or at indices of as many dimensions as x.

    >>> gather(torch.tensor([[[1, 2], [3, 4]]]), torch.tensor([[1, 1, 0]]), 1)
    tensor([[[3, 4],
             [3, 4],
             [1, 2]]])
    """
    indices = indices.long()
    if indices.dim() == 2 and x.dim() > 2:
        indices = indices.reshape(indices.shape[0], *(1,) * (dim - 1), -1, *(1,) * (x.dim() - dim - 1))
        indices = indices.expand(*x.shape[:dim], -1, *x.shape[dim + 1 :])
    return torch.gather(x, dim, indices)
