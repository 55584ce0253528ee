"""Sizes that may be symbolic: whole numbers, and polynomials in bounded symbols and their quotients.

Arithmetic turns a `Poly` back into an `int` where nothing symbolic is left, so shape rules are written once, with
`+ - *` and `//`.

>>> H = symbol("H", low=32, divisor=32)
>>> str((H + 2 * 3 - 7) // 2 + 1), at_least(H, 7)
('H/2', True)
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
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

    def __hash__(self) -> int:
        return hash(self.name)  # few symbols share a name, and sums look for their terms by them

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

Factor = int | Fraction
"""A coefficient: whole ones are numbers of Python's own, with which it calculates ten times as fast."""

Term = tuple[Monomial, Factor]


@unguarded
@dataclass(frozen=True)
class Poly:
    """An integer-valued polynomial: monomials (sorted atoms, the empty one last) with rational coefficients.

    Integer-valued does not mean integer coefficients: `H/4` is a size where 4 divides H.
    """

    terms: tuple[Term, ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.terms)  # symbols and fractions take long to hash, and sizes are keys of what is known

    def __reduce__(self) -> tuple[type[Poly], tuple[object, ...]]:
        return Poly, (self.terms,)  # without the hash, which differs from process to process

    def __add__(self, other: Dim) -> Dim:
        if other == 0:
            return self
        return _collect([*self.terms, *_terms(other)])

    def __mul__(self, other: Dim) -> Dim:
        # A number changes no monomial, and so neither their order nor which of them there are.
        if isinstance(other, int) and other:
            return Poly(tuple([(monomial, _plain(factor * other)) for monomial, factor in self.terms]))

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
        exact: list[Term] = []
        inexact: list[Term] = []
        for monomial, factor in self.terms:
            whole = _multiples(monomial, factor, by)
            exact.append((monomial, Fraction(whole) / by))
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

    @property
    def low(self) -> float:
        """A lower bound; minus infinity where none is known."""
        return self._bounds[0]

    @property
    def high(self) -> float:
        """An upper bound; infinity where none is known."""
        return self._bounds[1]

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        low, high = _total(self.terms)
        if any(isinstance(atom, Floor) for monomial, _ in self.terms for atom in monomial):
            least, most = _unrounded(self)
            low, high = max(low, least), min(high, most)

        # Halves are the bounds of what is whole all the same; infinite ones are no fractions.
        if isinstance(low, Fraction):
            low = ceil(low)
        if isinstance(high, Fraction):
            high = floor(high)
        return low, high

    def __str__(self) -> str:
        parts = [_term_text(monomial, factor) for monomial, factor in self.terms]
        return " + ".join(parts).replace("+ -", "- ")


Dim = int | Poly


def symbol(name: str, low: int = 1, high: int = LARGEST, divisor: int = 1) -> Poly:
    """The size called `name` as something to calculate with. Both bounds are included."""
    return Poly((((Symbol(name, low, high, divisor),), 1),))


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


def multiples_of(divisor: int, size: Dim) -> Dim:
    """Return the form that a size would have if `divisor` were known to divide all its symbols.

    >>> str(multiples_of(4, 2 * (symbol("H", low=8) // 4)))
    'H/2'
    """
    if isinstance(size, int):
        return size

    terms: list[Term] = []
    for monomial, factor in size.terms:
        term: Dim = 1
        for atom in monomial:
            if isinstance(atom, Floor):
                term = term * (multiples_of(divisor, atom.of) // atom.by)
            else:
                term = term * symbol(atom.name, atom.low, atom.high, lcm(atom.divisor, divisor))
        terms += [(inner, factor * of) for inner, of in _terms(term)]
    return _collect(terms)


def _terms(size: Dim) -> tuple[Term, ...]:
    if isinstance(size, int):
        return (((), int(size)),)
    return size.terms


def _plain(factor: Factor) -> Factor:
    """The factor itself, as a whole number where it is one."""
    if type(factor) is not int and factor.denominator == 1:
        return factor.numerator
    return factor


def _collect(terms: list[Term]) -> Dim:
    """Add terms with equal monomials and bring them into the one order in which polynomials compare and print."""
    nonzero = _summed(terms)
    if not nonzero:
        return 0
    if len(nonzero) == 1 and not nonzero[0][0]:  # a constant alone
        return int(nonzero[0][1])
    return Poly(nonzero)


def _summed(terms: list[Term]) -> tuple[Term, ...]:
    """Add the factors of equal monomials; longest products first, the constant last: H*W + H + 1."""
    total: dict[Monomial, Factor] = {}
    for monomial, factor in terms:
        # Most monomials come once: adding to nothing would be half of all work with sizes.
        if monomial in total:
            total[monomial] += factor
        else:
            total[monomial] = factor

    nonzero = [(monomial, _plain(factor)) for monomial, factor in total.items() if factor]
    if len(nonzero) > 1:
        nonzero.sort(key=_order)
    return tuple(nonzero)


def _order(term: Term) -> tuple[int, str]:
    """The place of a term among others: longest products first, those of equal length by their text."""
    monomial, _ = term
    if not monomial:
        return 0, ""
    return -len(monomial), str([str(atom) for atom in monomial])


def _is_integral(monomial: Monomial, factor: Factor) -> bool:
    """Return whether the term is an integer for all values that the divisors of its symbols allow."""
    for atom in monomial:
        factor *= atom.divisor
    return factor.denominator == 1


def _multiples(monomial: Monomial, factor: Factor, by: int) -> Factor:
    """Return the part of a term's factor that `by` is known to divide, which need not be rounded with the rest."""
    if monomial and _is_integral(monomial, Fraction(factor) / by):
        return factor
    # 3*H // 2 is H + H // 2. A fraction is left whole: H/4 alone is an integer, a part of it may be none.
    if factor.denominator == 1:
        return factor // by * by
    return 0


def _floored(size: Poly, by: int) -> Dim:
    """Return `floor(size / by)` as one atom; a quotient of a quotient becomes a single one."""
    constant: Factor = 0
    rest: list[Term] = []
    for monomial, factor in size.terms:
        if monomial:
            rest.append((monomial, factor))
        else:
            constant = factor

    atom = rest[0][0][0]
    if len(rest) == 1 and len(rest[0][0]) == 1 and rest[0][1] == 1 and isinstance(atom, Floor):
        # floor((floor(p / a) + c) / b) = floor((p + a c) / (a b)), divided anew for what now comes out whole.
        return (atom.of + int(constant) * atom.by) // (atom.by * by)
    return Poly((((Floor(size, by),), 1),))


End = float | Fraction
"""One end of the values that something can take; an infinite one is a float."""


def _total(terms: tuple[Term, ...]) -> tuple[End, End]:
    """Add up the bounds of all terms, exactly."""
    low: End = 0
    high: End = 0
    for monomial, factor in terms:
        least, most = _bounds(monomial, factor)
        low, high = low + least, high + most
    return low, high


def _unrounded(size: Poly) -> tuple[End, End]:
    """Bounds of the size with each lone quotient `floor(p / b)` written as `p/b - r`, where 0 <= r <= (b - 1)/b."""
    low = high = Fraction(0)
    terms: list[Term] = []
    is_rounded = False
    for monomial, factor in size.terms:
        if len(monomial) == 1 and isinstance(monomial[0], Floor):
            is_rounded = True
            quotient = monomial[0]
            rest = factor * Fraction(quotient.by - 1, quotient.by)
            low, high = low - max(rest, Fraction(0)), high - min(rest, Fraction(0))
            terms += [(inner, Fraction(factor * by) / quotient.by) for inner, by in quotient.of.terms]
        else:
            terms.append((monomial, factor))

    if not is_rounded:
        return -inf, inf
    least, most = _total(_summed(terms))
    return least + low, most + high


def _bounds(monomial: Monomial, factor: Factor) -> tuple[End, End]:
    """Smallest and largest value of a term: each is reached where every atom is at one of its two ends."""
    low: End = factor
    high: End = factor
    for atom in monomial:
        least, most = atom.low, atom.high
        # Sizes and their factors are seldom below 0: then each end comes of the same ends.
        if low >= 0 and least >= 0:
            low, high = _times(low, least), _times(high, most)
        else:
            ends = [_times(end, edge) for end in (low, high) for edge in (least, most)]
            low, high = min(ends), max(ends)
    return low, high


def _times(end: End, edge: End) -> End:
    """Multiply two bounds; nothing times an infinite one is nothing."""
    if end == 0 or edge == 0:
        return 0
    return end * edge


def _term_text(monomial: Monomial, factor: Factor) -> str:
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
