"""Binary linear codes of length at most 64 and their words of one weight.

Spans are listed in full, so that their minimum distance (the smallest weight of a word other than zero) is counted,
not looked up. Sources: MacWilliams and Sloane, The Theory of Error-Correcting Codes, chapters 7 (BCH), 13
(Reed-Muller), 16 (quadratic residues) and 2 section 8 (Nordstrom-Robinson).

>>> golay = residue_code(23)
>>> golay.distance, len(golay.of_weight(8)), len(golay.of_weight(12))
(8, 759, 2576)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np

from archlang.codes.fields import field as finite_field
from archlang.codes.words import Masks
from archlang.dataclass import dataclass

REED_MULLER = {3: (1, 2), 4: (1, 2, 3), 5: (1, 2), 6: (1,)}
"""Variables to the orders of the Reed-Muller codes used."""

BCH = ((4, 5), (5, 5), (5, 7), (5, 11), (6, 21), (6, 23), (6, 27))
"""Bits and designed distances of the extended BCH codes used."""

RESIDUE_PRIMES = (17, 23, 31, 41)
"""Primes of the extended quadratic-residue codes used."""


@dataclass(frozen=True, eq=False)
class BinaryCode:
    """A binary code: its name for people, its length, all its words, and its minimum distance."""

    name: str
    length: int
    words: Masks = field(repr=False)
    distance: int

    def of_weight(self, weight: int) -> Masks:
        """The words of a weight."""
        return np.asarray(self.words[np.bitwise_count(self.words) == weight])


def spanned(name: str, length: int, generators: list[int]) -> BinaryCode:
    """The code that words (as masks) span; `name` gets its parameters [length, dimension, distance]."""
    basis = _basis(generators)

    words = np.zeros(1, dtype=np.uint64)
    # Each generator doubles the words: with and without it.
    for row in basis:
        words = np.concatenate([words, words ^ np.uint64(row)])

    distance = int(np.bitwise_count(words[1:]).min())
    return BinaryCode(f"{name} [{length}, {len(basis)}, {distance}]", length, words, distance)


def _basis(generators: list[int]) -> list[int]:
    """Independent words with the same span, by Gaussian elimination on the highest bits."""
    by_lead: dict[int, int] = {}
    for row in generators:
        while row:
            lead = row.bit_length()
            if lead not in by_lead:
                by_lead[lead] = row
                break
            row ^= by_lead[lead]
    return list(by_lead.values())


def reed_muller(order: int, variables: int) -> BinaryCode:
    """RM(order, variables): values of polynomials of at most this degree on GF(2) ** variables.

    >>> reed_muller(1, 4).name
    'Reed-Muller code RM(1, 4) [16, 5, 8]'
    """
    length = 1 << variables
    monomials = [
        sum(1 << x for x in range(length) if all(x >> v & 1 for v in chosen))
        for degree in range(order + 1)
        for chosen in combinations(range(variables), degree)
    ]
    return spanned(f"Reed-Muller code RM({order}, {variables})", length, monomials)


def cosets(bits: int) -> list[list[int]]:
    """The classes of exponents modulo 2 ** bits - 1 under doubling, by smallest member, without that of 0."""
    order, seen = (1 << bits) - 1, set[int]()
    classes = []

    for leader in range(1, order):
        # A coset is met once, at its smallest member.
        if leader not in seen:
            members = [leader * (1 << i) % order for i in range(bits)]
            classes.append(list(dict.fromkeys(members)))
            seen.update(members)
    return classes


def _bch_cosets(bits: int, designed: int) -> list[list[int]]:
    """The cosets without any of the exponents 1 .. designed - 1, which are the zeros of the BCH code."""
    return [coset for coset in cosets(bits) if not any(0 < s < designed for s in coset)]


def bch(bits: int, designed: int) -> BinaryCode:
    """The extended narrow-sense BCH code of length 2 ** bits and designed distance `designed` + 1.

    Its words are x -> e + sum_s Tr(a_s x ** -s) on GF(2 ** bits), s over the cosets without 1 .. designed - 1.

    >>> bch(5, 11).name
    'extended BCH code [32, 11, 12]'
    """
    q = 1 << bits
    gf = finite_field(q)
    rows = [(1 << q) - 1]

    for coset in _bch_cosets(bits, designed):
        # The point 0 has no power with a negative exponent; its value is 0.
        values = [0, *(gf.power(x, q - 1 - coset[0]) for x in range(1, q))]
        for b in range(bits):
            rows.append(sum(gf.trace(gf.times[1 << b][value]) << x for x, value in enumerate(values)))

    return spanned("extended BCH code", q, rows)


def residue_code(prime: int) -> BinaryCode:
    """The extended quadratic-residue code of a prime p = 1 or 7 modulo 8: [p + 1, (p + 1) / 2]; p = 23 is Golay's."""
    squares = {x * x % prime for x in range(1, prime)}
    rows = [sum(1 << (s + shift) % prime for s in squares) for shift in range(prime)]
    rows.append((1 << prime) - 1)

    # The parity bit stands behind the others.
    extended = [row | (row.bit_count() & 1) << prime for row in rows]

    name = "extended quadratic-residue code"
    if prime == 23:
        name = "extended Golay code"
    return spanned(name, prime + 1, extended)


def nordstrom_robinson() -> BinaryCode:
    """256 words of length 16 and distance 6, more than any linear code has.

    Its words are the Golay words that hold nothing of an octad, or its last point and one other, with the places of
    the octad left out.

    >>> code = nordstrom_robinson()
    >>> len(code.words), code.distance, len(code.of_weight(6)), len(code.of_weight(8))
    (256, 6, 112, 30)
    """
    golay = residue_code(23)
    octad = int(golay.of_weight(8)[0])
    points = [i for i in range(24) if octad >> i & 1]
    others = [i for i in range(24) if not octad >> i & 1]

    last = 1 << points[-1]
    allowed = np.array([0, *(1 << p | last for p in points[:-1])], dtype=np.uint64)
    chosen = golay.words[np.isin(golay.words & np.uint64(octad), allowed)]

    words = np.zeros(len(chosen), dtype=np.uint64)
    for i, place in enumerate(others):
        words |= (chosen >> np.uint64(place) & np.uint64(1)) << np.uint64(i)

    # The code is not linear: all pairs are compared.
    distance = min(int(np.bitwise_count(words[i + 1 :] ^ word).min()) for i, word in enumerate(words[:-1]))
    return BinaryCode("Nordstrom-Robinson code (16, 256, 6)", 16, words, distance)


@lru_cache(maxsize=2)
def linear_codes(longest: int = 64) -> tuple[tuple[int, str], ...]:
    """The length and the key of every code that `named` builds, shortest first."""
    return tuple(sorted((length, key) for key, length in _keys() if length <= longest))


def _keys() -> Iterator[tuple[str, int]]:
    """The key and the length of every code."""
    for variables, orders in REED_MULLER.items():
        for order in orders:
            yield f"rm {order} {variables}", 1 << variables
    for bits, designed in BCH:
        yield f"bch {designed} {bits}", 1 << bits
    for prime in RESIDUE_PRIMES:
        yield f"qr {prime}", prime + 1
    yield "nr", 16


@lru_cache(maxsize=8)
def named(key: str) -> BinaryCode:
    """The code of a key: `bch 11 5`, `rm 2 4`, `qr 23` or `nr`."""
    kind, *numbers = key.split()
    match kind, list(map(int, numbers)):
        case "rm", [order, variables]:
            return reed_muller(order, variables)
        case "bch", [designed, bits]:
            return bch(bits, designed)
        case "qr", [prime]:
            return residue_code(prime)
        case _:
            return nordstrom_robinson()


def words_of(key: str) -> int:
    """The number of words of the code of a key, before it is built.

    >>> words_of("bch 5 5"), words_of("rm 2 4")
    (2097152, 2048)
    """
    kind, *numbers = key.split()
    match kind, list(map(int, numbers)):
        case "rm", [order, variables]:
            return 1 << sum(comb(variables, degree) for degree in range(order + 1))
        case "bch", [designed, bits]:
            return 2 << sum(map(len, _bch_cosets(bits, designed)))
        case "qr", [prime]:
            return 1 << (prime + 1) // 2
        case _:
            return 256
