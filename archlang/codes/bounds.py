"""Upper bounds on the least distance of a code: what no search can pass.

Two words of equal weight differ in as many ones as zeros: their distance is even (parity), and at most twice the
weight. With s_c ones in column c, the distances of all pairs add up to sum_c s_c (K - s_c), so that the least one is
at most the mean (Plotkin 1960):

    d <= sum_c s_c (K - s_c) / (K (K - 1) / 2)        = 2 N s (K - s) / (K (K - 1)) for equal columns

Johnson (1962) bounds A(n, d, w), the most words of length n, weight w and distance d, with e = d / 2:

    A(n, d, w) <= e n / (w w - w n + e n)     where the divisor is positive (first bound)
    A(n, d, w) <= n / w A(n - 1, d, w - 1)    and  n / (n - w) A(n - 1, d, w)  (second bound)

each rounded down before it enters the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import comb


@dataclass(frozen=True)
class Bound:
    """An upper bound: its name, the largest least distance that it allows, and why."""

    name: str
    distance: int
    reason: str


def mean_distance(columns: Sequence[int], classes: int) -> Fraction:
    """The mean distance of all pairs of `classes` words with these column sums.

    >>> mean_distance([5] * 10, 10)
    Fraction(50, 9)
    """
    return Fraction(2 * sum(s * (classes - s) for s in columns), classes * (classes - 1))


def even_columns(classes: int, branches: int, active: int) -> list[int]:
    """The column sums that differ least, larger ones first: those with the largest mean distance.

    >>> even_columns(26, 16, 6)[:13:6]
    [10, 10, 9]
    """
    low, more = divmod(classes * active, branches)
    return [low + 1] * more + [low] * (branches - more)


def johnson(length: int, distance: int, weight: int) -> int:
    """The most words of a constant-weight code of even distance, by the nested Johnson bounds.

    >>> johnson(24, 8, 8), johnson(7, 4, 3), johnson(16, 6, 6), johnson(10, 6, 3)
    (759, 7, 112, 3)
    """
    if not 0 <= weight <= length:
        return 0
    if distance <= 2:
        return comb(length, weight)
    return _nested(length, distance // 2, min(weight, length - weight))


@lru_cache(maxsize=256)
def _nested(length: int, half: int, weight: int) -> int:
    """The second bound from the smallest sizes upwards: a row a weight, an entry a number of zeros."""
    zeros = length - weight
    row = [1] * (zeros + 1)  # weight 0: the one empty word
    for w in range(1, weight + 1):
        below, row = row, []
        for z in range(zeros + 1):
            found = (w + z) * below[z] // w
            if z:
                found = min(found, (w + z) * row[z - 1] // z)
            row.append(min(found, _first(w + z, half, w) or found))
    return row[zeros]


def _first(n: int, e: int, w: int) -> int | None:
    """The first Johnson bound in its integral form, None where it says nothing.

    M words have column sums k or k + 1; their common ones, n k (k - 1) + 2 k t for M w = n k + t, are at most
    (w - e) M (M - 1).
    """
    if min(w, n - w) < e:
        return 1
    divisor = w * w - w * n + e * n
    if divisor <= 0:
        return None
    most = e * n // divisor
    while most > 1:
        k, t = divmod(most * w, n)
        if n * k * (k - 1) + 2 * k * t <= (w - e) * most * (most - 1):
            break
        most -= 1
    return most


def bounds(classes: int, branches: int, active: int) -> tuple[Bound, ...]:
    """Every bound on the least distance of `classes` words with `active` ones in `branches`, the sharpest first.

    >>> [(b.name, b.distance) for b in bounds(10, 15, 6)]
    [('mean distance', 8), ('Johnson', 8), ('weight', 12)]
    """
    mean = mean_distance(even_columns(classes, branches, active), classes)
    reach = 2 * min(active, branches - active)
    found = [
        Bound("mean distance", int(mean) // 2 * 2, f"the mean distance is at most {float(mean):.4g}; {EVEN}"),
        _johnson_bound(classes, branches, active, reach),
        Bound("weight", reach, f"words of weight {active} in {branches} differ in at most {reach} places"),
    ]
    return tuple(sorted(found, key=lambda b: b.distance))


EVEN = "distances of words of one weight are even"


def _johnson_bound(classes: int, branches: int, active: int, reach: int) -> Bound:
    """The largest distance for which the Johnson bounds allow so many words."""
    best = 0
    while best < reach and johnson(branches, best + 2, active) >= classes:
        best += 2
    refused = johnson(branches, best + 2, active)
    return Bound("Johnson", best, f"at distance {best + 2} there are at most {refused} words")


def table_bounds(columns: Sequence[int], classes: int) -> tuple[Bound, ...]:
    """The mean distance alone: what holds for words of any weights with these column sums."""
    mean = mean_distance(columns, classes)
    return (Bound("mean distance", int(mean), f"the mean distance of these columns is {float(mean):.4g}"),)
