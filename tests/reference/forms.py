"""The same numbers in another form."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.static import axis as _axis
from tests.reference.static import rows as _rows
from tests.reference.static import word as _word
from tests.reference.values import Word as _Word

if TYPE_CHECKING:
    from tests.reference.machine import Use


def flatten(u: Use, x: Tensor) -> Tensor:
    """One vector, the last axis running fastest."""
    return x.reshape(x.shape[0], x[0].numel())


def reshape(u: Use, x: Tensor, *, sizes: list[int]) -> Tensor:
    """Other sizes; -1 is what is left."""
    left = x[0].numel() // math.prod(n for n in sizes if n != -1)
    return x.reshape(x.shape[0], *(left if n == -1 else n for n in sizes))


def permute(u: Use, x: Tensor, *, axes: list[object]) -> Tensor:
    """Axes in another order."""
    return x.permute(0, *(_axis(a, x.dim() - 1) for a in axes))


def to_sequence(u: Use, x: Tensor) -> Tensor:
    """Places as positions."""
    return torch.stack([x[:, c].reshape(x.shape[0], -1) for c in range(x.shape[1])], 2)


def to_map(u: Use, x: Tensor, *, height: int, width: int) -> Tensor:
    """Positions as places."""
    return torch.stack([x[:, :, c].reshape(x.shape[0], height, width) for c in range(x.shape[2])], 1)


def split(u: Use, x: Tensor, *, parts: object, axis: object = _Word("channels")) -> tuple[Tensor, ...]:
    """Parts along an axis."""
    dim = _axis(axis, x.dim() - 1)
    sizes = [x.shape[dim] // parts] * parts if isinstance(parts, int) else parts
    starts = [sum(sizes[:i]) for i in range(len(sizes))]  # type: ignore[index, arg-type]
    return tuple(x.narrow(dim, start, size) for start, size in zip(starts, sizes, strict=True))  # type: ignore[call-overload]


def slice_(u: Use, x: Tensor, *, start: int, stop: int | None = None, stride: int = 1,
           axis: object = _Word("channels")) -> Tensor:
    """From `start` up to, and without, `stop`, each `stride`-th."""
    dim = _axis(axis, x.dim() - 1)
    at = torch.arange(start, x.shape[dim] if stop is None else stop, stride, device=x.device)
    return x.index_select(dim, at)


def _cubic(t: float) -> list[float]:
    """Keys' weights (a = -0.75) of the four cells around a place `t` behind the second."""
    a = -0.75

    def near(d: float) -> float:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: float) -> float:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _parts(size: int, wanted: int, mode: str, step: Fraction) -> list[list[tuple[int, float]]]:
    """For each new cell: the old cells that it reads, and how much of each; `step` 0 keeps the corners in place."""
    found: list[list[tuple[int, float]]] = []
    for i in range(wanted):
        place = float((i + Fraction(1, 2)) * step - Fraction(1, 2))
        if not step:
            place = i * (size - 1) / max(wanted - 1, 1)
        if mode == "nearest":
            parts = [(math.floor(i * step), 1.0)]
        elif mode == "bilinear":
            place = max(place, 0.0)
            parts = [(math.floor(place), 1 - place % 1), (math.floor(place) + 1, place % 1)]
        else:
            parts = [(math.floor(place) - 1 + k, w) for k, w in enumerate(_cubic(place % 1))]
        found.append([(min(max(cell, 0), size - 1), weight) for cell, weight in parts])
    return found


def _resized(x: Tensor, dim: int, wanted: int, mode: str, step: Fraction) -> Tensor:
    lines = [
        torch.stack([weight * x.select(dim, cell) for cell, weight in parts]).sum(0)
        for parts in _parts(x.shape[dim], wanted, mode, step)
    ]
    return torch.stack(lines, dim)


def upsample(u: Use, x: Tensor, *, factor: object = None, size: object = None, mode: object = None,
             align_corners: bool = False) -> Tensor:
    """A map of another size."""
    how = "nearest" if mode is None else _word(mode)
    for axis in (0, 1):
        cells = x.shape[axis + 2]
        if factor is None:
            wanted = _rows(size, 2)[axis]
            step = Fraction(cells, wanted)
        else:
            times = factor[axis] if isinstance(factor, list | tuple) else factor
            wanted = int(cells * times)  # type: ignore[operator]
            step = 1 / Fraction(times)  # type: ignore[arg-type]
        x = _resized(x, axis + 2, wanted, how, Fraction(0) if align_corners else step)
    return x


def pixel_shuffle(u: Use, x: Tensor, *, factor: int) -> Tensor:
    """Channels as cells."""
    b, c, h, w = x.shape
    cells = x.reshape(b, c // factor**2, factor, factor, h, w)
    return cells.permute(0, 1, 4, 2, 5, 3).reshape(b, c // factor**2, h * factor, w * factor)


def pixel_unshuffle(u: Use, x: Tensor, *, factor: int) -> Tensor:
    """Cells as channels."""
    parts = [x[:, :, i::factor, j::factor] for i in range(factor) for j in range(factor)]
    return torch.stack(parts, 2).flatten(1, 2)
