"""Points in the plane, made by scikit-learn from a seed: moons, blobs, rings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.train.data.splits import Data, divide

COUNT = 1000
NOISE = 0.05


def moons(seed: int = 0) -> Data:
    """1,000 points of two half circles, one in the other's reach. Raises `ArchError` (missing-tool)."""
    return _made("moons", lambda make: make.make_moons(COUNT, noise=NOISE, random_state=seed))


def blobs(seed: int = 0) -> Data:
    """1,000 points of four round heaps. Raises `ArchError` (missing-tool)."""
    centres = [(-2, -2), (-2, 2), (2, -2), (2, 2)]
    return _made("blobs", lambda make: make.make_blobs(COUNT, centers=centres, cluster_std=0.5, random_state=seed))


def rings(seed: int = 0) -> Data:
    """1,000 points of two circles, one inside the other. Raises `ArchError` (missing-tool)."""
    return _made("rings", lambda make: make.make_circles(COUNT, noise=NOISE, factor=0.5, random_state=seed))


def _made(name: str, make: Callable[[Any], Any]) -> Data:
    try:
        from sklearn import datasets
    except ImportError:
        message = f"the {name} are made by scikit-learn, which is not installed"
        raise ArchError(error("missing-tool", message, help='pip install "archlang[train]"')) from None

    points, labels = make(datasets)
    train, test = divide(torch.from_numpy(points).float(), torch.from_numpy(labels).long())
    return Data(name, train, test, tuple(str(n) for n in range(int(labels.max()) + 1)))
