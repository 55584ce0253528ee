"""Binary linear codes of length at most 64 and their words of one weight.

Spans are listed in full, so that their least distance (the least weight of a word other than zero) is counted, not
looked up. Sources: MacWilliams and Sloane, The Theory of Error-Correcting Codes, chapters 7 (BCH), 13 (Reed-Muller),
16 (quadratic residues) and 2 section 8 (Nordstrom-Robinson).

>>> golay = residue_code(23)
>>> golay.distance, len(golay.of_weight(8)), len(golay.of_weight(12))
(8, 759, 2576)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np

from archlang.codes.fields import field as finite_field
from archlang.codes.words import Masks


@dataclass(frozen=True, eq=False)
class Binary:
    """A binary code: its length, all its words, its least distance and what it is called."""

    name: str
    length: int
    words: Masks = field(repr=False)
    distance: int

    def of_weight(self, weight: int) -> Masks:
        """Its words of a weight."""
        return np.asarray(self.words[np.bitwise_count(self.words) == weight])


def spanned(name: str, length: int, generators: list[int]) -> Binary:
    """The code that words (as masks) span; `name` gets its parameters [length, dimension, distance]."""
    basis = _basis(generators)
    words = np.zeros(1, dtype=np.uint64)
    for row in basis:
        words = np.concatenate([words, words ^ np.uint64(row)])
    distance = int(np.bitwise_count(words[1:]).min())
    return Binary(f"{name} [{length}, {len(basis)}, {distance}]", length, words, distance)


def _basis(generators: list[int]) -> list[int]:
    """Independent words with the same span."""
    found: dict[int, int] = {}
    for row in generators:
        while row:
            lead = row.bit_length()
            if lead not in found:
                found[lead] = row
                break
            row ^= found[lead]
    return list(found.values())


def reed_muller(order: int, variables: int) -> Binary:
    """RM(order, variables): values of polynomials of at most this degree on GF(2) ** variables.

    >>> reed_muller(1, 4).name
    'Reed-Muller code RM(1, 4) [16, 5, 8]'
    """
    length = 1 << variables
    rows = [
        sum(1 << x for x in range(length) if all(x >> v & 1 for v in chosen))
        for degree in range(order + 1)
        for chosen in combinations(range(variables), degree)
    ]
    return spanned(f"Reed-Muller code RM({order}, {variables})", length, rows)


def cosets(bits: int) -> list[list[int]]:
    """The classes of exponents modulo 2 ** bits - 1 under doubling, without that of 0, by smallest member."""
    order, seen = (1 << bits) - 1, set[int]()
    found = []
    for leader in range(1, order):
        if leader not in seen:
            members = [leader * (1 << i) % order for i in range(bits)]
            found.append(list(dict.fromkeys(members)))
            seen.update(members)
    return found


def bch(bits: int, designed: int) -> Binary:
    """The extended narrow-sense BCH code of length 2 ** bits and designed distance `designed` + 1.

    Its words are x -> e + sum_s Tr(a_s x ** -s) on GF(2 ** bits), s over the cosets without 1 .. designed - 1.

    >>> bch(5, 11).name
    'extended BCH code [32, 11, 12]'
    """
    q = 1 << bits
    gf = finite_field(q)
    kept = [c for c in cosets(bits) if not any(0 < s < designed for s in c)]
    rows = [(1 << q) - 1]
    for coset in kept:
        values = [0, *(gf.power(x, q - 1 - coset[0]) for x in range(1, q))]
        for b in range(bits):
            rows.append(sum(gf.trace(gf.times[1 << b][value]) << x for x, value in enumerate(values)))
    return spanned("extended BCH code", q, rows)


def residue_code(prime: int) -> Binary:
    """The extended quadratic-residue code of a prime p = 1 or 7 modulo 8: [p + 1, (p + 1) / 2]; p = 23 is Golay's."""
    squares = {x * x % prime for x in range(1, prime)}
    rows = [sum(1 << (s + shift) % prime for s in squares) for shift in range(prime)]
    rows.append((1 << prime) - 1)
    extended = [row | (row.bit_count() & 1) << prime for row in rows]
    name = "extended Golay code" if prime == 23 else "extended quadratic-residue code"
    return spanned(name, prime + 1, extended)


def nordstrom_robinson() -> Binary:
    """256 words of length 16 and distance 6, more than any linear code has.

    Those Golay words that hold nothing of an octad but, maybe, its last point and one other, without the octad.

    >>> found = nordstrom_robinson()
    >>> len(found.words), found.distance, len(found.of_weight(6)), len(found.of_weight(8))
    (256, 6, 112, 30)
    """
    golay = residue_code(23)
    octad = int(golay.of_weight(8)[0])
    points = [i for i in range(24) if octad >> i & 1]
    others = [i for i in range(24) if not octad >> i & 1]
    held = golay.words & np.uint64(octad)
    last = 1 << points[-1]
    allowed = np.array([0, *(1 << p | last for p in points[:-1])], dtype=np.uint64)
    chosen = golay.words[np.isin(held, allowed)]
    words = np.zeros(len(chosen), dtype=np.uint64)
    for i, place in enumerate(others):
        words |= (chosen >> np.uint64(place) & np.uint64(1)) << np.uint64(i)
    distance = min(int(np.bitwise_count(words[i + 1 :] ^ word).min()) for i, word in enumerate(words[:-1]))
    return Binary("Nordstrom-Robinson code (16, 256, 6)", 16, words, distance)


@lru_cache(maxsize=2)
def linear_codes(longest: int = 64) -> tuple[tuple[int, str], ...]:
    """(length, key) of every code that `named` builds, shortest first."""
    found = [(length, key) for key, length in _keys() if length <= longest]
    return tuple(sorted(found))


def _keys() -> Iterator[tuple[str, int]]:
    sizes = {3: (1, 2), 4: (1, 2, 3), 5: (1, 2), 6: (1,)}
    for variables, orders in sizes.items():
        yield from ((f"rm {order} {variables}", 1 << variables) for order in orders)
    for bits, designed in ((4, 5), (5, 5), (5, 7), (5, 11), (6, 21), (6, 23), (6, 27)):
        yield f"bch {designed} {bits}", 1 << bits
    yield from ((f"qr {prime}", prime + 1) for prime in (17, 23, 31, 41))
    yield "nr", 16


@lru_cache(maxsize=8)
def named(key: str) -> Binary:
    """The code of a key, such as `bch 11 5`, `rm 2 4`, `qr 23`, `nr`."""
    kind, *numbers = key.split()
    given = list(map(int, numbers))
    if kind == "rm":
        return reed_muller(given[0], given[1])
    if kind == "bch":
        return bch(given[1], given[0])
    return residue_code(given[0]) if kind == "qr" else nordstrom_robinson()


def words_of(key: str) -> int:
    """How many words the code of a key has, before it is built.

    >>> words_of("bch 5 5"), words_of("rm 2 4")
    (2097152, 2048)
    """
    kind, *numbers = key.split()
    given = list(map(int, numbers))
    if kind == "rm":
        return 1 << sum(comb(given[1], degree) for degree in range(given[0] + 1))
    if kind == "bch":
        return 2 << sum(len(c) for c in cosets(given[1]) if not any(0 < s < given[0] for s in c))
    return 1 << (given[0] + 1) // 2 if kind == "qr" else 256
