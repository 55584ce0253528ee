"""Finite fields of small order: tables of sums and products.

>>> four = field(4)
>>> four.plus[1][1], four.times[2][2], four.times[2][3]
(0, 3, 1)
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

from archlang.dataclass import dataclass

LARGEST_ORDER = 128
"""Tables of larger fields would take long to make."""

FieldTable = tuple[tuple[int, ...], ...]
"""The result of an operation for each pair of elements [order, order]."""


@dataclass(frozen=True)
class GaloisField:
    """GF(order): elements are 0 .. order - 1, of which 0 and 1 are the neutral ones.

    Element `e` stands for the polynomial whose coefficients are the digits of `e` to the base `prime`.
    """

    order: int
    prime: int
    degree: int
    plus: FieldTable
    times: FieldTable

    def power(self, element: int, exponent: int) -> int:
        """An element to a power of 0 or more."""
        result = 1
        for _ in range(exponent):
            result = self.times[result][element]
        return result

    def generator(self) -> int:
        """The smallest primitive element: its powers are all elements but 0."""
        return next(e for e in range(1, self.order) if self._period(e) == self.order - 1)

    def trace(self, element: int) -> int:
        """The absolute trace: the sum of the conjugates, an element of the prime field."""
        total, conjugate = 0, element
        for _ in range(self.degree):
            total, conjugate = self.plus[total][conjugate], self.power(conjugate, self.prime)
        return total

    def negative(self, element: int) -> int:
        """The additive inverse."""
        return self.plus[element].index(0)

    def inverse(self, element: int) -> int:
        """The multiplicative inverse of an element other than 0."""
        return self.times[element].index(1)

    def minus(self, x: int, y: int) -> int:
        """The difference x - y."""
        return self.plus[x][self.negative(y)]

    def _period(self, element: int) -> int:
        """The smallest exponent above 0 that takes an element to 1."""
        power, exponent = element, 1
        while power != 1:
            power, exponent = self.times[power][element], exponent + 1
        return exponent


def prime_power(number: int) -> tuple[int, int] | None:
    """The prime p and the exponent k of number = p ** k; None for any other number.

    >>> prime_power(27), prime_power(12)
    ((3, 3), None)
    """
    if number < 2:
        return None

    # The smallest divisor above 1 is a prime.
    prime = next(p for p in range(2, number + 1) if number % p == 0)
    exponent = 0
    while number % prime == 0:
        number, exponent = number // prime, exponent + 1

    if number != 1:
        return None
    return prime, exponent


@lru_cache(maxsize=16)
def field(order: int) -> GaloisField:
    """The field of a prime power up to `LARGEST_ORDER`. Raises ValueError for other orders."""
    factors = prime_power(order)
    if factors is None or order > LARGEST_ORDER:
        raise ValueError(f"no field of order {order} here")

    prime, degree = factors
    # With x as a primitive root, the field's units are its powers.
    modulus = _primitive_polynomial(prime, degree)
    polynomials = [_digits(e, prime, degree) for e in range(order)]

    def add(x: list[int], y: list[int]) -> int:
        return _number([(a + b) % prime for a, b in zip(x, y, strict=True)], prime)

    def multiply(x: list[int], y: list[int]) -> int:
        return _number(_product(x, y, modulus, prime), prime)

    plus = tuple(tuple(add(x, y) for y in polynomials) for x in polynomials)
    times = tuple(tuple(multiply(x, y) for y in polynomials) for x in polynomials)
    return GaloisField(order, prime, degree, plus, times)


def _digits(number: int, base: int, count: int) -> list[int]:
    """The lowest digits of a number, the last one first."""
    return [number // base**i % base for i in range(count)]


def _number(digits: list[int], base: int) -> int:
    """The number with these digits, the last one first."""
    return sum(digit * base**i for i, digit in enumerate(digits))


def _product(x: list[int], y: list[int], modulus: list[int], prime: int) -> list[int]:
    """The product of two polynomials modulo a monic one, whose leading 1 is left out."""
    degree = len(x)
    coefficients = [0] * (2 * degree - 1)
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            coefficients[i + j] = (coefficients[i + j] + a * b) % prime

    # Reduce from the highest power down, as in long division.
    for top in range(2 * degree - 2, degree - 1, -1):
        lead, coefficients[top] = coefficients[top], 0
        for i, m in enumerate(modulus):
            coefficients[top - degree + i] = (coefficients[top - degree + i] - lead * m) % prime

    return coefficients[:degree]


def _primitive_polynomial(prime: int, degree: int) -> list[int]:
    """The low coefficients of the first monic polynomial with x as a primitive root.

    There is one for every degree, and it is irreducible.
    """
    for low in product(range(prime), repeat=degree):
        # Of degree 1, x - 0 will do: the field is that of the integers modulo the prime.
        if degree == 1 or (low[0] and _is_primitive(list(low), prime)):
            return list(low)
    raise AssertionError("every degree has a primitive polynomial")


def _is_primitive(modulus: list[int], prime: int) -> bool:
    """True if the powers of x modulo the polynomial are all of the prime ** degree - 1 residues other than 0."""
    degree = len(modulus)
    one = [1] + [0] * (degree - 1)
    x = [0, 1] + [0] * (degree - 2)

    # A polynomial with factors may never come back to 1.
    power, period = x, 1
    while power != one and period < prime**degree:
        power, period = _product(power, x, modulus, prime), period + 1

    return bool(period == prime**degree - 1)
