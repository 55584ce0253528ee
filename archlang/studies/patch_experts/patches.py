"""The expert that took each patch of an image, the use of each expert, and the thresholds that came out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import fx, nn

from archlang.diagnostics import ArchError, error
from archlang.emit.names import module_name
from archlang.emit.watching import Look, watch
from archlang.graph.ir import Graph, Node
from archlang.graph.patch_experts import ExpertSite, dispatching, expert_sites
from archlang.layers.patch_experts.dispatch import dispatches
from archlang.studies.inside import all_rows, placed
from archlang.train.fitting import fit_of
from archlang.train.loop.evaluation import BATCH, data_of, in_order, record_of
from archlang.views.patch_experts import PatchCell


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of a router over all rows: the mean, the least, the largest, and the means of the three parts."""

    mean: float
    least: float
    most: float
    parts: tuple[float, float, float]


@dataclass(frozen=True)
class Usage:
    """A stage of experts on data: rows (patches or samples) seen, for each expert its mean weight after the filter and
    the share of rows in which it weighs most; thresholds where the router has them.
    """

    site: str
    rows: int
    mean: tuple[float, ...]
    largest: tuple[float, ...]
    thresholds: Thresholds | None


@dataclass(frozen=True)
class Taken:
    """One image at one stage of experts: its patches, as parts of the image, with the weights of the experts."""

    site: str
    cells: tuple[PatchCell, ...]


@dataclass
class _Seen:
    weights: list[torch.Tensor]
    thresholds: list[torch.Tensor]

    def all_of(self, which: list[torch.Tensor]) -> torch.Tensor:
        if not which:
            return torch.zeros(0, 4)
        return torch.cat(which)


def usage_of(
    model: fx.GraphModule, data: object, *, device: str = "auto", tell: Callable[[int, int], None] | None = None
) -> tuple[Usage, ...]:
    """Measure the use of each expert on the test part of `data`.

    Raises `ArchError`: unsupported-module, unknown-data.
    """
    split = data_of(model, data).test

    with watching(model, device) as (run, seen, sites):
        for rows in in_order(len(split), BATCH):
            run(split.batch(rows)[0])
            if tell is not None:
                tell(rows.stop, len(split))
        return tuple(_usage(site, seen[site.name]) for site in sites)


def patches_of(
    model: fx.GraphModule, images: torch.Tensor, *, device: str = "auto"
) -> tuple[tuple[tuple[Taken, ...], ...], tuple[Usage, ...]]:
    """For each image [batch, ...] what every stage of experts on patches did with it; and the usage over these images.

    Stages whose rows are whole samples count as one patch. Raises `ArchError` (unsupported-module).
    """
    with watching(model, device) as (run, seen, sites):
        run(images)

        graph = record_of(model).network.graph
        taken = [
            tuple(Taken(site.name, _cells(graph, site, seen[site.name].weights[0], len(images), i)) for site in sites)
            for i in range(len(images))
        ]

        return tuple(taken), tuple(_usage(site, seen[site.name]) for site in sites)


@contextmanager
def watching(
    model: fx.GraphModule, device: str
) -> Iterator[tuple[Callable[[torch.Tensor], None], dict[str, _Seen], tuple[ExpertSite, ...]]]:
    """A function that runs a model on samples, what its routers said meanwhile by stage, and the stages."""
    record = record_of(model)
    graph: Graph = record.network.graph
    places = dispatches(model)
    sites = tuple(zip(dispatching(graph), expert_sites(graph), strict=True))

    # A rewriting may have replaced a dispatch; then its hook would have nothing to hang on.
    if not places or not all(module_name(node.path) in places for node, _ in sites):
        raise ArchError(error("unsupported-module", f"nothing in `{graph.name}` hands patches to experts",
                              help=["`patches(4x4) -> experts(4, router) { ... } -> unpatch` does",
                                    "networks with experts: `specs/pce/pce_tiny.arch`"]))

    seen = {site.name: _Seen([], []) for _, site in sites}
    with placed(model, device) as (target, kind), _hooked(model, sites, graph, seen), all_rows(model):
        fit = fit_of(graph, record.mean, record.std, record.image)

        @torch.no_grad()
        def run(samples: torch.Tensor) -> None:
            model(fit(samples.to(target)).to(kind))

        yield run, seen, tuple(site for _, site in sites)


@contextmanager
def _hooked(model: nn.Module, sites: Sequence[tuple[Node, ExpertSite]], graph: Graph, seen: dict[str, _Seen]
            ) -> Iterator[None]:
    # One function for each site: a closure made in the loop below would see the last name of it.
    def weights_of(name: str) -> Look:
        def look(_module: nn.Module, inputs: tuple[torch.Tensor, ...], _result: object) -> None:
            seen[name].weights.append(inputs[0].double().cpu())
        return look

    def thresholds_of(name: str) -> Look:
        def look(_module: nn.Module, _inputs: object, result: tuple[torch.Tensor, ...]) -> None:
            # A cosine router gives weights after and before its filter, then the threshold and its three parts.
            seen[name].thresholds.append(torch.cat(result[2:4], 1).double().cpu())
        return look

    handles = []
    for node, site in sites:
        handles.append(watch(model, graph, node, weights_of(site.name), before=True))
        # Only cosine routers have thresholds: the others' column stays empty.
        router = graph.node(site.weights.node)
        if any(tap == "threshold" for _, tap in router.op.taps):
            handles.append(watch(model, graph, router, thresholds_of(site.name)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _usage(site: ExpertSite, seen: _Seen) -> Usage:
    weights, limits = seen.all_of(seen.weights), seen.all_of(seen.thresholds)
    first = torch.bincount(weights.argmax(1), minlength=site.experts).double() / len(weights)

    thresholds = None
    if len(limits):
        total, parts = limits[:, 0], limits[:, 1:].mean(0).tolist()
        thresholds = Thresholds(float(total.mean()), float(total.min()), float(total.max()), tuple(parts))

    return Usage(site.name, len(weights), tuple(weights.mean(0).tolist()), tuple(first.tolist()), thresholds)


def _cells(graph: Graph, site: ExpertSite, weights: torch.Tensor, images: int, image: int) -> tuple[PatchCell, ...]:
    """The patches of one image as parts of it, each from 0 to 1; what a patch reaches over the edge is cut off."""
    # Rows lie image by image, and every image has the same number of them.
    each = len(weights) // images
    by_patch: Sequence[Sequence[float]] = weights[image * each : (image + 1) * each].tolist()
    cut = site.cut
    # Experts on whole samples, or whose rows are no longer this cut's patches: the image is one cell.
    if cut is None or each != cut.args["rows"] * cut.args["columns"]:
        return tuple(PatchCell(0.0, 0.0, 1.0, 1.0, tuple(row)) for row in by_patch)

    (high, wide), (down, right) = cut.args["size"], cut.args["stride"]
    rows, columns = cut.args["rows"], cut.args["columns"]
    sizes = graph.type(cut.inputs[0]).dims[1:]
    # Where the file leaves the image's size open, it is what the patches cover.
    full = ((rows - 1) * down + high, (columns - 1) * right + wide)
    height, width = (s if isinstance(s, int) else f for s, f in zip(sizes, full, strict=True))

    cells = []
    for place, row in enumerate(by_patch):
        top, left = place // columns * down, place % columns * right
        bottom, end = min(top + high, height), min(left + wide, width)
        cells.append(PatchCell(left / width, top / height, end / width, bottom / height, tuple(row)))
    return tuple(cells)
