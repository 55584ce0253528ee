"""Finite fields of small order: tables of sums and products.

>>> four = field(4)
>>> four.plus[1][1], four.times[2][2], four.times[2][3]
(0, 3, 1)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

Table = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Field:
    """GF(order): elements are 0 .. order - 1, 0 and 1 being what they are called.

    Element `e` stands for the polynomial whose coefficients are the digits of `e` to the base `prime`.
    """

    order: int
    prime: int
    degree: int
    plus: Table
    times: Table

    def power(self, element: int, exponent: int) -> int:
        """An element multiplied by itself (exponent 0 gives 1)."""
        found = 1
        for _ in range(exponent):
            found = self.times[found][element]
        return found

    def generator(self) -> int:
        """The smallest element whose powers are all but 0."""
        return next(e for e in range(1, self.order) if self._period(e) == self.order - 1)

    def trace(self, element: int) -> int:
        """The absolute trace: the sum of the conjugates, an element of the prime field."""
        total, term = 0, element
        for _ in range(self.degree):
            total, term = self.plus[total][term], self.power(term, self.prime)
        return total

    def negative(self, element: int) -> int:
        """What adds to an element to give 0."""
        return self.plus[element].index(0)

    def _period(self, element: int) -> int:
        found, length = element, 1
        while found != 1:
            found, length = self.times[found][element], length + 1
        return length


def prime_power(number: int) -> tuple[int, int] | None:
    """(p, k) with p prime and number = p ** k, else None.

    >>> prime_power(27), prime_power(12)
    ((3, 3), None)
    """
    if number < 2:
        return None
    prime = next(p for p in range(2, number + 1) if number % p == 0)
    degree = 0
    while number % prime == 0:
        number, degree = number // prime, degree + 1
    return (prime, degree) if number == 1 else None


@lru_cache(maxsize=16)
def field(order: int) -> Field:
    """The field of a prime power (at most 128). Raises ValueError for other orders."""
    found = prime_power(order)
    if found is None or order > 128:
        raise ValueError(f"no field of order {order} here")
    prime, degree = found
    modulus = _irreducible(prime, degree)
    elements = [_digits(e, prime, degree) for e in range(order)]
    plus = tuple(
        tuple(_number([(a + b) % prime for a, b in zip(x, y, strict=True)], prime) for y in elements) for x in elements
    )
    times = tuple(tuple(_number(_product(x, y, modulus, prime), prime) for y in elements) for x in elements)
    return Field(order, prime, degree, plus, times)


def _digits(number: int, base: int, count: int) -> list[int]:
    return [number // base**i % base for i in range(count)]


def _number(digits: list[int], base: int) -> int:
    return sum(d * base**i for i, d in enumerate(digits))


def _product(x: list[int], y: list[int], modulus: list[int], prime: int) -> list[int]:
    """The product of two polynomials modulo a monic one, whose leading 1 is left out."""
    degree = len(x)
    full = [0] * (2 * degree - 1)
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            full[i + j] = (full[i + j] + a * b) % prime
    for top in range(2 * degree - 2, degree - 1, -1):
        lead, full[top] = full[top], 0
        for i, m in enumerate(modulus):
            full[top - degree + i] = (full[top - degree + i] - lead * m) % prime
    return full[:degree]


def _irreducible(prime: int, degree: int) -> list[int]:
    """The low coefficients of the first monic polynomial of which x is a primitive root; there is one for every
    degree, and it has no factors."""
    found = (list(low) for low in product(range(prime), repeat=degree))
    return next(low for low in found if degree == 1 or (low[0] and _is_primitive(low, prime)))


def _is_primitive(modulus: list[int], prime: int) -> bool:
    """Whether the powers of x modulo the polynomial are all of the prime ** degree - 1 other residues than 0."""
    degree = len(modulus)
    one = [1] + [0] * (degree - 1)
    x = [0, 1] + [0] * (degree - 2)
    found, period = x, 1
    while found != one and period < prime**degree:
        found, period = _product(found, x, modulus, prime), period + 1
    return bool(period == prime**degree - 1)
