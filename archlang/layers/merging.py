"""Several tensors of one shape brought together."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor


def total(*tensors: Tensor) -> Tensor:
    """The sum of tensors of one shape.

    >>> total(torch.ones(2), torch.ones(2), torch.ones(2))
    tensor([3., 3.])
    """
    return reduce(torch.add, tensors)


def average(*tensors: Tensor) -> Tensor:
    """The mean of tensors of one shape.

    >>> average(torch.zeros(2), torch.ones(2))
    tensor([0.5000, 0.5000])
    """
    # A sum and one division: a stacked mean would copy every tensor first.
    return total(*tensors) / len(tensors)


def times(*tensors: Tensor) -> Tensor:
    """The element-wise product of tensors of one shape."""
    return reduce(torch.mul, tensors)


def largest(*tensors: Tensor) -> Tensor:
    """The element-wise maximum of tensors of one shape."""
    return reduce(torch.maximum, tensors)


def smallest(*tensors: Tensor) -> Tensor:
    """The element-wise minimum of tensors of one shape."""
    return reduce(torch.minimum, tensors)
