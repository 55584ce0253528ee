"""Several tensors brought together number by number, vectors and axes of size 1 spread over the others."""

from __future__ import annotations

from torch import Tensor

from archlang.layers.merging import largest, smallest, times, total


def spread(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Give vectors [batch, C] beside [batch, C, ...] an axis of size 1 for each place.

    >>> import torch
    >>> [tuple(x.shape) for x in spread(torch.ones(2, 3), torch.ones(2, 3, 5, 5))]
    [(2, 3, 1, 1), (2, 3, 5, 5)]
    """
    rank = max(x.dim() for x in tensors)
    return tuple(x.reshape(*x.shape, *(1,) * (rank - x.dim())) for x in tensors)


def spread_total(*tensors: Tensor) -> Tensor:
    """The sum of tensors, those that are smaller spread."""
    return total(*spread(*tensors))


def spread_times(*tensors: Tensor) -> Tensor:
    """The product of tensors, those that are smaller spread."""
    return times(*spread(*tensors))


def spread_difference(x: Tensor, other: Tensor) -> Tensor:
    """`x - other`, the smaller of them spread."""
    one, two = spread(x, other)
    return one - two


def spread_quotient(x: Tensor, other: Tensor) -> Tensor:
    """`x / other`, the smaller of them spread."""
    one, two = spread(x, other)
    return one / two


def spread_largest(*tensors: Tensor) -> Tensor:
    """The element-wise maximum of tensors, those that are smaller spread."""
    return largest(*spread(*tensors))


def spread_smallest(*tensors: Tensor) -> Tensor:
    """The element-wise minimum of tensors, those that are smaller spread."""
    return smallest(*spread(*tensors))
