"""Symbolic sizes beside plain whole numbers: sums, differences, products and quotients of random symbols."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from archlang.shapes import substitute
from archlang.sizes import Dim, at_least, divides, symbol

SYMBOLS = {"A": (1, 40, 1), "B": (32, 320, 32), "C": (3, 9, 3)}
"""Names with their least and largest value and what divides them."""

Values = dict[str, int]
Both = tuple[Dim, Callable[[Values], int]]
"""A size, and the same calculated by Python."""


def expression(chance: random.Random, depth: int) -> Both:
    """A size of up to so many operations in a row."""
    if depth == 0 or chance.random() < 0.15:
        if chance.random() < 0.3:
            number = chance.randint(-9, 40)
            return number, lambda _: number
        name = chance.choice(list(SYMBOLS))
        return symbol(name, *SYMBOLS[name]), lambda values: values[name]

    (left, plain), how = expression(chance, depth - 1), chance.choice("+-*/")
    if how == "/":
        by = chance.choice((2, 3, 7))
        return left // by, lambda values: plain(values) // by

    # Products of long sums grow past what anybody writes.
    right, other = expression(chance, 1 if how == "*" else depth - 1)
    if how == "+":
        return left + right, lambda values: plain(values) + other(values)
    if how == "-":
        return left - right, lambda values: plain(values) - other(values)
    return left * right, lambda values: plain(values) * other(values)


def drawn(chance: random.Random) -> Values:
    """A value of each symbol."""
    return {name: chance.randrange(low, high + 1, divisor) for name, (low, high, divisor) in SYMBOLS.items()}


@pytest.mark.parametrize("seed", range(8))
def test_a_size_is_the_number_that_python_calculates(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        size, plain = expression(chance, 3)
        low, high = (size, size) if isinstance(size, int) else (size.low, size.high)

        for values in (drawn(chance) for _ in range(6)):
            number = plain(values)
            assert substitute(size, values) == number, (str(size), values)
            assert low <= number <= high, (str(size), values)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_said_of_a_size_holds_for_its_numbers(seed: int) -> None:
    """A yes holds for every number, a no for none; where it depends, nothing is said."""
    chance = random.Random(100 + seed)
    for _ in range(100):
        size, plain = expression(chance, 3)
        bound, by = chance.randint(-20, 400), chance.choice((2, 3, 4, 32))

        numbers = [plain(drawn(chance)) for _ in range(6)]
        for said, seen in ((at_least(size, bound), [n >= bound for n in numbers]),
                           (divides(by, size), [n % by == 0 for n in numbers])):
            assert said is not True or all(seen), (str(size), bound, by)
            assert said is not False or not any(seen), (str(size), bound, by)
