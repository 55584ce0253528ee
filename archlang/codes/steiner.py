"""Block designs as codes: blocks are words, points are branches; two blocks that meet in at most m points have
distance 2 (w - m). Transposed, points are words: in a 2-(v, k, lambda) design any two share lambda blocks, so that v
words of weight r have distance 2 (r - lambda).

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

from archlang.codes.fields import Field, field, prime_power
from archlang.codes.words import Rows, rows_from

Blocks = list[tuple[int, ...]]
Signs = NDArray[np.int64]


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
    return [tuple(sorted(b)) for b in columns + mixed]


def _skolem(n: int) -> Blocks:
    """Skolem: points (x, i) of Z_n x Z_3, n even, and one more, with a commutative product that is half-idempotent."""
    half, last = n // 2, 3 * n

    def times(x: int, y: int) -> int:
        total = (x + y) % n
        return total // 2 if total % 2 == 0 else (total - 1) // 2 + half

    columns = [tuple(x + i * n for i in range(3)) for x in range(half)]
    bridges = [(last, x + half + i * n, x + (i + 1) % 3 * n) for x in range(half) for i in range(3)]
    mixed = [
        (x + i * n, y + i * n, times(x, y) + (i + 1) % 3 * n) for x, y in combinations(range(n), 2) for i in range(3)
    ]
    return [tuple(sorted(b)) for b in columns + bridges + mixed]


def affine_lines(dimension: int, order: int) -> Blocks:
    """The lines of AG(dimension, order): any two of order ** dimension points lie on one."""
    gf = field(order)
    points = list(product(range(order), repeat=dimension))
    number = {p: i for i, p in enumerate(points)}
    found = set()
    for way in _directions(dimension, order):
        for base in points:
            line = [_moved(gf, base, way, t) for t in range(order)]
            found.add(tuple(sorted(number[p] for p in line)))
    return sorted(found)


def projective_lines(dimension: int, order: int) -> Blocks:
    """The lines of PG(dimension, order): any two points lie on one."""
    gf = field(order)
    points = list(_directions(dimension + 1, order))
    number = {p: i for i, p in enumerate(points)}
    found = set()
    for p, q in combinations(points, 2):
        line = [number[p], *(number[_scaled(gf, _moved(gf, q, p, t))] for t in range(order))]
        found.add(tuple(sorted(line)))
    return sorted(found)


def _directions(dimension: int, order: int) -> Iterable[tuple[int, ...]]:
    """Vectors other than 0 whose first coordinate that is not 0 is 1: the points of a projective space."""
    for vector in product(range(order), repeat=dimension):
        if next((x for x in vector if x), 0) == 1:
            yield vector


def _moved(gf: Field, base: Sequence[int], way: Sequence[int], t: int) -> tuple[int, ...]:
    return tuple(gf.plus[b][gf.times[t][w]] for b, w in zip(base, way, strict=True))


def _scaled(gf: Field, vector: tuple[int, ...]) -> tuple[int, ...]:
    lead = next(x for x in vector if x)
    inverse = gf.times[lead].index(1)
    return tuple(gf.times[inverse][x] for x in vector)


def spherical(order: int, degree: int) -> Blocks:
    """The images of GF(q) and infinity in GF(q ** degree) and infinity: any three points lie in one block.

    Found from below: the block through three points is the image of (0, 1, infinity)'s under the one fractional
    linear map that takes those three there.
    """
    big = order**degree
    gf = field(big)
    infinity = big
    below = [x for x in range(big) if gf.power(x, order) == x]
    found: set[tuple[int, ...]] = set()
    seen: set[tuple[int, int, int]] = set()
    for three in combinations(range(big + 1), 3):
        if three in seen:
            continue
        block = tuple(sorted({_cross(gf, three, x, infinity) for x in [*below, infinity]}))
        found.add(block)
        seen.update(combinations(block, 3))
    return sorted(found)


def _cross(gf: Field, three: tuple[int, int, int], x: int, infinity: int) -> int:
    """The image of x under the fractional linear map 0 -> a, infinity -> b, 1 -> c (c may be infinity)."""
    a, b, c = three
    if x == infinity:
        return b
    if x == 0:
        return a
    if c == infinity:  # (b u - a) / (u - 1) has 1 -> infinity; u = x
        return _ratio(gf, _less(gf, gf.times[b][x], a), _less(gf, x, 1), infinity)
    scale = _ratio(gf, _less(gf, c, a), _less(gf, b, c), infinity)  # (b s x + a) / (s x + 1)
    u = gf.times[scale][x]
    return _ratio(gf, gf.plus[gf.times[b][u]][a], gf.plus[u][1], infinity)


def _less(gf: Field, x: int, y: int) -> int:
    return gf.plus[x][gf.negative(y)]


def _ratio(gf: Field, x: int, y: int, infinity: int) -> int:
    return infinity if y == 0 else gf.times[x][gf.times[y].index(1)]


def small_witt() -> Blocks:
    """The 132 blocks of S(5, 6, 12): the images of infinity and the squares modulo 11 under PSL(2, 11).

    >>> len(small_witt())
    132
    """
    squares = {x * x % 11 for x in range(1, 11)}
    start = tuple(sorted({11, *squares}))
    maps = [[(x + 1) % 11 for x in range(11)] + [11], [3 * x % 11 for x in range(11)] + [11]]
    maps.append([11] + [-pow(x, -1, 11) % 11 for x in range(1, 11)] + [0])
    return closed([start], maps)


def closed(blocks: Iterable[tuple[int, ...]], maps: Sequence[Sequence[int]]) -> Blocks:
    """All images of blocks under the group that permutations generate."""
    found = set(blocks)
    waiting = list(found)
    while waiting:
        block = waiting.pop()
        for turn in maps:
            image = tuple(sorted(turn[x] for x in block))
            if image not in found:
                found.add(image)
                waiting.append(image)
    return sorted(found)


def paley(order: int) -> Rows | None:
    """The rows of a Hadamard matrix of Paley's kinds and their complements, without the constant ones, as words of
    weight order / 2 and distance order / 2: 2 (order - 1) of them. None where neither kind exists.

    >>> paley(12).shape, paley(28).shape, paley(16)
    ((22, 12), (54, 28), None)
    """
    if not has_paley(order):
        return None
    signs = _paley_one(order) if _is_first(order) else _paley_two(order)
    signs = signs * signs[0]  # the first row all ones
    half = (signs[1:] > 0).astype(np.uint8)
    return np.concatenate([half, 1 - half])


def has_paley(order: int) -> bool:
    """Whether `paley` has a matrix of this order."""
    return order % 4 == 0 and (_is_first(order) or _is_second(order))


def _is_first(order: int) -> bool:
    return 4 <= order <= 128 and prime_power(order - 1) is not None


def _is_second(order: int) -> bool:
    half = order // 2
    return half % 4 == 2 and 6 <= half <= 128 and prime_power(half - 1) is not None


def _jacobsthal(order: int) -> Signs:
    """Q[x, y] = chi(x - y), chi being 1 on squares, -1 on the rest, 0 at 0."""
    gf = field(order)
    squares = {gf.times[x][x] for x in range(1, order)}
    chi = [0 if x == 0 else 1 if x in squares else -1 for x in range(order)]
    return np.array([[chi[_less(gf, x, y)] for y in range(order)] for x in range(order)])


def _skewed(order: int, sign: int) -> Signs:
    found = np.zeros((order + 1, order + 1), dtype=np.int64)
    found[0, 1:], found[1:, 0] = 1, sign
    found[1:, 1:] = _jacobsthal(order)
    return found


def _paley_one(order: int) -> Signs:
    """I + S for the skew S of a field of order - 1 = 3 modulo 4 elements."""
    return np.asarray(_skewed(order - 1, -1) + np.eye(order, dtype=np.int64))


def _paley_two(order: int) -> Signs:
    """S x [[1, 1], [1, -1]] + I x [[1, -1], [-1, -1]] for the symmetric S of order / 2 - 1 = 1 modulo 4 elements."""
    half = order // 2
    plus, minus = np.array([[1, 1], [1, -1]]), np.array([[1, -1], [-1, -1]])
    return np.asarray(np.kron(_skewed(half - 1, 1), plus) + np.kron(np.eye(half, dtype=np.int64), minus))


def transposed(blocks: Blocks, points: int) -> Rows:
    """Points as words: row i holds the blocks through point i."""
    return rows_from(blocks, points).T.copy()
