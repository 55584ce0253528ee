"""Block designs as codes: blocks are words, points are branches.

Two blocks that meet in at most m points have distance 2 (w - m). Transposed, points are words: in a 2-(v, k, lambda)
design any two share lambda blocks, so that v words of weight r have distance 2 (r - lambda).

Sources: Bose (1939) and Skolem (1958) for triple systems; Paley (1933) for Hadamard matrices; Witt (1938) for the
spherical geometries 3-(q ** k + 1, q + 1, 1); Colbourn and Dinitz, Handbook of Combinatorial Designs, parts II and VI.

>>> len(triples(9)), len(triples(13)), len(affine_lines(2, 3)), len(projective_lines(2, 2)), len(spherical(3, 2))
(12, 26, 12, 7, 30)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from archlang.codes.fields import LARGEST_ORDER, GaloisField, field, prime_power
from archlang.codes.words import Rows, rows_from

Blocks = list[tuple[int, ...]]
"""Blocks as sorted sets of points."""

Signs = NDArray[np.int64]
"""A matrix of 1, -1 and 0."""


def triples(points: int) -> Blocks:
    """A Steiner triple system: any two points lie in one triple. Raises ValueError unless points % 6 is 1 or 3."""
    if points % 6 == 3:
        return _bose(points // 3)
    if points % 6 == 1 and points > 1:
        return _skolem(points // 3)
    raise ValueError(f"no triple system on {points} points")


def _bose(n: int) -> Blocks:
    """Bose: points (x, i) of Z_n x Z_3, n odd, with the commutative idempotent product x * y = (x + y) / 2."""
    half = (n + 1) // 2
    columns = [tuple(x + i * n for i in range(3)) for x in range(n)]
    mixed = [
        (x + i * n, y + i * n, (x + y) * half % n + (i + 1) % 3 * n)
        for x, y in combinations(range(n), 2)
        for i in range(3)
    ]
    return [tuple(sorted(block)) for block in columns + mixed]


def _skolem(n: int) -> Blocks:
    """Skolem: points (x, i) of Z_n x Z_3, n even, and one more, with a commutative half-idempotent product."""
    half, last = n // 2, 3 * n

    def times(x: int, y: int) -> int:
        total = (x + y) % n
        if total % 2 == 0:
            return total // 2
        return (total - 1) // 2 + half

    columns = [tuple(x + i * n for i in range(3)) for x in range(half)]
    bridges = [(last, x + half + i * n, x + (i + 1) % 3 * n) for x in range(half) for i in range(3)]
    mixed = [
        (x + i * n, y + i * n, times(x, y) + (i + 1) % 3 * n) for x, y in combinations(range(n), 2) for i in range(3)
    ]
    return [tuple(sorted(block)) for block in columns + bridges + mixed]


def affine_lines(dimension: int, order: int) -> Blocks:
    """The lines of AG(dimension, order): any two of order ** dimension points lie on one."""
    gf = field(order)
    points = list(product(range(order), repeat=dimension))
    number = {point: i for i, point in enumerate(points)}

    # A line is met from each of its points; the set keeps it once.
    lines = set()
    for direction in _directions(dimension, order):
        for base in points:
            line = [_along(gf, base, direction, t) for t in range(order)]
            lines.add(tuple(sorted(number[point] for point in line)))
    return sorted(lines)


def projective_lines(dimension: int, order: int) -> Blocks:
    """The lines of PG(dimension, order): any two points lie on one."""
    gf = field(order)
    points = list(_directions(dimension + 1, order))
    number = {point: i for i, point in enumerate(points)}

    lines = set()
    for p, q in combinations(points, 2):
        line = [number[p], *(number[_normalised(gf, _along(gf, q, p, t))] for t in range(order))]
        lines.add(tuple(sorted(line)))
    return sorted(lines)


def _directions(dimension: int, order: int) -> Iterable[tuple[int, ...]]:
    """Vectors other than 0 whose first coordinate that is not 0 is 1: the points of a projective space."""
    for vector in product(range(order), repeat=dimension):
        if next((x for x in vector if x), 0) == 1:
            yield vector


def _along(gf: GaloisField, base: Sequence[int], direction: Sequence[int], t: int) -> tuple[int, ...]:
    """The point base + t direction."""
    return tuple(gf.plus[b][gf.times[t][d]] for b, d in zip(base, direction, strict=True))


def _normalised(gf: GaloisField, vector: tuple[int, ...]) -> tuple[int, ...]:
    """The multiple of a vector whose first coordinate that is not 0 is 1."""
    lead = next(x for x in vector if x)
    inverse = gf.inverse(lead)
    return tuple(gf.times[inverse][x] for x in vector)


def spherical(order: int, degree: int) -> Blocks:
    """The images of GF(q) and infinity in GF(q ** degree) and infinity: any three points lie in one block.

    The block through three points is the image of the one through (0, 1, infinity) under the one fractional linear map
    that takes those three there.
    """
    large_order = order**degree
    gf = field(large_order)
    infinity = large_order
    subfield = [x for x in range(large_order) if gf.power(x, order) == x]

    blocks: set[tuple[int, ...]] = set()
    covered: set[tuple[int, int, int]] = set()
    # Any three points lie in one block, so a block need not be made twice.
    for three in combinations(range(large_order + 1), 3):
        if three in covered:
            continue
        block = tuple(sorted({_cross(gf, three, x, infinity) for x in [*subfield, infinity]}))
        blocks.add(block)
        covered.update(combinations(block, 3))
    return sorted(blocks)


def _cross(gf: GaloisField, three: tuple[int, int, int], x: int, infinity: int) -> int:
    """The image of x under the fractional linear map 0 -> a, infinity -> b, 1 -> c (c may be infinity)."""
    a, b, c = three
    if x == infinity:
        return b
    if x == 0:
        return a

    # (b x - a) / (x - 1) takes 1 to infinity.
    if c == infinity:
        return _ratio(gf, gf.minus(gf.times[b][x], a), gf.minus(x, 1), infinity)

    # (b s x + a) / (s x + 1) with s = (c - a) / (b - c) takes 1 to c.
    s = _ratio(gf, gf.minus(c, a), gf.minus(b, c), infinity)
    scaled = gf.times[s][x]
    return _ratio(gf, gf.plus[gf.times[b][scaled]][a], gf.plus[scaled][1], infinity)


def _ratio(gf: GaloisField, x: int, y: int, infinity: int) -> int:
    """The quotient x / y; infinity for y = 0."""
    if y == 0:
        return infinity
    return gf.times[x][gf.inverse(y)]


def small_witt() -> Blocks:
    """The 132 blocks of S(5, 6, 12): the images of infinity and the squares modulo 11 under PSL(2, 11).

    >>> len(small_witt())
    132
    """
    squares = {x * x % 11 for x in range(1, 11)}
    start = tuple(sorted({11, *squares}))

    shift = [(x + 1) % 11 for x in range(11)] + [11]
    scale = [3 * x % 11 for x in range(11)] + [11]
    flip = [11] + [-pow(x, -1, 11) % 11 for x in range(1, 11)] + [0]
    return closed([start], [shift, scale, flip])


def closed(blocks: Iterable[tuple[int, ...]], maps: Sequence[Sequence[int]]) -> Blocks:
    """All images of blocks under the group that permutations generate."""
    images = set(blocks)
    waiting = list(images)

    while waiting:
        block = waiting.pop()
        for permutation in maps:
            image = tuple(sorted(permutation[x] for x in block))
            if image not in images:
                images.add(image)
                waiting.append(image)
    return sorted(images)


def paley(order: int) -> Rows | None:
    """The rows of a Hadamard matrix of Paley's kinds and their complements, without the constant ones.

    They are 2 (order - 1) words of weight order / 2 and distance order / 2. None where neither kind exists.

    >>> paley(12).shape, paley(28).shape, paley(16)
    ((22, 12), (54, 28), None)
    """
    if not has_paley(order):
        return None

    # Columns are multiplied so that the first row is all ones; the others then have as many ones as minus ones.
    signs = _hadamard(order)
    signs = signs * signs[0]
    half = (signs[1:] > 0).astype(np.uint8)
    return np.concatenate([half, 1 - half])


def has_paley(order: int) -> bool:
    """True if `paley` has a matrix of this order."""
    return order % 4 == 0 and (_is_first_kind(order) or _is_second_kind(order))


def _is_first_kind(order: int) -> bool:
    """True for order = q + 1 with q a prime power; q = 3 modulo 4 since the order is a multiple of 4."""
    return 4 <= order <= LARGEST_ORDER and prime_power(order - 1) is not None


def _is_second_kind(order: int) -> bool:
    """True for order = 2 (q + 1) with q = 1 modulo 4 a prime power."""
    half = order // 2
    return half % 4 == 2 and 6 <= half <= LARGEST_ORDER and prime_power(half - 1) is not None


def _jacobsthal(order: int) -> Signs:
    """Q[x, y] = chi(x - y), chi being 1 on squares, -1 on the rest, 0 at 0."""
    gf = field(order)
    squares = {gf.times[x][x] for x in range(1, order)}

    chi = [-1] * order
    chi[0] = 0
    for square in squares:
        chi[square] = 1
    return np.array([[chi[gf.minus(x, y)] for y in range(order)] for x in range(order)])


def _bordered(order: int, sign: int) -> Signs:
    """The matrix S: Q with a row of 1 above it and a column of `sign` beside it, 0 in the corner."""
    bordered = np.zeros((order + 1, order + 1), dtype=np.int64)
    bordered[0, 1:], bordered[1:, 0] = 1, sign
    bordered[1:, 1:] = _jacobsthal(order)
    return bordered


def _hadamard(order: int) -> Signs:
    """A Hadamard matrix of an order for which `has_paley` is true."""
    if _is_first_kind(order):
        return _paley_one(order)
    return _paley_two(order)


def _paley_one(order: int) -> Signs:
    """I + S for the skew S of a field of order - 1 = 3 modulo 4 elements."""
    return np.asarray(_bordered(order - 1, -1) + np.eye(order, dtype=np.int64))


def _paley_two(order: int) -> Signs:
    """S x [[1, 1], [1, -1]] + I x [[1, -1], [-1, -1]] for the symmetric S of order / 2 - 1 = 1 modulo 4 elements."""
    half = order // 2
    plus, minus = np.array([[1, 1], [1, -1]]), np.array([[1, -1], [-1, -1]])
    return np.asarray(np.kron(_bordered(half - 1, 1), plus) + np.kron(np.eye(half, dtype=np.int64), minus))


def transposed(blocks: Blocks, points: int) -> Rows:
    """Points as words: row i holds the blocks through point i."""
    return rows_from(blocks, points).T.copy()
