"""Rows of features as points in the plane, by t-SNE (van der Maaten and Hinton 2008)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.views.scatter import Plane

MOST = 1500
"""Samples of a map, evenly spread over all."""

PERPLEXITY = 30.0
AXES = ("t-SNE, first", "t-SNE, second")


def spread_over(count: int, most: int = MOST) -> list[int]:
    """Every so many of `count` rows: t-SNE takes quadratic time, and a map of more points shows no more.

    >>> spread_over(5, 2)
    [0, 3]
    """
    return list(range(0, count, math.ceil(count / most)))


def require_tsne() -> Any:
    """Import scikit-learn's t-SNE. Raises `ArchError` (missing-tool) without it."""
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        message = "a t-SNE map comes with scikit-learn, which is not installed"
        raise ArchError(error("missing-tool", message, help='pip install "archlang[train]"')) from None
    return TSNE


def places_of(features: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Map features [samples, numbers] to places [samples, 2]; rows that are like one another lie close.

    Raises `ArchError`: missing-tool; bad-data for fewer than four samples, or features that are not finite.
    """
    embedding = require_tsne()
    # t-SNE measures distances between neighbours, of which three samples have too few.
    if len(features) < 4:
        raise ArchError(error("bad-data", f"{len(features)} samples are too few for a t-SNE map, which needs four"))
    if not features.isfinite().all():
        raise ArchError(error("bad-data", "some features are not finite, so there is no distance between samples"))

    # The number of neighbours that each sample keeps near; with nearly all of them as neighbours none is near.
    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    # With one feature there is no second principal component to begin with.
    start = "pca"
    if features.shape[1] < 2:
        start = "random"
    places = embedding(random_state=seed, init=start, perplexity=perplexity).fit_transform(features.float().numpy())
    return torch.from_numpy(places)


def plane_of(title: str, places: torch.Tensor, groups: Sequence[int], names: Sequence[str] = ()) -> Plane:
    """A picture of places [samples, 2], coloured by group; groups are named where there is a name for each."""
    (low_x, low_y), (high_x, high_y) = places.amin(0).tolist(), places.amax(0).tolist()
    # A little room, so that no point is cut by the frame.
    right, up = 0.03 * (high_x - low_x), 0.03 * (high_y - low_y)
    bounds = (low_x - right, high_x + right, low_y - up, high_y + up)
    rows = [(float(x), float(y), int(group)) for (x, y), group in zip(places.tolist(), groups, strict=True)]
    return Plane(title, bounds, rows, axes=AXES, names=names)


def nearest_alike(features: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of samples whose nearest neighbour (Euclidean, the first of equals) has their label.

    >>> nearest_alike(torch.tensor([[0.0], [0.1], [5.0]]), torch.tensor([1, 1, 2]))
    0.6666666666666666
    """
    distances = torch.cdist(features.double(), features.double())
    distances.fill_diagonal_(torch.inf)
    return float((labels[distances.argmin(1)] == labels).double().mean())
