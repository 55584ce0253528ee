"""Words as arrays: rows of zeros and ones, or 64-bit masks in which bit i is branch i.

>>> text(rows_of(np.array([3, 6], dtype=np.uint64), 4))
('1100', '0110')
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint8]
"""Words [count, branches] of zeros and ones."""

Masks = NDArray[np.uint64]
"""Words [count] of at most 64 branches."""

MOST = 3_000_000
"""The most words that are ever listed at once."""

BLOCK = 1_024
"""Rows compared with all others at once, which bounds the memory of `least_distance`."""


def rows_of(masks: Masks, branches: int) -> Rows:
    """Turn masks [count] into rows [count, branches]."""
    shifts = np.arange(branches, dtype=np.uint64)
    return ((masks[:, None] >> shifts) & np.uint64(1)).astype(np.uint8)


def rows_from(sets: Sequence[Sequence[int]], branches: int) -> Rows:
    """Turn sets of branches into rows."""
    rows = np.zeros((len(sets), branches), dtype=np.uint8)
    for i, members in enumerate(sets):
        rows[i, list(members)] = 1
    return rows


def text(rows: Rows) -> tuple[str, ...]:
    """Turn rows into strings of 0 and 1."""
    return tuple("".join(map(str, row)) for row in rows.tolist())


def subsets(size: int, weight: int) -> Masks:
    """All words of a weight; their number must not pass `MOST`.

    >>> subsets(4, 3).tolist()
    [7, 11, 13, 14]
    """
    # by_weight[j] holds the words of weight j on the first i places.
    by_weight = [np.zeros(1, dtype=np.uint64), *(np.zeros(0, dtype=np.uint64) for _ in range(weight))]

    for i in range(size):
        bit = np.uint64(1 << i)
        extended = [np.concatenate([by_weight[j], by_weight[j - 1] | bit]) for j in range(1, weight + 1)]
        # Weight j on one place more: without a one there, or with one.
        by_weight = [by_weight[0], *extended]

    return by_weight[weight]


def common(rows: Rows, others: Rows) -> NDArray[np.int32]:
    """The number of ones that each of `rows` shares with each of `others`: [rows, others]."""
    # In float32 the product runs in BLAS; counts of at most 512 ones are exact there.
    return np.asarray((rows.astype(np.float32) @ others.astype(np.float32).T).astype(np.int32))


def least_distance(rows: Rows) -> int:
    """The minimum Hamming distance of two rows; the length for a single row.

    >>> least_distance(rows_from([(0, 1), (1, 2), (2, 3)], 4))
    2
    """
    smallest = rows.shape[1]
    weights = rows.sum(axis=1, dtype=np.int32)

    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        distances = weights[block, None] + weights[None, start:] - 2 * common(rows[block], rows[start:])

        # A row has distance 0 from itself, which must not count.
        diagonal = np.arange(len(distances))
        distances[diagonal, diagonal] = smallest
        smallest = min(smallest, int(distances.min()))

    return int(smallest)
