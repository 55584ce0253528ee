"""Codes packed of orbits that are listed where words are few, and sampled where they are many.

As in `orbits`, a code is a clique of good orbits that go together. Here cliques are looked for by tabu search among a
thousand orbits or so, which reaches the best known sizes of most short codes in a second, and needs no list of all
words: orbits of a cyclic group on 40 or 400 branches are good or not by themselves, so a sample of them will do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

from archlang.codes.groups import PermutationGroup, divisors
from archlang.codes.orbits import good_orbits
from archlang.codes.tabu_clique import tabu_clique
from archlang.codes.words import Rows, rows_of, subsets
from archlang.dataclass import dataclass

LISTED = 300_000
"""Words up to which all are listed; of more, a sample is drawn."""

MASKED = 64
"""Branches up to which words can be listed as masks."""

BATCH = 20_000
"""Words drawn at once."""

Floats = NDArray[np.float32]
Elements = NDArray[np.intp]


@dataclass(frozen=True)
class PackingEffort:
    """Bounds on the work of `packed_code`.

    Args:
        samples: words drawn at most, where they are not listed.
        vertices: orbits among which cliques are looked for.
        products: multiplications for the comparison of all these orbits, which leave fewer of them to large groups.
        moves: moves of the tabu search.
    """

    samples: int = 300_000
    vertices: int = 1_500
    products: int = 4_000_000_000
    moves: int = 3_000


ORDINARY = PackingEffort()


def is_listed(branches: int, weight: int) -> bool:
    """True if all words of a weight are listed, which makes a search quick."""
    return branches <= MASKED and comb(branches, weight) <= LISTED


def packed_code(
    group: PermutationGroup, weight: int, distance: int, wanted: int, rng: np.random.Generator,
    effort: PackingEffort = ORDINARY,
) -> Rows | None:  # fmt: skip
    """At least `wanted` words that the group keeps; None where the search has none.

    >>> from archlang.codes.groups import GroupPlan, generated
    >>> six = generated(GroupPlan("Z_6", [(1, 2, 3, 4, 5, 0, 7, 8, 9, 10, 11, 6)]))
    >>> rows = packed_code(six, 4, 4, 51, np.random.default_rng(0))
    >>> rows.shape, set(rows.sum(axis=0).tolist())
    ((51, 12), {17})
    """
    order, degree = group.elements.shape
    most = weight - distance // 2
    # Comparing v orbits takes order * degree * v * v products.
    vertices = min(effort.vertices, int((effort.products / (order * degree)) ** 0.5))

    heads = _heads(group, weight, most, vertices, rng, effort)
    orbits = [np.unique(head[group.elements], axis=0) for head in heads]
    sizes = np.array([len(orbit) for orbit in orbits], dtype=np.int64)
    if sizes.sum() < wanted:
        return None

    # One orbit more than needed leaves a choice of words with even columns.
    joined = _compatible(heads, group.elements, most)
    chosen = tabu_clique(sizes, joined, wanted + order, effort.moves, rng)
    if sizes[chosen].sum() < wanted:
        return None
    return np.concatenate([orbits[v] for v in chosen]).astype(np.uint8)


def partitions(rows: Rows, group: PermutationGroup) -> Iterator[NDArray[np.intp]]:
    """Partitions of words that a group keeps into orbits, as the number of each word's orbit; coarse ones first.

    They are the orbits under the shifts and under some subgroups of them: all subgroups of cyclic shifts, else those
    that the first few generators have.
    """
    images = np.stack([_images(rows, generator) for generator in group.generators])
    if not group.cyclic:
        for count in range(len(images), 0, -1):
            yield _cycles(images[:count])
        return

    # Powers of one shift generate every subgroup; the trivial one would leave each word an orbit of its own.
    order = len(group.shifts)
    for divisor in divisors(order)[:-1]:
        power = np.arange(len(rows))
        for _ in range(order // divisor):
            power = images[0][power]
        yield _cycles(power[None])


def _images(rows: Rows, permutation: Sequence[int]) -> NDArray[np.intp]:
    """The number of each word's image among the words."""
    number = {row.tobytes(): i for i, row in enumerate(rows)}
    return np.array([number[row.tobytes()] for row in np.ascontiguousarray(rows[:, list(permutation)])])


def _cycles(images: NDArray[np.intp]) -> NDArray[np.intp]:
    """The number of each word's orbit under permutations of the words [permutations, words]."""
    labels = np.full(images.shape[1], -1)
    count = 0
    for start in range(images.shape[1]):
        if labels[start] >= 0:
            continue

        waiting = [start]
        labels[start] = count
        while waiting:
            for image in images[:, waiting.pop()].tolist():
                if labels[image] < 0:
                    labels[image] = count
                    waiting.append(image)
        count += 1
    return labels


def _heads(
    group: PermutationGroup, weight: int, most: int, count: int, rng: np.random.Generator, effort: PackingEffort
) -> Floats:
    """A word of each of at most `count` good orbits, as rows of floats, whose products run in BLAS."""
    degree = group.elements.shape[1]
    if is_listed(degree, weight):
        masks = good_orbits(subsets(degree, weight), group, most)
        if len(masks) > count:
            masks = np.sort(rng.choice(masks, count, replace=False))
        return rows_of(masks, degree).astype(np.float32)

    # Most samples of an easy distance are good, and hardly any of a hard one.
    heads = np.zeros((0, degree), dtype=np.float32)
    for _ in range(0, effort.samples, BATCH):
        heads = np.concatenate([heads, _good(_drawn(degree, weight, rng), group.elements, most, weight)])
        if len(heads) >= count:
            break
    return heads[:count]


def _drawn(degree: int, weight: int, rng: np.random.Generator) -> Floats:
    """Random words of a weight."""
    places = rng.random((BATCH, degree), dtype=np.float32).argpartition(weight - 1, axis=1)[:, :weight]
    rows = np.zeros((BATCH, degree), dtype=np.float32)
    np.put_along_axis(rows, places, 1.0, axis=1)
    return rows


def _good(rows: Floats, elements: Elements, most: int, weight: int) -> Floats:
    """Those words that share at most so many ones with each of their images, unless it is the word itself."""
    for element in elements:
        shared = np.einsum("ij,ij->i", rows, rows[:, element])
        rows = rows[(shared <= most) | (shared == weight)]
    return rows


def _compatible(heads: Floats, elements: Elements, most: int) -> NDArray[np.bool_]:
    """True for each two orbits whose words share at most so many ones; a word against an orbit tells it for both."""
    joined = np.ones((len(heads), len(heads)), dtype=bool)
    for element in elements:
        joined &= heads @ heads[:, element].T <= most

    # An element and its inverse give transposed products: what one of them forbids is forbidden.
    joined &= joined.T
    np.fill_diagonal(joined, False)
    return joined
