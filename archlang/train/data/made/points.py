"""Points in the plane, made by scikit-learn from a seed: moons, blobs, rings."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.train.data.made.options import DataOption, Values, number
from archlang.train.data.splits import Data, divide

NOISE = 0.05

SPREAD = 0.5
"""Deviation of a heap's points."""

FOUR = ((-2.0, -2.0), (-2.0, 2.0), (2.0, -2.0), (2.0, 2.0))
"""Centres of four heaps."""

GOLDEN = math.pi * (3 - math.sqrt(5))
"""The golden angle: heaps at its multiples stand equally far from their neighbours, however many they are."""

POINTS = (DataOption("count", default=1000, low=20, high=10**6), DataOption("seed", default=0))
HEAPS = (*POINTS, DataOption("heaps", default=4, low=2, high=100))


def moons(values: Values) -> Data:
    """Points of two half circles, one in the other's reach. Raises `ArchError` (missing-tool)."""
    return _made("moons", values, lambda make, drawn: make.make_moons(noise=NOISE, **drawn))


def rings(values: Values) -> Data:
    """Points of two circles, one inside the other. Raises `ArchError` (missing-tool)."""
    return _made("rings", values, lambda make, drawn: make.make_circles(noise=NOISE, factor=0.5, **drawn))


def blobs(values: Values) -> Data:
    """Points of round heaps: four in a square, or so many as are asked for. Raises `ArchError` (missing-tool)."""
    places = centres(number(values, "heaps"))
    return _made("blobs", values, lambda make, drawn: make.make_blobs(centers=places, cluster_std=SPREAD, **drawn))


def centres(heaps: int) -> list[tuple[float, float]]:
    """The middles of heaps: four in a square; another number on a spiral, each more than three deviations apart.

    >>> [tuple(round(x, 2) for x in place) for place in centres(3)]
    [(1.41, 0.0), (-1.81, 1.65), (0.28, -3.15)]
    """
    # The square came first, and results on it are published with this project.
    if heaps == len(FOUR):
        return list(FOUR)
    # The root gives every heap the same area of the spiral.
    turned = [(2 * math.sqrt(i + 0.5), i * GOLDEN) for i in range(heaps)]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for radius, angle in turned]


def _made(name: str, values: Values, make: Callable[[Any, dict[str, int]], Any]) -> Data:
    try:
        from sklearn import datasets
    except ImportError:
        message = f"the {name} are made by scikit-learn, which is not installed"
        raise ArchError(error("missing-tool", message, help='pip install "archlang[train]"')) from None

    points, labels = make(datasets, {"n_samples": number(values, "count"), "random_state": number(values, "seed")})
    train, test = divide(torch.from_numpy(points).float(), torch.from_numpy(labels).long())
    return Data(name, train, test, tuple(str(n) for n in range(int(labels.max()) + 1)))
