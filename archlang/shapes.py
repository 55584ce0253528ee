"""Types of values: tensors, bundles, grids, and the sizes in them, which may be symbolic.

A size is an `int` or a `Poly`: a polynomial in bounded symbols.

>>> H = symbol("H", low=32, divisor=32)
>>> str(Tensor((64, H // 4, 8)))
'[64, H/4, 8]'
>>> str(Bundle((Tensor((3,)), Tensor((3,)))))
'2 * [3]'
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property, reduce

from archlang.dataclass import dataclass, unguarded
from archlang.sizes import LARGEST, Dim, Floor, Poly, Symbol, at_least, divides, multiples_of, symbol

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


def linear(size: Dim) -> tuple[Symbol, Fraction, int] | None:
    """Return `(S, a, c)` where the size is `a * S + c` in one symbol S alone: then S can be told from the size.

    >>> symbol_, factor, offset = linear(2 * symbol("H") + 1)
    >>> str(symbol_), factor, offset
    ('H', Fraction(2, 1), 1)
    >>> linear(symbol("H") * symbol("W")) is None
    True
    """
    if isinstance(size, int):
        return None

    variable = [(monomial, factor) for monomial, factor in size.terms if monomial]
    if len(variable) != 1 or len(variable[0][0]) != 1:
        return None

    atom, factor = variable[0][0][0], variable[0][1]
    if not isinstance(atom, Symbol):
        return None
    offset = sum(factor for monomial, factor in size.terms if not monomial)
    return atom, Fraction(factor), int(offset)


def product(sizes: tuple[Dim, ...] | list[Dim]) -> Dim:
    """Multiply all sizes; the product of none is 1."""
    return reduce(lambda a, b: a * b, sizes, 1)


def substitute(size: Dim, values: dict[str, int]) -> int:
    """The number that `size` is when its symbols have these values. Raises KeyError for a symbol without a value."""
    if isinstance(size, int):
        return size

    total = Fraction(0)
    for monomial, factor in size.terms:
        for atom in monomial:
            if isinstance(atom, Symbol):
                factor *= values[atom.name]
            else:
                factor *= substitute(atom.of, values) // atom.by  # floored before it is multiplied, as written
        total += factor
    return int(total)
