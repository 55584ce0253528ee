"""Powers of static values: `2 ** 5`, `1.2 ** phi`, `H ** 2`."""

from __future__ import annotations

from math import log2

from archlang.ops.kinds import Fault
from archlang.shapes import Poly

BITS = 1024
"""Powers of whole numbers with more bits than this are not worked out: every limit on numbers is far smaller."""

DEGREE = 16
"""Symbolic sizes are multiplied by themselves at most as often as one may stand in a product."""


def power(base: float | Poly, exponent: float | Poly) -> float | Poly:
    """Raise a number or a symbolic size to a power; of whole numbers the result is whole, so that sizes stay sizes.

    Raises `Fault`: unknown-size, inexact-division, division-by-zero, number-too-large, wrong-kind.

    >>> power(2, 5), power(1.5, 2), power(4.0, -1)
    (32, 2.25, 0.25)
    """
    if isinstance(exponent, Poly):
        raise Fault("unknown-size", f"a power whose exponent is the symbolic size {exponent} is not known", input=1)
    if isinstance(base, Poly):
        return _of_size(base, exponent)
    if base == 0 and exponent < 0:
        raise Fault("division-by-zero", "a power of zero with a negative exponent divides by zero")

    if isinstance(base, int) and isinstance(exponent, int):
        return _whole(base, exponent)
    # Python would go on with complex numbers.
    if base < 0 and exponent != int(exponent):
        raise Fault("wrong-kind", f"a negative number to the power {exponent} is no number", input=0)
    try:
        result: float = float(base) ** exponent
    except OverflowError:
        raise Fault("number-too-large", "this number is not finite") from None
    return result


def _whole(base: int, exponent: int) -> int:
    """A power of whole numbers."""
    if exponent < 0 and abs(base) != 1:
        raise Fault("inexact-division", f"{base} ** {exponent} is no whole number",
                    help=f"of numbers with a point it is one: `{float(base)} ** {exponent}`")
    # Before it is worked out: a line of text could fill the memory with one number.
    if abs(base) > 1 and exponent * log2(abs(base)) > BITS:
        raise Fault("number-too-large", f"{base} ** {exponent} has more than {BITS} bits")
    result: int = base ** abs(exponent)  # the sign matters for 1 and -1 alone, and not to them
    return result


def _of_size(base: Poly, exponent: float) -> Poly:
    """A power of a symbolic size, which stands for whole numbers alone."""
    if not isinstance(exponent, int) or not 0 <= exponent <= DEGREE:
        raise Fault("wrong-kind", f"a symbolic size is raised to a whole number from 0 to {DEGREE}, not to {exponent}",
                    input=1)
    result: Poly | int = 1
    for _ in range(exponent):
        result = result * base
    return result  # type: ignore[return-value]  # at exponent 0 it is the number 1
