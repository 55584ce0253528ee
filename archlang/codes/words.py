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
"""Words that are ever listed at once."""


def rows_of(masks: Masks, branches: int) -> Rows:
    """Masks as rows."""
    shifts = np.arange(branches, dtype=np.uint64)
    return ((masks[:, None] >> shifts) & np.uint64(1)).astype(np.uint8)


def masks_of(rows: Rows) -> Masks:
    """Rows of at most 64 branches as masks."""
    powers = np.uint64(1) << np.arange(rows.shape[1], dtype=np.uint64)
    return np.asarray((rows.astype(np.uint64) * powers).sum(axis=1, dtype=np.uint64))


def rows_from(sets: Sequence[Sequence[int]], branches: int) -> Rows:
    """Sets of branches as rows."""
    rows = np.zeros((len(sets), branches), dtype=np.uint8)
    for i, members in enumerate(sets):
        rows[i, list(members)] = 1
    return rows


def text(rows: Rows) -> tuple[str, ...]:
    """Rows as strings."""
    return tuple("".join(map(str, row)) for row in rows.tolist())


def subsets(size: int, weight: int) -> Masks:
    """All words of a weight; their number must not pass `MOST`.

    >>> subsets(4, 3).tolist()
    [7, 11, 13, 14]
    """
    levels = [np.zeros(1, dtype=np.uint64), *(np.zeros(0, dtype=np.uint64) for _ in range(weight))]
    for i in range(size):
        bit = np.uint64(1 << i)
        levels = [levels[0], *(np.concatenate([levels[j], levels[j - 1] | bit]) for j in range(1, weight + 1))]
    return levels[weight]


def common(rows: Rows, others: Rows) -> NDArray[np.int32]:
    """Ones that each of `rows` shares with each of `others`: [rows, others]."""
    return np.asarray((rows.astype(np.float32) @ others.astype(np.float32).T).astype(np.int32))


def least_distance(rows: Rows) -> int:
    """The least Hamming distance of two rows, in blocks of at most 1024 rows; the length for a single row.

    >>> least_distance(rows_from([(0, 1), (1, 2), (2, 3)], 4))
    2
    """
    count, best = len(rows), rows.shape[1]
    weights = rows.sum(axis=1, dtype=np.int32)
    for start in range(0, count, 1024):
        block = slice(start, start + 1024)
        apart = weights[block, None] + weights[None, start:] - 2 * common(rows[block], rows[start:])
        rank = np.arange(len(apart))
        apart[rank, rank] = best
        best = min(best, int(apart.min()))
    return int(best)


def unique(rows: Rows) -> Rows:
    """Rows without repetition, in increasing order."""
    return np.unique(rows, axis=0)
