"""Known families of constant-weight words, and those that shortening and complement make of them.

Shortening: of the words of length n with ones on j chosen places and zeros on e - j others, the rest after those
places are dropped has length n - e, weight w - j and at least the old distance. Complements keep distances too.

>>> [(f.name, len(f.rows)) for f in families(121, 20, 8) if f.distance == 8]
[('weight-8 words of the extended Golay code [24, 12, 8], shortened by 4', 130)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field
from functools import partial
from math import comb

import numpy as np

from archlang.codes.fields import field as finite_field
from archlang.codes.fields import prime_power
from archlang.codes.linear import linear_codes, named, words_of
from archlang.codes.steiner import (
    Blocks,
    affine_lines,
    has_paley,
    paley,
    projective_lines,
    small_witt,
    spherical,
    transposed,
    triples,
)
from archlang.codes.words import MOST, Rows, least_distance, rows_from, rows_of, subsets
from archlang.dataclass import dataclass

BlockBuilder = Callable[[], Blocks]

DROPPED = 6
"""Places by which a known code is shortened at most."""

COMPARED = 4_096
"""Words whose distances are all compared, beyond those that theory gives."""

LONGEST_TRIPLES = 64
LARGEST_ORDER = 23
LARGEST_SPHERE = 128
"""Points of triple systems, orders of geometries and points of spherical geometries, up to which they are made."""


@dataclass(frozen=True, eq=False)
class WordFamily:
    """Words of one weight, their minimum distance (or a bound below it), and their name for people."""

    name: str
    rows: Rows = field(repr=False)
    distance: int


@dataclass(frozen=True)
class DesignPlan:
    """A design that is built when it is wanted: its name, length and weight, and the function that makes its rows."""

    name: str
    length: int
    weight: int
    build: Callable[[], Rows | None]


def families(classes: int, branches: int, active: int, most: int = MOST) -> list[WordFamily]:
    """The words of these sizes of every family that has enough, largest distance first.

    Families of which more than `most` words would have to be listed are left out.
    """
    known = [*_linear(branches, active, most), *_designs(branches, active), *_sums(classes, branches, active, most)]
    # Complements of a weight that no family has may be a family's words.
    for family in _designs(branches, branches - active):
        complements = (1 - family.rows).astype(np.uint8)
        known.append(WordFamily(f"complements of {family.name}", complements, family.distance))

    enough = (family for family in known if len(family.rows) >= classes)
    return sorted(enough, key=lambda family: (-family.distance, len(family.rows)))


def _linear(branches: int, active: int, most: int) -> Iterator[WordFamily]:
    """Words of one weight of linear codes, shortened."""
    for length, key in linear_codes():
        # Longer codes lose too many words by shortening, and larger ones take too long to list.
        dropped = length - branches
        if not 0 <= dropped <= DROPPED or words_of(key) > most:
            continue

        code = named(key)
        for ones in range(min(dropped, code.length - active) + 1):
            words = code.of_weight(active + ones)

            # The last places are dropped: ones on the first of them, zeros on the others.
            held = words >> np.uint64(branches) & np.uint64((1 << dropped) - 1)
            words = words[held == np.uint64((1 << ones) - 1)]
            if len(words) > 1:
                name = f"weight-{active + ones} words of the {code.name}" + _shortened(dropped)
                yield _family(name, rows_of(words, branches), code.distance)


def _designs(branches: int, active: int) -> Iterator[WordFamily]:
    """Blocks of designs, shortened."""
    for plan in plans(branches + DROPPED):
        dropped, ones = plan.length - branches, plan.weight - active
        if not 0 <= ones <= dropped <= DROPPED:
            continue
        rows = plan.build()
        # A plan may exist for an order for which the matrix does not.
        if rows is None:
            continue

        last = np.arange(branches, plan.length)
        kept = (rows[:, last[:ones]] == 1).all(axis=1) & (rows[:, last[ones:]] == 0).all(axis=1)
        # A single word is no code.
        if kept.sum() > 1:
            yield _family(plan.name + _shortened(dropped), rows[kept][:, :branches], 2)


def _family(name: str, rows: Rows, distance: int) -> WordFamily:
    """A family with its exact distance where all pairs can be compared, else with the distance known of it."""
    if len(rows) <= COMPARED:
        distance = max(distance, least_distance(rows))
    return WordFamily(name, rows, distance)


def _shortened(dropped: int) -> str:
    """The part of a family's name that tells how many places are left out."""
    if dropped == 0:
        return ""
    return f", shortened by {dropped}"


def plans(longest: int) -> list[DesignPlan]:
    """All designs of at most this length.

    >>> [(p.name, p.length, p.weight) for p in plans(6)]
    [('lines of AG(2, 2)', 4, 2), ('points of AG(2, 2)', 6, 3)]
    """
    known = [*_triple_plans(longest), *_geometry_plans(longest)]

    # Orders below 12 are among the Reed-Muller codes.
    for order in range(12, longest + 1, 4):
        if has_paley(order):
            name = f"rows of Paley's Hadamard matrix of order {order}"
            known.append(DesignPlan(name, order, order // 2, partial(paley, order)))

    known.append(DesignPlan("blocks of S(5, 6, 12)", 12, 6, partial(_block_rows, small_witt, 12)))
    return [plan for plan in known if plan.length <= longest]


def _triple_plans(longest: int) -> Iterator[DesignPlan]:
    """Triples and points of Steiner triple systems."""
    for points in range(7, LONGEST_TRIPLES + 1, 2):
        if points % 6 in (1, 3):
            build = partial(triples, points)
            yield from _both(f"STS({points})", ("triples", "points"), points, 3, longest, build)


def _geometry_plans(longest: int) -> Iterator[DesignPlan]:
    """Lines and points of projective and affine spaces, and spherical geometries."""
    nouns = ("lines", "points")
    for q in range(2, LARGEST_ORDER + 1):
        if prime_power(q) is None:
            continue

        for k in (2, 3, 4):
            points = (q ** (k + 1) - 1) // (q - 1)
            yield from _both(f"PG({k}, {q})", nouns, points, q + 1, longest, partial(projective_lines, k, q))
            yield from _both(f"AG({k}, {q})", nouns, q**k, q, longest, partial(affine_lines, k, q))

            if q > 2 and q**k < min(longest, LARGEST_SPHERE):
                name = f"circles of the 3-({q**k + 1}, {q + 1}, 1) design"
                build = partial(_block_rows, partial(spherical, q, k), q**k + 1)
                yield DesignPlan(name, q**k + 1, q + 1, build)


def _block_rows(build: BlockBuilder, points: int) -> Rows:
    """The blocks of a design as words over its points."""
    return rows_from(build(), points)


def _point_rows(build: BlockBuilder, points: int) -> Rows:
    """The points of a design as words over its blocks."""
    return transposed(build(), points)


def _both(
    name: str, nouns: tuple[str, str], points: int, size: int, longest: int, build: BlockBuilder
) -> Iterator[DesignPlan]:
    """The blocks of a 2-(points, size, 1) design as words, and its points as words.

    A design with as many blocks as points gives the second no sizes that the first does not have.
    """
    blocks = points * (points - 1) // (size * (size - 1))
    if points <= longest:
        yield DesignPlan(f"{nouns[0]} of {name}", points, size, partial(_block_rows, build, points))

    if blocks != points and blocks <= longest:
        weight = (points - 1) // (size - 1)
        yield DesignPlan(f"{nouns[1]} of {name}", blocks, weight, partial(_point_rows, build, points))


def _sums(classes: int, branches: int, active: int, most: int) -> Iterator[WordFamily]:
    """Words of equal sums (Graham and Sloane 1980), of each kind the largest set; and all words.

    Words whose places have the same elementary symmetric sums s_1 .. s_(e-1) in a field (or the same sum in any group)
    differ in 2 e places at least.
    """
    if branches > 64 or comb(branches, active) > most:
        return
    words = subsets(branches, active)
    rows = rows_of(words, branches)
    yield WordFamily(f"all words of weight {active}", rows, 2)

    keys = np.asarray((rows.astype(np.int64) * np.arange(branches)).sum(axis=1) % branches)
    # The largest of `branches` classes has at least the mean size: below it, it may not be enough.
    if len(words) >= classes * branches:
        name = f"words of equal sum modulo {branches} (Graham and Sloane)"
        yield _family(name, rows[keys == np.bincount(keys).argmax()], 4)

    # Places are elements of the field, so it has at least as many.
    order = next(q for q in range(branches, 128) if prime_power(q))
    for half in range(2, active + 1):
        # The largest set has at least the mean size; where that is below half the classes, it will not do.
        if len(words) < classes * order ** (half - 1) // 2:
            break
        keys = _symmetric(rows, order, half - 1)
        name = f"words of equal symmetric sums in GF({order}) (Graham and Sloane)"
        yield _family(name, rows[keys == np.bincount(keys).argmax()], 2 * half)


def _symmetric(rows: Rows, order: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The elementary symmetric sums s_1 .. s_count of each row's places as one number to the base `order`."""
    gf = finite_field(order)
    plus, times = np.array(gf.plus), np.array(gf.times)

    # Multiplying prod (1 + x t) by one factor more: s_k += x s_(k-1), from the highest k down.
    sums = [np.full(len(rows), int(k == 0)) for k in range(count + 1)]
    for place in range(rows.shape[1]):
        inside = rows[:, place] == 1
        for k in range(count, 0, -1):
            sums[k][inside] = plus[sums[k][inside], times[place][sums[k - 1][inside]]]

    return np.asarray(sum(sums[k] * order ** (k - 1) for k in range(1, count + 1)))
