"""Pictures of a clustering: best members and synthesised inputs, distributions over the plane, a t-SNE map."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import fx

from archlang.diagnostics import ArchError, error
from archlang.studies.clustering.clustering import Clustered, distributions, scores_of
from archlang.studies.embedding import places_of, plane_of, spread_over
from archlang.studies.maximise import maximise
from archlang.studies.tiles import tile_of, tiles_of
from archlang.train.data.splits import Joined
from archlang.train.fitting import fit_of
from archlang.train.loop.evaluation import data_of, record_of
from archlang.train.losses.objective import values_of
from archlang.train.processes.devices import evaluating
from archlang.views.canvas.shapes import Page
from archlang.views.scatter import Plane, planes
from archlang.views.sheet import sheet
from archlang.wording import counted

GRID = 48


def members(model: fx.GraphModule, data: object, found: Clustered, *, top: int = 10, seed: int = 0,
            synthesised: bool = True, device: str = "auto") -> Page:
    """For each cluster the samples with the largest relevance, then an input made by gradient ascent (figure 4.8)."""
    split = Joined(data_of(model, data).parts)
    rows = []
    for cluster in range(found.relevance.shape[1]):
        best = found.relevance[:, cluster].argsort(descending=True, stable=True)[:top].tolist()
        captions = [f"{float(found.relevance[i, cluster]):.2f}" for i in best]
        tiles = tiles_of(split, best, captions)

        if synthesised:
            image = maximise(model, "cluster", str(cluster), seed=seed, device=device)
            tiles.append(tile_of(image.image, "synthesised"))
        rows.append((f"cluster {cluster}: {found.counts[cluster]} samples", tiles))

    return sheet(rows)


@torch.no_grad()
def contours(model: fx.GraphModule, data: object, found: Clustered, gamma: float) -> Page:
    """All clusters in the plane, then each cluster's distribution (figures 4.4, 4.5). Raises `ArchError` (bad-data)."""
    record = record_of(model)
    split = Joined(data_of(model, data).parts)
    points, _ = split.batch(range(len(split)))
    if points.flatten(1).shape[1] != 2:
        raise ArchError(error("bad-data", "distributions over the plane need samples of two numbers"))

    low, high = points.amin(0), points.amax(0)
    (low_x, low_y), (high_x, high_y) = low.tolist(), high.tolist()
    x, y = (torch.linspace(a, b, GRID) for a, b in ((low_x, high_x), (low_y, high_y)))
    places = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).flatten(0, 1)

    first = next(iter(model.parameters()), torch.zeros(()))
    graph = record.network.graph
    fit = fit_of(graph, record.mean, record.std, record.image)
    with evaluating(model):
        outputs = model(fit(places.to(first.device)).to(first.dtype))
    # A grid point has no label; `values_of` wants one all the same, and nothing here reads it.
    scores = values_of(graph, outputs, torch.zeros(1))[scores_of(record.network)]
    fields = distributions(scores.double().cpu(), gamma).reshape(GRID, GRID, -1)

    bounds, groups = (low_x, high_x, low_y, high_y), found.relevance.shape[1]
    rows = [(float(a), float(b), int(g)) for (a, b), g in zip(points.tolist(), found.assigned.tolist(), strict=True)]
    drawn = [Plane("clusters", bounds, rows)]
    for cluster in range(groups):
        members_here = [row for row in rows if row[2] == cluster]
        drawn.append(Plane(f"distribution {cluster}", bounds, members_here, fields[:, :, cluster].tolist()))
    return planes(drawn)


def neighbours(found: Clustered, *, seed: int = 0) -> Page:
    """The relevance of samples as a map in the plane (t-SNE), by cluster, and by class where labels are (figure 4.7).

    Raises `ArchError` (missing-tool) without scikit-learn.
    """
    picked = spread_over(len(found.relevance))
    places = places_of(found.relevance[picked], seed)

    drawn = []
    for title, marks in (("by cluster", found.assigned), ("by class", found.labels)):
        if marks is not None:
            groups = [int(marks[i]) for i in picked]
            # Clusters and classes have numbers here; only those that occur get a name.
            names = [str(group) for group in range(max(groups) + 1)]
            drawn.append(plane_of(title, places, groups, names))
    return planes(drawn)


def responses_page(shown: Sequence[tuple[str, Clustered]], *, seed: int = 0) -> Page:
    """Draw what networks answer to samples before the softmax, as maps in the plane, by cluster (figure 4.7).

    Raises `ArchError` (missing-tool) without scikit-learn.
    """
    drawn = []
    for name, found in shown:
        picked = spread_over(len(found.relevance))
        groups = [int(found.assigned[i]) for i in picked]
        held = sum(count > 0 for count in found.counts)
        title = f"{name}: {counted(held, 'cluster')}"
        places = places_of(found.relevance[picked], seed)
        drawn.append(plane_of(title, places, groups, [str(group) for group in range(max(groups) + 1)]))
    return planes(drawn)
