"""Types of values: tensors, bundles, grids, and the sizes in them, which may be symbolic.

A size is an `int` or a `Poly`: a polynomial in bounded symbols.

>>> H = symbol("H", low=32, divisor=32)
>>> str(Tensor((64, H // 4, 8)))
'[64, H/4, 8]'
>>> str(Bundle((Tensor((3,)), Tensor((3,)))))
'2 * [3]'
"""

from __future__ import annotations

from functools import cached_property

from archlang.dataclass import dataclass, unguarded
from archlang.sizes import (
    LARGEST,
    Dim,
    Floor,
    Poly,
    Symbol,
    at_least,
    divides,
    linear,
    multiples_of,
    product,
    substitute,
    symbol,
)

__all__ = (
    "LARGEST", "Bundle", "Dim", "Floor", "Grid", "Poly", "Symbol", "Tensor", "Type", "at_least", "divides", "linear",
    "multiples_of", "product", "substitute", "symbol",
)


@unguarded
@dataclass(frozen=True)
class Tensor:
    """Sizes without the batch: one for a vector, two for a sequence, three for a map, four for a volume.

    With a `range` it holds whole numbers from 0 below it: tokens, or with the range 2 a mask. Lengths up to a symbolic
    size have a symbolic one, `T + 1`.

    >>> str(Tensor((128,), range=50257))
    '[128] of 0..50256'
    """

    dims: tuple[Dim, ...]
    range: Dim | None = None

    @property
    def highest_range(self) -> int | None:
        """The largest number that its range can be; None where it holds any numbers.

        >>> Tensor((1,), range=symbol("T", high=64) + 1).highest_range
        65
        """
        if self.range is None or isinstance(self.range, int):
            return self.range
        return int(self.range.high)

    @property
    def rank(self) -> int:
        """The number of its sizes."""
        return len(self.dims)

    @cached_property
    def elements(self) -> Dim:
        """The number of its elements, for one sample."""
        return product(self.dims)

    def __str__(self) -> str:
        sizes = "[" + ", ".join(str(d) for d in self.dims) + "]"
        if self.range is None:
            return sizes
        return f"{sizes} of 0..{self.range - 1}"


@unguarded
@dataclass(frozen=True)
class Bundle:
    """Parallel values. `words`, for branches of a code, holds the column of each member: a digit a class ("011...")."""

    members: tuple[Type, ...]
    words: tuple[str, ...] | None = None

    @property
    def equal(self) -> bool:
        """True if all members have one type."""
        return len(set(self.members)) == 1

    def __str__(self) -> str:
        if self.equal:
            return f"{len(self.members)} * {self.members[0]}"

        return "(" + ", ".join(str(member) for member in self.members) + ")"


@dataclass(frozen=True)
class Grid:
    """Patches that remember where each one was: rows x columns of `member`, cut from a map of `size` at `stride`."""

    rows: Dim
    columns: Dim
    member: Tensor
    size: tuple[Dim, Dim]
    stride: tuple[int, int]

    def __str__(self) -> str:
        return f"grid({self.rows}, {self.columns}) * {self.member}"


Type = Tensor | Bundle | Grid
