"""Types of values: tensors, bundles, grids, and the sizes in them, which may be symbolic.

A size is an `int` or a `Poly`: a polynomial in bounded symbols. Arithmetic turns a `Poly` back into an `int` where
nothing symbolic is left, so rules are written once, with `+ - *` and `//`.

>>> H = symbol("H", low=32, divisor=32)
>>> str((H + 2 * 3 - 7) // 2 + 1), at_least(H, 7)
('H/2', True)
>>> str(Tensor((64, H // 4, 8)))
'[64, H/4, 8]'
>>> str(Bundle((Tensor((3,)), Tensor((3,)))))
'2 * [3]'
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import floor, inf

LARGEST = 1 << 20


@dataclass(frozen=True)
class Symbol:
    """A named size of an input: `low <= size <= high`, and `divisor` divides it."""

    name: str
    low: int = 1
    high: int = LARGEST
    divisor: int = 1

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Floor:
    """`of // by`, where nothing simpler is known of the quotient."""

    of: Poly
    by: int

    @property
    def low(self) -> float:
        """Smallest value it can take."""
        return floor(self.of.low / self.by)

    @property
    def high(self) -> float:
        """Largest value it can take."""
        return floor(self.of.high / self.by) if self.of.high != inf else inf

    divisor = 1

    def __str__(self) -> str:
        return f"floor(({self.of}) / {self.by})"


Atom = Symbol | Floor
Monomial = tuple[Atom, ...]


@dataclass(frozen=True)
class Poly:
    """An integer-valued polynomial: monomials (sorted atoms, the empty one last) with rational coefficients."""

    terms: tuple[tuple[Monomial, Fraction], ...]

    def __add__(self, other: Dim) -> Dim:
        return _collect([*self.terms, *_terms(other)])

    def __mul__(self, other: Dim) -> Dim:
        return _collect([
            (tuple(sorted(a + b, key=str)), p * q) for a, p in self.terms for b, q in _terms(other)
        ])

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: Dim) -> Dim:
        return self + -1 * other

    def __rsub__(self, other: int) -> Dim:
        return -1 * self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, by: int) -> Dim:
        """Exact where the symbols' divisors allow it, else a `Floor` of the part that they do not."""
        whole: list[tuple[Monomial, Fraction]] = []
        rest: list[tuple[Monomial, Fraction]] = []
        for monomial, factor in self.terms:
            (whole if monomial and _integral(monomial, factor / by) else rest).append((monomial, factor))
        left = _collect(rest)
        quotient = left // by if isinstance(left, int) else _poly(((Floor(left, by),), Fraction(1)))
        return _collect([*((m, f / by) for m, f in whole), *_terms(quotient)])

    def __mod__(self, by: int) -> Dim:
        return self - (self // by) * by

    @property
    def low(self) -> float:
        """A lower bound (minus infinity where none is known)."""
        return sum((_bound(m, f, low=True) for m, f in self.terms), 0.0)

    @property
    def high(self) -> float:
        """An upper bound."""
        return sum((_bound(m, f, low=False) for m, f in self.terms), 0.0)

    def __str__(self) -> str:
        parts = [_term_text(m, f) for m, f in self.terms]
        return " + ".join(parts).replace("+ -", "- ")


Dim = int | Poly


def symbol(name: str, low: int = 1, high: int = LARGEST, divisor: int = 1) -> Poly:
    """The size called `name` as something to calculate with."""
    return _poly(((Symbol(name, low, high, divisor),), Fraction(1)))


def at_least(size: Dim, bound: int) -> bool | None:
    """Whether `size >= bound` always (True), never (False), or not known (None)."""
    if isinstance(size, int):
        return size >= bound
    return True if size.low >= bound else False if size.high < bound else None


def divides(by: int, size: Dim) -> bool | None:
    """Whether `by` divides `size` always, never or (None) not known."""
    rest = size % by
    return rest == 0 if isinstance(rest, int) else None


def product(sizes: tuple[Dim, ...] | list[Dim]) -> Dim:
    """All multiplied; 1 for none."""
    return reduce(lambda a, b: a * b, sizes, 1)


def substitute(size: Dim, values: dict[str, int]) -> int:
    """The number that `size` is when its symbols have these values (all of them must be given)."""
    if isinstance(size, int):
        return size
    total = Fraction(0)
    for monomial, factor in size.terms:
        for atom in monomial:
            factor *= values[atom.name] if isinstance(atom, Symbol) else substitute(atom.of, values) // atom.by
        total += factor
    return int(total)


def _poly(*terms: tuple[Monomial, Fraction]) -> Poly:
    return Poly(terms)


def _terms(size: Dim) -> tuple[tuple[Monomial, Fraction], ...]:
    return (((), Fraction(size)),) if isinstance(size, int) else size.terms


def _collect(terms: list[tuple[Monomial, Fraction]]) -> Dim:
    total: dict[Monomial, Fraction] = {}
    for monomial, factor in terms:
        total[monomial] = total.get(monomial, Fraction(0)) + factor
    kept = sorted(((m, f) for m, f in total.items() if f), key=lambda t: (-len(t[0]), str([str(a) for a in t[0]])))
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return int(kept[0][1])
    return Poly(tuple(kept))


def _integral(monomial: Monomial, factor: Fraction) -> bool:
    for atom in monomial:
        factor *= atom.divisor
    return factor.denominator == 1


def _bound(monomial: Monomial, factor: Fraction, low: bool) -> float:
    ends = [float(factor)]
    for atom in monomial:
        ends = [end * edge for end in ends for edge in (atom.low, atom.high)]
    return min(ends) if low else max(ends)


def _term_text(monomial: Monomial, factor: Fraction) -> str:
    if not monomial:
        return str(factor)
    name = "*".join(str(atom) for atom in monomial)
    sign = "-" if factor < 0 else ""
    head = "" if abs(factor.numerator) == 1 else f"{abs(factor.numerator)}*"
    tail = "" if factor.denominator == 1 else f"/{factor.denominator}"
    return f"{sign}{head}{name}{tail}"


@dataclass(frozen=True)
class Tensor:
    """Sizes without the batch: one for a vector, two for a sequence, three for a map, four for a volume."""

    dims: tuple[Dim, ...]

    @property
    def rank(self) -> int:
        """How many sizes it has."""
        return len(self.dims)

    @property
    def elements(self) -> Dim:
        """How many numbers it holds."""
        return product(self.dims)

    def __str__(self) -> str:
        return "[" + ", ".join(str(d) for d in self.dims) + "]"


@dataclass(frozen=True)
class Bundle:
    """Parallel values. `words`, where they are branches of a code, holds each member's column ("0110...": by class)."""

    members: tuple[Type, ...]
    words: tuple[str, ...] | None = None

    @property
    def equal(self) -> bool:
        """Whether all members have one type."""
        return len(set(self.members)) == 1

    def __str__(self) -> str:
        if self.equal:
            return f"{len(self.members)} * {self.members[0]}"
        return "(" + ", ".join(str(m) for m in self.members) + ("," if len(self.members) == 1 else "") + ")"


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


@dataclass(frozen=True)
class Unknown:
    """The type of what a mistake left without one; whatever reads it stays silent."""

    def __str__(self) -> str:
        return "unknown"


Type = Tensor | Bundle | Grid | Unknown
