"""Upper bounds on the minimum distance of a code.

Two words of equal weight differ in as many ones as zeros: their distance is even (parity), and at most twice the
weight. With s_c ones in column c, the distances of all pairs add up to sum_c s_c (K - s_c), so that the minimum is
at most the mean (Plotkin 1960):

    d <= sum_c s_c (K - s_c) / (K (K - 1) / 2)        = 2 N s (K - s) / (K (K - 1)) for equal columns

Johnson (1962) bounds A(n, d, w), the largest number of words of length n, weight w and distance d, with e = d / 2:

    A(n, d, w) <= e n / (w w - w n + e n)     where the divisor is positive (first bound)
    A(n, d, w) <= n / w A(n - 1, d, w - 1)    and  n / (n - w) A(n - 1, d, w)  (second bound)

each rounded down before it enters the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import comb

from archlang.dataclass import dataclass

EVEN = "distances of words of one weight are even"


@dataclass(frozen=True)
class Bound:
    """An upper bound: its name, the largest minimum distance that it allows, and the reason."""

    name: str
    distance: int
    reason: str


def mean_distance(columns: Sequence[int], classes: int) -> Fraction:
    """The mean distance over all pairs of `classes` words with these column sums.

    >>> mean_distance([5] * 10, 10)
    Fraction(50, 9)
    """
    return Fraction(2 * sum(s * (classes - s) for s in columns), classes * (classes - 1))


def even_columns(classes: int, branches: int, active: int) -> list[int]:
    """The column sums that differ least, larger ones first: they have the largest mean distance.

    >>> even_columns(26, 16, 6)[:13:6]
    [10, 10, 9]
    """
    low, remainder = divmod(classes * active, branches)
    return [low + 1] * remainder + [low] * (branches - remainder)


def johnson(length: int, distance: int, weight: int) -> int:
    """The nested Johnson bounds: the most words that a constant-weight code of even distance can have.

    >>> johnson(24, 8, 8), johnson(7, 4, 3), johnson(16, 6, 6), johnson(10, 6, 3)
    (759, 7, 112, 3)
    """
    if not 0 <= weight <= length:
        return 0
    if distance <= 2:
        return comb(length, weight)

    # A code and its complement have the same distances, so the smaller of the two weights is enough.
    return _nested(length, distance // 2, min(weight, length - weight))


@lru_cache(maxsize=256)
def _nested(length: int, half: int, weight: int) -> int:
    """Apply both bounds from the smallest sizes upwards: a row for each weight, an entry for each number of zeros."""
    zeros = length - weight
    row = [1] * (zeros + 1)  # weight 0: the empty word alone

    for w in range(1, weight + 1):
        below, row = row, []

        # Of z zeros: the second bound from one zero less, and from one one less.
        for z in range(zeros + 1):
            limit = (w + z) * below[z] // w
            if z:
                limit = min(limit, (w + z) * row[z - 1] // z)

            first = _first(w + z, half, w)
            if first is not None:
                limit = min(limit, first)
            row.append(limit)

    return row[zeros]


def _first(n: int, e: int, w: int) -> int | None:
    """The first Johnson bound in its integral form; None where its divisor is not positive.

    M words have column sums k or k + 1; their common ones, n k (k - 1) + 2 k t for M w = n k + t, are at most
    (w - e) M (M - 1).
    """
    if min(w, n - w) < e:
        return 1  # not even two words are that far apart

    divisor = w * w - w * n + e * n
    if divisor <= 0:
        return None

    size = e * n // divisor
    while size > 1:
        k, t = divmod(size * w, n)
        if n * k * (k - 1) + 2 * k * t <= (w - e) * size * (size - 1):
            break
        size -= 1
    return size


def bounds(classes: int, branches: int, active: int) -> tuple[Bound, ...]:
    """All bounds on the minimum distance of `classes` words with `active` ones in `branches`, the sharpest first.

    >>> [(b.name, b.distance) for b in bounds(10, 15, 6)]
    [('mean distance', 8), ('Johnson', 8), ('weight', 12)]
    """
    mean = mean_distance(even_columns(classes, branches, active), classes)
    # Two words of weight w differ in at most w ones of each, and as many zeros.
    largest = 2 * min(active, branches - active)
    known = [
        Bound("mean distance", int(mean) // 2 * 2, f"the mean distance is at most {float(mean):.4g}; {EVEN}"),
        _johnson_bound(classes, branches, active, largest),
        Bound("weight", largest, f"words of weight {active} in {branches} differ in at most {largest} places"),
    ]
    return tuple(sorted(known, key=lambda bound: bound.distance))


def _johnson_bound(classes: int, branches: int, active: int, largest: int) -> Bound:
    """The largest distance for which the Johnson bounds allow so many words."""
    distance = 0
    while distance < largest and johnson(branches, distance + 2, active) >= classes:
        distance += 2

    words = johnson(branches, distance + 2, active)
    return Bound("Johnson", distance, f"at distance {distance + 2} there are at most {words} words")


def table_bounds(columns: Sequence[int], classes: int) -> tuple[Bound, ...]:
    """The mean distance alone, which bounds words of any weights with these column sums."""
    mean = mean_distance(columns, classes)
    return (Bound("mean distance", int(mean), f"the mean distance of these columns is {float(mean):.4g}"),)
