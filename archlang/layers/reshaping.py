"""The numbers of each sample under other sizes."""

from __future__ import annotations

from torch import Tensor


def reshape(x: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Each sample of [batch, ...] under other sizes, one of which may be -1.

    >>> import torch
    >>> reshape(torch.ones(2, 6), (3, -1)).shape
    torch.Size([2, 3, 2])
    """
    return x.reshape(x.shape[0], *sizes)


def to_sequence(x: Tensor) -> Tensor:
    """[batch, C, H, W] to [batch, H W, C]: the places, row by row, as positions."""
    return x.flatten(2).transpose(1, 2)


def to_map(x: Tensor, height: int, width: int) -> Tensor:
    """[batch, H W, C] to [batch, C, H, W]; height or width may be -1."""
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], height, width)


def cut(x: Tensor, dim: int, start: int, stop: int | None = None, stride: int = 1) -> Tensor:
    """From `start` up to, and without, `stop` (None: the end) along a dimension, each `stride`-th index.

    >>> import torch
    >>> cut(torch.arange(5)[None], 1, 1), cut(torch.arange(5)[None], 1, 1, stride=2)
    (tensor([[1, 2, 3, 4]]), tensor([[1, 3]]))
    """
    # `narrow` takes a length, and refuses what Python's slices would cut short without a word.
    if stop is None:
        stop = x.shape[dim]
    part = x.narrow(dim, start, stop - start)
    if stride == 1:
        return part
    return part[(slice(None),) * dim + (slice(None, None, stride),)]
