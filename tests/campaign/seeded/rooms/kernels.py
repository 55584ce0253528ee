"""Bugs in the geometry of position boosting."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

GEOMETRY = ("kernels/test_geometry.py",)

SEEDS = (
    Seed(
        "kernels/geometry.py",
        "below = rows - window.row - window.height + 1",
        "below = rows - window.row - window.height",
        "padding of a branch: one cell too many below",
        GEOMETRY,
    ),
    Seed(
        "kernels/geometry.py",
        "last_row, last_column = rows - window.height + 1, columns - window.width + 1",
        "last_row, last_column = rows - window.height + 2, columns - window.width + 2",
        "a small kernel may leave the large one by one cell",
        GEOMETRY,
    ),
    Seed(
        "kernels/candidates.py",
        "if index == 0:\n        return seed",
        "if index < 0:\n        return seed",
        "the first draw of a seed is not that of the seed itself",
        GEOMETRY,
    ),
    Seed(
        "kernels/candidates.py",
        'digest = hashlib.sha256(f"{seed}/{index}".encode()).digest()',
        'digest = hashlib.sha256(f"{seed + index}".encode()).digest()',
        "candidates of neighbouring seeds are the same",
        GEOMETRY,
    ),
    Seed(
        "kernels/candidates.py",
        "key = tuple(sorted(windows))",
        "key = windows",
        "the same small kernels in another order count as another candidate",
        GEOMETRY,
    ),
)
