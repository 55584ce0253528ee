"""Types of values: tensors, bundles, grids, and the sizes in them, which may be symbolic.

A size is an `int` or a `Poly`: a polynomial in bounded symbols. Arithmetic turns a `Poly` back into an `int` where
nothing symbolic is left, so shape rules are written once, with `+ - *` and `//`.

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


# --- sizes -----------------------------------------------------------------------------------------------------------


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
        if self.of.high == inf:  # floor() of infinity is an error
            return inf
        return floor(self.of.high / self.by)

    divisor = 1  # the parity of a rounded quotient is unknown

    def __str__(self) -> str:
        return f"floor(({self.of}) / {self.by})"


Atom = Symbol | Floor
Monomial = tuple[Atom, ...]


@dataclass(frozen=True)
class Poly:
    """An integer-valued polynomial: monomials (sorted atoms, the empty one last) with rational coefficients.

    Integer-valued does not mean integer coefficients: `H/4` is a size where 4 divides H.
    """

    terms: tuple[tuple[Monomial, Fraction], ...]

    def __add__(self, other: Dim) -> Dim:
        return _collect([*self.terms, *_terms(other)])

    def __mul__(self, other: Dim) -> Dim:
        products = [
            (tuple(sorted(left + right, key=str)), p * q)
            for left, p in self.terms
            for right, q in _terms(other)
        ]  # fmt: skip
        return _collect(products)

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: Dim) -> Dim:
        return self + -1 * other

    def __rsub__(self, other: int) -> Dim:
        return -1 * self + other

    # A number left of the sign reaches these: Python asks the right operand where `int` knows no answer.
    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, by: int) -> Dim:
        """Divide exactly where the divisors of the symbols allow it; the remaining terms become one `Floor`."""
        exact: list[tuple[Monomial, Fraction]] = []
        inexact: list[tuple[Monomial, Fraction]] = []
        for monomial, factor in self.terms:
            # Constants always go to the inexact terms: 3 // 2 has to be rounded together with what else is rounded.
            if monomial and _is_integral(monomial, factor / by):
                exact.append((monomial, factor / by))
            else:
                inexact.append((monomial, factor))

        remainder = _collect(inexact)
        if isinstance(remainder, int):
            rounded: Dim = remainder // by
        else:
            rounded = _poly(((Floor(remainder, by),), Fraction(1)))

        return _collect([*exact, *_terms(rounded)])

    def __mod__(self, by: int) -> Dim:
        return self - (self // by) * by

    # Bounds add up term by term. They are not tight where a symbol stands in several terms, as in H*H - H, but they
    # are never wrong, and `at_least` answers None rather than guess.

    @property
    def low(self) -> float:
        """A lower bound; minus infinity where none is known."""
        return sum((_bounds(monomial, factor)[0] for monomial, factor in self.terms), 0.0)

    @property
    def high(self) -> float:
        """An upper bound; infinity where none is known."""
        return sum((_bounds(monomial, factor)[1] for monomial, factor in self.terms), 0.0)

    def __str__(self) -> str:
        parts = [_term_text(monomial, factor) for monomial, factor in self.terms]
        return " + ".join(parts).replace("+ -", "- ")


Dim = int | Poly


def symbol(name: str, low: int = 1, high: int = LARGEST, divisor: int = 1) -> Poly:
    """The size called `name` as something to calculate with. Both bounds are included."""
    return _poly(((Symbol(name, low, high, divisor),), Fraction(1)))


def at_least(size: Dim, bound: int) -> bool | None:
    """Decide `size >= bound`: True if it always holds, False if it never does, None if that is not known."""
    if isinstance(size, int):
        return size >= bound

    if size.low >= bound:
        return True
    if size.high < bound:
        return False
    return None


def divides(by: int, size: Dim) -> bool | None:
    """Decide if `by` divides `size`: True if always, False if never, None if that is not known."""
    remainder = size % by
    if isinstance(remainder, int):
        return remainder == 0
    return None


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


def _poly(*terms: tuple[Monomial, Fraction]) -> Poly:
    return Poly(terms)


def _terms(size: Dim) -> tuple[tuple[Monomial, Fraction], ...]:
    if isinstance(size, int):
        return (((), Fraction(size)),)
    return size.terms


def _collect(terms: list[tuple[Monomial, Fraction]]) -> Dim:
    """Add terms with equal monomials and bring them into the one order in which polynomials compare and print."""
    total: dict[Monomial, Fraction] = {}
    for monomial, factor in terms:
        total[monomial] = total.get(monomial, Fraction(0)) + factor

    # Longest products first, the constant last: H*W + H + 1.
    nonzero = [(monomial, factor) for monomial, factor in total.items() if factor]
    nonzero.sort(key=lambda term: (-len(term[0]), str([str(atom) for atom in term[0]])))

    if not nonzero:
        return 0
    if len(nonzero) == 1 and not nonzero[0][0]:  # a constant alone
        return int(nonzero[0][1])
    return Poly(tuple(nonzero))


def _is_integral(monomial: Monomial, factor: Fraction) -> bool:
    """Return whether the term is an integer for all values that the divisors of its symbols allow."""
    for atom in monomial:
        factor *= atom.divisor
    return factor.denominator == 1


def _bounds(monomial: Monomial, factor: Fraction) -> tuple[float, float]:
    """Smallest and largest value of a term: it is reached where every atom is at one of its two ends."""
    ends = [float(factor)]
    for atom in monomial:
        ends = [end * edge for end in ends for edge in (atom.low, atom.high)]
    return min(ends), max(ends)


def _term_text(monomial: Monomial, factor: Fraction) -> str:
    if not monomial:
        return str(factor)

    text = "*".join(str(atom) for atom in monomial)
    if abs(factor.numerator) != 1:
        text = f"{abs(factor.numerator)}*{text}"
    if factor.denominator != 1:
        text = f"{text}/{factor.denominator}"
    if factor < 0:
        text = f"-{text}"
    return text


# --- types -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tensor:
    """Sizes without the batch: one for a vector, two for a sequence, three for a map, four for a volume."""

    dims: tuple[Dim, ...]

    @property
    def rank(self) -> int:
        """The number of its sizes."""
        return len(self.dims)

    @property
    def elements(self) -> Dim:
        """The number of its elements, for one sample."""
        return product(self.dims)

    def __str__(self) -> str:
        return "[" + ", ".join(str(d) for d in self.dims) + "]"


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
