"""Several tensors into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.static import axis as _axis
from tests.reference.values import Word as _Word

if TYPE_CHECKING:
    from tests.reference.machine import Use


def _wide(xs: tuple[Tensor, ...]) -> list[Tensor]:
    """Copies of the tensors in the sizes of all: a vector repeated at every place, an axis of size 1 along it."""
    rank = max(x.dim() for x in xs)
    full = [x.reshape(*x.shape, *[1] * (rank - x.dim())) for x in xs]
    sizes = [max(x.shape[axis] for x in full) for axis in range(rank)]
    return [x.repeat([n // x.shape[axis] for axis, n in enumerate(sizes)]) for x in full]


def add(u: Use, *xs: Tensor) -> Tensor:
    """The sum."""
    return torch.stack(_wide(xs)).sum(0)


def mul(u: Use, *xs: Tensor) -> Tensor:
    """The product."""
    made, *others = _wide(xs)
    for x in others:
        made = made * x
    return made


def sub(u: Use, x: Tensor, other: Tensor) -> Tensor:
    """The difference."""
    one, two = _wide((x, other))
    return one + -1 * two


def div(u: Use, x: Tensor, other: Tensor) -> Tensor:
    """The quotient."""
    one, two = _wide((x, other))
    return one * two**-1


def scale(u: Use, x: Tensor, *, by: float) -> Tensor:
    """Times a number."""
    return by * x


def shift(u: Use, x: Tensor, *, by: float) -> Tensor:
    """Plus a number."""
    return torch.full_like(x, by) + x


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
    """The largest of several; where two are equal, the later shares the gradient with all before it."""
    made, *others = _wide(xs)
    for x in others:
        half = (made + x) / 2
        made = torch.where(made == x, half, torch.where((made > x) | made.isnan(), made, x))
    return made


def minimum(u: Use, *xs: Tensor) -> Tensor:
    """The smallest of several."""
    return -maximum(u, *(-x for x in xs))


def concat(u: Use, *xs: Tensor, axis: object = _Word("channels")) -> Tensor:
    """End to end."""
    return torch.cat(xs, _axis(axis, xs[0].dim() - 1))


def stack(u: Use, *xs: Tensor) -> Tensor:
    """Along a new first axis."""
    return torch.cat([x[:, None] for x in xs], 1)
