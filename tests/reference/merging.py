"""Several tensors into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.static import axis as _axis
from tests.reference.values import Word as _Word

if TYPE_CHECKING:
    from tests.reference.machine import Use


def add(u: Use, *xs: Tensor) -> Tensor:
    """The sum."""
    return torch.stack(xs).sum(0)


def mul(u: Use, *xs: Tensor) -> Tensor:
    """The product."""
    made = xs[0]
    for x in xs[1:]:
        made = made * x
    return made


def sub(u: Use, x: Tensor, other: Tensor) -> Tensor:
    """The difference."""
    return x + -1 * other


def scale(u: Use, x: Tensor, *, by: float) -> Tensor:
    """Times a number."""
    return by * x


def sum_(u: Use, *xs: Tensor) -> Tensor:
    """The sum of the members."""
    return torch.stack(xs).sum(0)


def mean(u: Use, *xs: Tensor) -> Tensor:
    """The mean of the members."""
    return torch.stack(xs).sum(0) / len(xs)


def product(u: Use, *xs: Tensor) -> Tensor:
    """The product of the members."""
    return mul(u, *xs)


def maximum(u: Use, *xs: Tensor) -> Tensor:
    """The largest of the members; where two are equal, the later shares the gradient with all before it."""
    made = xs[0]
    for x in xs[1:]:
        half = (made + x) / 2
        made = torch.where(made == x, half, torch.where((made > x) | made.isnan(), made, x))
    return made


def concat(u: Use, *xs: Tensor, axis: object = _Word("channels")) -> Tensor:
    """End to end."""
    return torch.cat(xs, _axis(axis, xs[0].dim() - 1))


def stack(u: Use, *xs: Tensor) -> Tensor:
    """Along a new first axis."""
    return torch.cat([x[:, None] for x in xs], 1)
