"""Learned numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from tests.reference.static import axis as _axis
from tests.reference.static import word as _word

if TYPE_CHECKING:
    from tests.reference.machine import Use


def parameter(u: Use, *, sizes: list[int], init: object = None, trained: bool = True,
              values: list[float] | None = None) -> Tensor:
    """A tensor of the file's own: no stage; made where it is used (`own.made`)."""
    raise AssertionError("it is no stage")


def affine(u: Use, x: Tensor, *, scale: object = 1, shift: object = 0, axis: object = None) -> Tensor:
    """A factor and an offset for each index of an axis."""
    rank = x.dim() - 1
    dim = (rank if rank <= 2 else 1) if axis is None else _axis(axis, rank)
    x = x.movedim(dim, -1)
    if isinstance(scale, int | float) or _word(scale) != "none":
        x = x * u.weight("weight", x.shape[-1])
    if isinstance(shift, int | float) or _word(shift) != "none":
        x = x + u.weight("bias", x.shape[-1])
    return x.movedim(-1, dim)
