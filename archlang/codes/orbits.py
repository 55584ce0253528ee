"""Codes made of whole orbits of a group on the branches.

An orbit of words under a permutation group is good if its words are far enough from each other; it is enough to compare
one of them with its images. Two good orbits go together if one word of the first is far enough from all of the second.
A code is then a clique of orbits whose sizes add up to enough words.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
from numpy.typing import NDArray

from archlang.codes.clique import heavy
from archlang.codes.groups import Group
from archlang.codes.words import MOST, Masks, Rows, rows_of, subsets

SAMPLE = 300_000
ORBITS = 20_000
NEIGHBOURS = 700
STARTS = 3
NODES = 40_000
"""Bounds on the work: words drawn where all are too many, orbits kept, orbits joined to a first one, first orbits
tried, nodes of each clique search."""

Tell = Callable[[int, int], None]
"""Told of the first orbits tried and the most words so far."""


def orbit_code(
    group: Group, weight: int, distance: int, wanted: int, rng: np.random.Generator,
    tell: Tell | None = None, starts: int = STARTS, nodes: int = NODES,
) -> tuple[Rows, NDArray[np.intp]] | None:  # fmt: skip
    """At least `wanted` words of a weight and distance that the group keeps; None where the search finds none.

    The second result numbers each word's orbit under the group's shifts.

    >>> from archlang.codes.groups import generated
    >>> seven = generated("Z_7", [tuple((x + 1) % 7 for x in range(7))])
    >>> rows, parts = orbit_code(seven, 3, 4, 7, np.random.default_rng(0))
    >>> rows.shape, set(parts.tolist())
    ((7, 7), {0})
    """
    degree, most = group.elements.shape[1], weight - distance // 2
    turns = [_tables(element) for element in group.elements]
    found = _good(_candidates(group, degree, weight, rng), turns, most)
    if not len(found):
        return None
    if len(found) > ORBITS:
        found = np.sort(found[rng.choice(len(found), ORBITS, replace=False)])
    for number, start in enumerate(rng.permutation(len(found))[:starts].tolist()):
        chosen = _around(found, start, turns, most, wanted, rng, nodes)
        if tell is not None:
            tell(number + 1, len(chosen))
        if len(chosen) >= wanted:
            return rows_of(chosen, degree), _parts(chosen, group)
        if _all_joined(found, len(chosen), group.order):
            break
    return None


def _parts(words: Masks, group: Group) -> NDArray[np.intp]:
    """The orbit of each word under the shifts, numbered from 0."""
    least = words.copy()
    for shift in group.shifts:
        np.minimum(least, _moved(words, _tables(shift)), out=least)
    return np.asarray(np.unique(least, return_inverse=True)[1].ravel())


def _all_joined(found: Masks, words: int, order: int) -> bool:
    """Whether the few orbits there are were all taken: nothing else can come."""
    return len(found) * order <= words


def _candidates(group: Group, degree: int, weight: int, rng: np.random.Generator) -> Masks:
    """Words that meet every orbit: all of them (those with point 0 for a transitive group), or a sample."""
    if group.transitive and comb(degree - 1, weight - 1) <= MOST:
        return subsets(degree - 1, weight - 1) << np.uint64(1) | np.uint64(1)
    if comb(degree, weight) <= MOST:
        return subsets(degree, weight)
    places = rng.random((SAMPLE, degree)).argpartition(weight, axis=1)[:, :weight].astype(np.uint64)
    return np.asarray(np.unique(np.bitwise_or.reduce(np.uint64(1) << places, axis=1)))


def _tables(element: NDArray[np.intp]) -> NDArray[np.uint64]:
    """A permutation as eight tables, one for each byte of a mask."""
    found = np.zeros((8, 256), dtype=np.uint64)
    values = np.arange(256)
    for point, image in enumerate(element.tolist()):
        found[point // 8] |= (values >> point % 8 & 1).astype(np.uint64) << np.uint64(image)
    return np.asarray(found[: (len(element) + 7) // 8])


def _moved(masks: Masks, turn: NDArray[np.uint64]) -> Masks:
    """The images of masks."""
    found = turn[0][masks & np.uint64(255)]
    for i in range(1, len(turn)):
        found = found | turn[i][masks >> np.uint64(8 * i) & np.uint64(255)]
    return np.asarray(found)


def _good(masks: Masks, turns: list[NDArray[np.uint64]], most: int) -> Masks:
    """The smallest word of each good orbit that the masks meet, in increasing order."""
    for turn in turns:
        images = _moved(masks, turn)
        masks = np.asarray(masks[(np.bitwise_count(masks & images) <= most) | (masks == images)])
    least = masks.copy()
    for turn in turns:
        np.minimum(least, _moved(masks, turn), out=least)
    return np.unique(least)


def _around(
    found: Masks, start: int, turns: list[NDArray[np.uint64]], most: int, wanted: int, rng: np.random.Generator,
    nodes: int,
) -> Masks:  # fmt: skip
    """The words of a heavy clique of orbits that holds the orbit `start`."""
    first = _orbit(found[start], turns)
    free = np.ones(len(found), dtype=bool)
    free[start] = False
    for word in first:
        free &= np.bitwise_count(found & word) <= most
    places = np.flatnonzero(free)
    if len(places) > NEIGHBOURS:
        places = np.sort(rng.choice(places, NEIGHBOURS, replace=False))
    near = found[places]
    joined = np.ones((len(near), len(near)), dtype=bool)
    orbits = [_orbit(word, turns) for word in near]
    for turn in turns:
        joined &= np.bitwise_count(near[:, None] & _moved(near, turn)[None, :]) <= most
    neighbours = [int.from_bytes(np.packbits(row, bitorder="little").tobytes(), "little") for row in joined]
    chosen = heavy([len(orbit) for orbit in orbits], neighbours, wanted - len(first), nodes)
    return np.concatenate([first, *(orbits[v] for v in chosen)])


def _orbit(word: np.uint64, turns: list[NDArray[np.uint64]]) -> Masks:
    """All images of a word."""
    return np.unique(np.concatenate([_moved(np.array([word]), turn) for turn in turns]))
