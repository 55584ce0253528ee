"""Codes made of orbits of a group on the branches.

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
from archlang.codes.groups import PermutationGroup
from archlang.codes.words import MOST, Masks, Rows, rows_of, subsets
from archlang.dataclass import dataclass

SAMPLE = 300_000
"""Words drawn where there are too many to list."""

ORBITS = 20_000
"""Good orbits kept."""

NEIGHBOURS = 700
"""Orbits, of those that go together with the first one, that a clique is looked for in."""

ByteTables = NDArray[np.uint64]
"""A permutation of the bits of a mask, as the image of each byte at each place [bytes, 256]."""

TellStarts = Callable[[int, int], None]
"""Called with the number of first orbits tried and the number of words of the last code."""


@dataclass(frozen=True)
class OrbitEffort:
    """Bounds on the work of `orbit_code`: first orbits tried, and nodes of each clique search."""

    starts: int = 3
    nodes: int = 40_000


ORDINARY = OrbitEffort()


def orbit_code(
    group: PermutationGroup, weight: int, distance: int, wanted: int, rng: np.random.Generator,
    tell: TellStarts | None = None, effort: OrbitEffort = ORDINARY,
) -> tuple[Rows, NDArray[np.intp]] | None:  # fmt: skip
    """At least `wanted` words that the group keeps; None where the search has none.

    The second result numbers each word's orbit under the group's shifts.

    >>> from archlang.codes.groups import GroupPlan, generated
    >>> seven = generated(GroupPlan("Z_7", [tuple((x + 1) % 7 for x in range(7))]))
    >>> rows, parts = orbit_code(seven, 3, 4, 7, np.random.default_rng(0))
    >>> rows.shape, set(parts.tolist())
    ((7, 7), {0})
    """
    degree, most = group.elements.shape[1], weight - distance // 2
    elements = [_tables(element) for element in group.elements]

    orbits = good_orbits(_candidates(group, degree, weight, rng), group, most)
    if not len(orbits):
        return None
    if len(orbits) > ORBITS:
        # Sorted again: the order of the draw must not matter for what comes after.
        orbits = np.sort(orbits[rng.choice(len(orbits), ORBITS, replace=False)])

    for number, start in enumerate(rng.permutation(len(orbits))[: effort.starts].tolist()):
        words = _around(orbits, start, elements, most, wanted, rng, effort.nodes)
        if tell is not None:
            tell(number + 1, len(words))
        if len(words) >= wanted:
            return rows_of(words, degree), _parts(words, group)
        # With few orbits, all of them may be taken: another start gives the same.
        if len(orbits) * group.order <= len(words):
            break
    return None


def _parts(words: Masks, group: PermutationGroup) -> NDArray[np.intp]:
    """The orbit of each word under the shifts, numbered from 0."""
    least = words.copy()
    for shift in group.shifts:
        np.minimum(least, _moved(words, _tables(shift)), out=least)
    return np.asarray(np.unique(least, return_inverse=True)[1].ravel())


def _candidates(group: PermutationGroup, degree: int, weight: int, rng: np.random.Generator) -> Masks:
    """Words that meet every orbit, or a sample of all words."""
    # A transitive group takes some point of each word to point 0.
    if group.transitive and comb(degree - 1, weight - 1) <= MOST:
        return subsets(degree - 1, weight - 1) << np.uint64(1) | np.uint64(1)
    if comb(degree, weight) <= MOST:
        return subsets(degree, weight)

    # The places of the smallest random numbers are a random subset.
    places = rng.random((SAMPLE, degree)).argpartition(weight, axis=1)[:, :weight].astype(np.uint64)
    return np.asarray(np.unique(np.bitwise_or.reduce(np.uint64(1) << places, axis=1)))


def _tables(element: NDArray[np.intp]) -> ByteTables:
    """A permutation as tables, one for each byte of a mask, so that masks are moved eight branches at a time."""
    tables = np.zeros((8, 256), dtype=np.uint64)
    values = np.arange(256)
    for point, image in enumerate(element.tolist()):
        tables[point // 8] |= (values >> point % 8 & 1).astype(np.uint64) << np.uint64(image)
    return np.asarray(tables[: (len(element) + 7) // 8])


def _moved(masks: Masks, tables: ByteTables) -> Masks:
    """The images of masks under a permutation."""
    images = tables[0][masks & np.uint64(255)]
    for i in range(1, len(tables)):
        images = images | tables[i][masks >> np.uint64(8 * i) & np.uint64(255)]
    return np.asarray(images)


def good_orbits(masks: Masks, group: PermutationGroup, most: int) -> Masks:
    """The smallest word of each orbit that the masks meet and whose words share at most so many ones, sorted."""
    elements = [_tables(element) for element in group.elements]
    for element in elements:
        images = _moved(masks, element)
        # A word that the element keeps shares all its ones with its image, and is still good.
        masks = np.asarray(masks[(np.bitwise_count(masks & images) <= most) | (masks == images)])

    least = masks.copy()
    for element in elements:
        np.minimum(least, _moved(masks, element), out=least)
    return np.unique(least)


def _around(
    orbits: Masks, start: int, elements: list[ByteTables], most: int, wanted: int, rng: np.random.Generator, nodes: int
) -> Masks:
    """The words of a heavy clique of orbits that holds the orbit `start`."""
    first = _orbit(orbits[start], elements)
    compatible = np.ones(len(orbits), dtype=bool)
    compatible[start] = False
    # Each word of the first orbit against one of every other: the group takes any other pair to one of these.
    for word in first:
        compatible &= np.bitwise_count(orbits & word) <= most

    places = np.flatnonzero(compatible)
    if len(places) > NEIGHBOURS:
        places = np.sort(rng.choice(places, NEIGHBOURS, replace=False))

    near = orbits[places]
    members = [_orbit(word, elements) for word in near]
    chosen = heavy([len(orbit) for orbit in members], _neighbours(near, elements, most), wanted - len(first), nodes)
    return np.concatenate([first, *(members[v] for v in chosen)])


def _neighbours(orbits: Masks, elements: list[ByteTables], most: int) -> list[int]:
    """For each orbit a mask of the orbits that go together with it."""
    joined = np.ones((len(orbits), len(orbits)), dtype=bool)
    for element in elements:
        joined &= np.bitwise_count(orbits[:, None] & _moved(orbits, element)[None, :]) <= most
    return [int.from_bytes(np.packbits(row, bitorder="little").tobytes(), "little") for row in joined]


def _orbit(word: np.uint64, elements: list[ByteTables]) -> Masks:
    """All images of a word."""
    return np.unique(np.concatenate([_moved(np.array([word]), element) for element in elements]))
