"""Sizes that may be symbolic: whole numbers, and polynomials in bounded symbols and their quotients.

Arithmetic turns a `Poly` back into an `int` where nothing symbolic is left, so shape rules are written once, with
`+ - *` and `//`.

>>> H = symbol("H", low=32, divisor=32)
>>> str((H + 2 * 3 - 7) // 2 + 1), at_least(H, 7)
('H/2', True)
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cached_property, reduce
from math import ceil, floor, inf, lcm

from archlang.dataclass import dataclass, unguarded

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

    @cached_property
    def low(self) -> float:
        """Smallest value it can take."""
        if self.of.low == -inf:  # floor() of infinity is an error
            return -inf
        return floor(Fraction(self.of.low) / self.by)

    @property
    def high(self) -> float:
        """Largest value it can take."""
        if self.of.high == inf:  # floor() of infinity is an error
            return inf
        return floor(Fraction(self.of.high) / self.by)

    divisor = 1  # the parity of a rounded quotient is unknown

    def __str__(self) -> str:
        if len(self.of.terms) == 1:
            return f"floor({self.of}/{self.by})"
        return f"floor(({self.of})/{self.by})"


Atom = Symbol | Floor
Monomial = tuple[Atom, ...]


@unguarded
@dataclass(frozen=True)
class Poly:
    """An integer-valued polynomial: monomials (sorted atoms, the empty one last) with rational coefficients.

    Integer-valued does not mean integer coefficients: `H/4` is a size where 4 divides H.
    """

    terms: tuple[tuple[Monomial, Fraction], ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.terms)  # fractions take long to hash, and sizes are keys of what is known

    def __reduce__(self) -> tuple[type[Poly], tuple[object, ...]]:
        return Poly, (self.terms,)  # without the hash, which differs from process to process

    def __add__(self, other: Dim) -> Dim:
        if other == 0:
            return self
        return _collect([*self.terms, *_terms(other)])

    def __mul__(self, other: Dim) -> Dim:
        # A number changes no monomial, and so neither their order nor which of them there are.
        if isinstance(other, int) and other:
            return Poly(tuple((monomial, factor * other) for monomial, factor in self.terms))

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
        """Divide exactly where the divisors of the symbols allow it; the remaining terms become one `Floor`.

        Equal sizes get equal forms, so that a map that was halved twice equals one that was quartered.

        >>> H = symbol("H", low=8)
        >>> str((H - 2) // 2 + 1), str(((H + 1) // 2 + 1) // 2), str((3 * H) // 2)
        ('floor(H/2)', 'floor((H + 3)/4)', 'H + floor(H/2)')
        """
        exact: list[tuple[Monomial, Fraction]] = []
        inexact: list[tuple[Monomial, Fraction]] = []
        for monomial, factor in self.terms:
            whole = _multiples(monomial, factor, by)
            exact.append((monomial, whole / by))
            inexact.append((monomial, factor - whole))

        remainder = _collect(inexact)
        if isinstance(remainder, int):
            rounded: Dim = remainder // by
        else:
            rounded = _floored(remainder, by)

        return _collect([*exact, *_terms(rounded)])

    def __mod__(self, by: int) -> Dim:
        return self - (self // by) * by

    # Bounds add up term by term. They are not tight where a symbol stands in several terms, as in H*H - H, but they
    # are never wrong, and `at_least` answers None rather than guess. Two ways are tried: quotients as they are, and
    # quotients as p/b less their rest, which is from 0 to (b - 1)/b: so H - 2 * floor(H/2) is 0 or 1.

    @cached_property
    def low(self) -> float:
        """A lower bound; minus infinity where none is known."""
        return max(_rounded(_total(self.terms, 0), ceil), _rounded(_unrounded(self)[0], ceil))

    @cached_property
    def high(self) -> float:
        """An upper bound; infinity where none is known."""
        return min(_rounded(_total(self.terms, 1), floor), _rounded(_unrounded(self)[1], floor))

    def __str__(self) -> str:
        parts = [_term_text(monomial, factor) for monomial, factor in self.terms]
        return " + ".join(parts).replace("+ -", "- ")


Dim = int | Poly


def symbol(name: str, low: int = 1, high: int = LARGEST, divisor: int = 1) -> Poly:
    """The size called `name` as something to calculate with. Both bounds are included."""
    return Poly((((Symbol(name, low, high, divisor),), Fraction(1)),))


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
    offset = sum((factor for monomial, factor in size.terms if not monomial), Fraction(0))
    return atom, factor, int(offset)


def multiples_of(divisor: int, size: Dim) -> Dim:
    """Return the form that a size would have if `divisor` were known to divide all its symbols.

    >>> str(multiples_of(4, 2 * (symbol("H", low=8) // 4)))
    'H/2'
    """
    if isinstance(size, int):
        return size

    terms: list[tuple[Monomial, Fraction]] = []
    for monomial, factor in size.terms:
        term: Dim = 1
        for atom in monomial:
            if isinstance(atom, Floor):
                term = term * (multiples_of(divisor, atom.of) // atom.by)
            else:
                term = term * symbol(atom.name, atom.low, atom.high, lcm(atom.divisor, divisor))
        terms += [(inner, factor * of) for inner, of in _terms(term)]
    return _collect(terms)


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


def _terms(size: Dim) -> tuple[tuple[Monomial, Fraction], ...]:
    if isinstance(size, int):
        return (((), Fraction(size)),)
    return size.terms


def _collect(terms: list[tuple[Monomial, Fraction]]) -> Dim:
    """Add terms with equal monomials and bring them into the one order in which polynomials compare and print."""
    nonzero = _summed(terms)
    if not nonzero:
        return 0
    if len(nonzero) == 1 and not nonzero[0][0]:  # a constant alone
        return int(nonzero[0][1])
    return Poly(nonzero)


def _summed(terms: list[tuple[Monomial, Fraction]]) -> tuple[tuple[Monomial, Fraction], ...]:
    """Add the factors of equal monomials; longest products first, the constant last: H*W + H + 1."""
    total: dict[Monomial, Fraction] = {}
    for monomial, factor in terms:
        # Most monomials come once: adding to nothing would be half of all work with sizes.
        if monomial in total:
            total[monomial] += factor
        else:
            total[monomial] = factor

    nonzero = [(monomial, factor) for monomial, factor in total.items() if factor]
    if len(nonzero) > 1:
        nonzero.sort(key=_order)
    return tuple(nonzero)


def _order(term: tuple[Monomial, Fraction]) -> tuple[int, str]:
    """The place of a term among others: longest products first, those of equal length by their text."""
    monomial, _ = term
    if not monomial:
        return 0, ""
    return -len(monomial), str([str(atom) for atom in monomial])


def _is_integral(monomial: Monomial, factor: Fraction) -> bool:
    """Return whether the term is an integer for all values that the divisors of its symbols allow."""
    for atom in monomial:
        factor *= atom.divisor
    return factor.denominator == 1


def _multiples(monomial: Monomial, factor: Fraction, by: int) -> Fraction:
    """Return the part of a term's factor that `by` is known to divide, which need not be rounded with the rest."""
    if monomial and _is_integral(monomial, factor / by):
        return factor
    # 3*H // 2 is H + H // 2. A fraction is left whole: H/4 alone is an integer, a part of it may be none.
    if factor.denominator == 1:
        return factor // by * Fraction(by)
    return Fraction(0)


def _floored(size: Poly, by: int) -> Dim:
    """Return `floor(size / by)` as one atom; a quotient of a quotient becomes a single one."""
    constant = Fraction(0)
    rest: list[tuple[Monomial, Fraction]] = []
    for monomial, factor in size.terms:
        if monomial:
            rest.append((monomial, factor))
        else:
            constant = factor

    atom = rest[0][0][0]
    if len(rest) == 1 and len(rest[0][0]) == 1 and rest[0][1] == 1 and isinstance(atom, Floor):
        # floor((floor(p / a) + c) / b) = floor((p + a c) / (a b)), divided anew for what now comes out whole.
        return (atom.of + int(constant) * atom.by) // (atom.by * by)
    return Poly((((Floor(size, by),), Fraction(1)),))


def _total(terms: tuple[tuple[Monomial, Fraction], ...], end: int) -> float | Fraction:
    """Add up one end of the bounds of all terms, exactly: 0 for the smallest, 1 for the largest."""
    if not terms:
        return 0

    first, *others = (_bounds(monomial, factor)[end] for monomial, factor in terms)
    return sum(others, first)


def _rounded(bound: float | Fraction, towards: Callable[[Fraction], int]) -> float:
    """Return a bound as the whole number that a size can reach; an infinite one as it is."""
    if isinstance(bound, Fraction):
        return towards(bound)
    return bound


def _unrounded(size: Poly) -> tuple[float | Fraction, float | Fraction]:
    """Bounds of the size with each lone quotient `floor(p / b)` written as `p/b - r`, where 0 <= r <= (b - 1)/b."""
    if not any(isinstance(atom, Floor) for monomial, _ in size.terms for atom in monomial):
        return -inf, inf

    low = high = Fraction(0)
    terms: list[tuple[Monomial, Fraction]] = []
    for monomial, factor in size.terms:
        if len(monomial) == 1 and isinstance(monomial[0], Floor):
            quotient = monomial[0]
            most = factor * Fraction(quotient.by - 1, quotient.by)
            low, high = low - max(most, Fraction(0)), high - min(most, Fraction(0))
            terms += [(inner, factor * by / quotient.by) for inner, by in quotient.of.terms]
        else:
            terms.append((monomial, factor))

    if len(terms) == len(size.terms) and not low and not high:
        return -inf, inf
    plain = _summed(terms)
    return _total(plain, 0) + low, _total(plain, 1) + high


def _bounds(monomial: Monomial, factor: Fraction) -> tuple[float | Fraction, float | Fraction]:
    """Smallest and largest value of a term: it is reached where every atom is at one of its two ends."""
    # A constant, and a symbol's own bounds, are most of what is asked for.
    if not monomial:
        return factor, factor

    ends: list[float | Fraction] = [factor]
    for atom in monomial:
        ends = [_times(end, edge) for end in ends for edge in (atom.low, atom.high)]
    return min(ends), max(ends)


def _times(end: float | Fraction, edge: float | Fraction) -> float | Fraction:
    """Multiply two bounds; nothing times an infinite one is nothing."""
    if end == 0 or edge == 0:
        return 0
    return end * edge


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
