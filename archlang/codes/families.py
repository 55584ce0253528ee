"""Known families of constant-weight words, and those that shortening and complement make of them.

Shortening: of the words of length n with ones on j chosen places and zeros on e - j others, what is left after those
places are dropped has length n - e, weight w - j and at least the old distance. Complements keep distances too.

>>> [(p.name, len(p.rows)) for p in pools(121, 20, 8) if p.distance == 8]
[('weight-8 words of the extended Golay code [24, 12, 8], shortened by 4', 130)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from math import comb

import numpy as np

from archlang.codes import steiner
from archlang.codes.fields import field as finite_field
from archlang.codes.fields import prime_power
from archlang.codes.linear import linear_codes, named, words_of
from archlang.codes.words import MOST, Rows, least_distance, rows_from, rows_of, subsets

Build = Callable[[], steiner.Blocks]

DROPPED = 6
"""Places by which a known code is shortened at most."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Words of one weight, their least distance (or a bound below it), and what they are."""

    name: str
    rows: Rows = field(repr=False)
    distance: int


@dataclass(frozen=True)
class Blocks:
    """A design to be built when it is wanted: its name, length and weight, and how."""

    name: str
    length: int
    weight: int
    build: Callable[[], Rows | None]


def pools(classes: int, branches: int, active: int, most: int = MOST) -> list[Pool]:
    """Every family's words of these sizes, of those families that have enough, largest distance first.

    Families for which more than `most` words would have to be listed are left out.
    """
    found = [*_linear(branches, active, most), *_designs(branches, active), *_sums(classes, branches, active, most)]
    for pool in _designs(branches, branches - active):
        found.append(Pool(f"complements of {pool.name}", (1 - pool.rows).astype(np.uint8), pool.distance))
    return sorted((p for p in found if len(p.rows) >= classes), key=lambda p: (-p.distance, len(p.rows)))


def _linear(branches: int, active: int, most: int) -> Iterator[Pool]:
    """Weight classes of linear codes, shortened."""
    for length, key in linear_codes():
        less = length - branches
        if not 0 <= less <= DROPPED or words_of(key) > most:
            continue
        code = named(key)
        for ones in range(min(less, code.length - active) + 1):
            words = code.of_weight(active + ones)
            held = words >> np.uint64(branches) & np.uint64((1 << less) - 1)
            words = words[held == np.uint64((1 << ones) - 1)]
            if len(words) > 1:
                name = f"weight-{active + ones} words of the {code.name}" + _shortened(less)
                yield _pool(name, rows_of(words, branches), code.distance)


def _designs(branches: int, active: int) -> Iterator[Pool]:
    """Blocks of designs, shortened."""
    for plan in plans(branches + DROPPED):
        less, ones = plan.length - branches, plan.weight - active
        if not 0 <= ones <= less <= DROPPED:
            continue
        rows = plan.build()
        if rows is None:
            continue
        drop = np.arange(branches, plan.length)
        keep = (rows[:, drop[:ones]] == 1).all(axis=1) & (rows[:, drop[ones:]] == 0).all(axis=1)
        if keep.sum() > 1:
            yield _pool(plan.name + _shortened(less), rows[keep][:, :branches], 2)


def _pool(name: str, rows: Rows, distance: int) -> Pool:
    exact = least_distance(rows) if len(rows) <= 4096 else distance
    return Pool(name, rows, max(exact, distance))


def _shortened(less: int) -> str:
    return f", shortened by {less}" if less else ""


def plans(longest: int) -> list[Blocks]:
    """All designs of at most this length.

    >>> [(p.name, p.length, p.weight) for p in plans(6)]
    [('lines of AG(2, 2)', 4, 2), ('points of AG(2, 2)', 6, 3)]
    """
    found = [*_triple_plans(longest), *_geometry_plans(longest)]
    for order in range(12, longest + 1, 4):
        if steiner.has_paley(order):
            name = f"rows of Paley's Hadamard matrix of order {order}"
            found.append(Blocks(name, order, order // 2, partial(steiner.paley, order)))
    found.append(Blocks("blocks of S(5, 6, 12)", 12, 6, partial(_built, steiner.small_witt, 12)))
    return [p for p in found if p.length <= longest]


def _triple_plans(longest: int) -> Iterator[Blocks]:
    for v in (v for v in range(7, 65, 2) if v % 6 in (1, 3)):
        build = partial(steiner.triples, v)
        yield from _both(f"STS({v})", ("triples", "points"), v, 3, longest, build)


def _geometry_plans(longest: int) -> Iterator[Blocks]:
    """Lines and points of projective and affine spaces, and spherical geometries."""
    what = ("lines", "points")
    for q in (q for q in range(2, 24) if prime_power(q)):
        for k in (2, 3, 4):
            points = (q ** (k + 1) - 1) // (q - 1)
            yield from _both(f"PG({k}, {q})", what, points, q + 1, longest, partial(steiner.projective_lines, k, q))
            yield from _both(f"AG({k}, {q})", what, q**k, q, longest, partial(steiner.affine_lines, k, q))
            if q > 2 and q**k < min(longest, 128):
                name = f"circles of the 3-({q**k + 1}, {q + 1}, 1) design"
                yield Blocks(name, q**k + 1, q + 1, partial(_built, partial(steiner.spherical, q, k), q**k + 1))


def _built(build: Build, points: int) -> Rows:
    return rows_from(build(), points)


def _turned(build: Build, points: int) -> Rows:
    return steiner.transposed(build(), points)


def _both(
    name: str, what: tuple[str, str], points: int, size: int, longest: int, build: Build
) -> Iterator[Blocks]:
    """The blocks as words, and the points as words unless that is the same again."""
    blocks = points * (points - 1) // (size * (size - 1))
    if points <= longest:
        yield Blocks(f"{what[0]} of {name}", points, size, partial(_built, build, points))
    if blocks != points and blocks <= longest:
        weight = (points - 1) // (size - 1)
        yield Blocks(f"{what[1]} of {name}", blocks, weight, partial(_turned, build, points))


def _sums(classes: int, branches: int, active: int, most: int) -> Iterator[Pool]:
    """Graham and Sloane (1980): words whose places have the same elementary symmetric sums s_1 .. s_(e-1) in a field
    (or the same sum in any group) differ in 2 e places at least. The largest such set is taken; e = 1 takes all."""
    if branches > 64 or comb(branches, active) > most:
        return
    words = subsets(branches, active)
    rows = rows_of(words, branches)
    yield Pool(f"all words of weight {active}", rows, 2)
    keys = np.asarray((rows.astype(np.int64) * np.arange(branches)).sum(axis=1) % branches)
    if len(words) >= classes * branches:
        name = f"words of equal sum modulo {branches} (Graham and Sloane)"
        yield _pool(name, rows[keys == np.bincount(keys).argmax()], 4)
    order = next(q for q in range(branches, 128) if prime_power(q))
    for half in range(2, active + 1):
        if len(words) < classes * order ** (half - 1) // 2:
            break
        keys = _symmetric(rows, order, half - 1)
        name = f"words of equal symmetric sums in GF({order}) (Graham and Sloane)"
        yield _pool(name, rows[keys == np.bincount(keys).argmax()], 2 * half)


def _symmetric(rows: Rows, order: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The elementary symmetric sums s_1 .. s_count of each row's places as one number to the base `order`."""
    gf = finite_field(order)
    plus, times = np.array(gf.plus), np.array(gf.times)
    sums = [np.full(len(rows), int(k == 0)) for k in range(count + 1)]
    for place in range(rows.shape[1]):
        inside = rows[:, place] == 1
        for k in range(count, 0, -1):
            sums[k][inside] = plus[sums[k][inside], times[place][sums[k - 1][inside]]]
    return np.asarray(sum(sums[k] * order ** (k - 1) for k in range(1, count + 1)))
