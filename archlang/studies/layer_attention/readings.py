"""A network's attention over its layers: of a model on data, or over a training as its run folder tells."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import torch

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.emit.watching import Look, watch
from archlang.ops.layer_attention import PREFIX
from archlang.train.fitting import fit_of
from archlang.train.loop.evaluation import BATCH, data_of, in_order, record_of
from archlang.train.loop.watch import sites
from archlang.train.loop.watch_pictures import pictures
from archlang.train.processes.devices import evaluating, place
from archlang.views.canvas.shapes import Page

STATIC = {
    "innate_static": "share of the norm of each layer's block of the dense map",
    "recurrent": "share of the norm of each layer's block of the contraction",
    "static_vector": "the vector",
    "mean": "equal",
}
"""Kinds whose attention belongs to the network and not to its input, and what it is there."""


@dataclass(frozen=True)
class AttentionReading:
    """The attention at one site: the mean over the inputs and its deviation between them, by layer from the lowest.

    `what` says what the numbers are; a static kind has no deviation (None). Self-attention has `pairs` too: for each
    layer that asks, the mean attention to each layer, over inputs and heads; every row sums to 1.
    """

    site: str
    kind: str
    what: str
    mean: tuple[float, ...]
    deviation: tuple[float, ...] | None = None
    pairs: tuple[tuple[float, ...], ...] | None = None


@dataclass(frozen=True)
class AttentionCourse:
    """The attention of a training: a column for each SITE.LAYER, a row for each step."""

    columns: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]

    @property
    def pages(self) -> tuple[Page, ...]:
        """A picture for each site: layers against time."""
        return tuple(page for _, page in pictures("attention", self.columns, [list(row) for row in self.rows]))


@torch.no_grad()
def attention_of(
    model: torch.nn.Module, data: object | None = None, *, device: str = "auto"
) -> tuple[AttentionReading, ...]:
    """The attention at every site of a model: on the test part of `data`, or without data of static kinds alone.

    Raises `ArchError`: unsupported-module (nothing in it attends to layers, or it is not archlang's), missing-argument
    (attention depends on the input and no data is given), unknown-data, bad-data.
    """
    record = record_of(model)
    graph = record.network.graph
    found = sites(graph)
    if not found:
        raise ArchError(error("unsupported-module", f"nothing in `{graph.name}` attends to layers",
                              help="`archlang transform FILE layer-attention` makes a network that does"))

    kinds = {name: node.op.name.removeprefix(PREFIX) for name, node in found.items()}
    dynamic = [name for name, kind in kinds.items() if kind not in STATIC]
    # Zeros in the place of data would give numbers too, and none of them would mean anything.
    if dynamic and data is None:
        raise ArchError(error("missing-argument", f"the attention of `{dynamic[0]}` depends on the input",
                              help="say on which data it is measured: `--data digits`"))

    target = place(device)
    seen: dict[str, list[torch.Tensor]] = {name: [] for name in found}
    pairs: dict[str, list[torch.Tensor]] = {name: [] for name in found}
    handles = []
    for name, node in found.items():
        handles.append(watch(model, graph, node, _keeping(seen[name], pairs[name])))

    try:
        with evaluating(model, target):
            _run(model, record, data, target)
    finally:
        for handle in handles:
            handle.remove()

    return tuple(_summed(name, kinds[name], torch.cat(seen[name]), pairs[name]) for name in found)


def _keeping(rows: list[torch.Tensor], pairs: list[torch.Tensor]) -> Look:
    """Keep the attention of each call in the rows of one site; of self-attention that between layers too."""

    def look(_module: torch.nn.Module, _inputs: object, result: tuple[torch.Tensor, ...]) -> None:
        rows.append(result[1].double().cpu())
        if len(result) > 2:  # [batch, heads, L, L]
            pairs.append(result[2].double().mean(1).cpu())

    return look


def _run(model: torch.nn.Module, record: object, data: object | None, target: torch.device) -> None:
    """The test part of the data through the model; without data zeros, of which static attention does not depend."""
    graph = record.network.graph  # type: ignore[attr-defined]  # a record of a compiled model
    kind = next((p.dtype for p in model.parameters()), torch.float32)
    if data is None:
        # Of a size that may vary, the smallest that is allowed.
        sizes = [[d if isinstance(d, int) else d.low for d in spec.type.dims] for spec in graph.inputs]
        model(*(torch.zeros(1, *size, dtype=kind, device=target) for size in sizes))
        return

    fit = fit_of(graph, record.mean, record.std, record.image)  # type: ignore[attr-defined]
    split = data_of(model, data).test
    for rows in in_order(len(split), BATCH):
        model(fit(split.batch(rows)[0].to(target)).to(kind))


def _summed(site: str, kind: str, rows: torch.Tensor, pairs: list[torch.Tensor]) -> AttentionReading:
    mean = tuple(rows.mean(0).tolist())
    # The same for every input, so a deviation between inputs would be rounding and nothing else.
    if kind in STATIC:
        return AttentionReading(site, kind, STATIC[kind], mean)

    what = f"of {len(rows)} inputs"
    # Self-attention has a row of weights for each head and query, of which the layer hands out the mean.
    if kind == "self_attention":
        what = f"mean over {len(rows)} inputs, heads and queries"
    # The inputs are all there are, no sample of more: the divisor is their number.
    deviation = tuple(rows.std(0, correction=0).tolist())
    between = None
    if pairs:
        between = tuple(tuple(row) for row in torch.cat(pairs).mean(0).tolist())
    return AttentionReading(site, kind, what, mean, deviation, between)


def course_of(folder: str | Path) -> AttentionCourse:
    """The attention over the training in a run folder. Raises `ArchError` (unreadable-file, unsupported-module)."""
    path = Path(folder) / "attention.csv"
    shown = one_line(str(path), 200)
    # A run without the file is a run whose network attends to no layers, not a damaged folder.
    if not path.exists() and (Path(folder) / "log.csv").exists():
        where = one_line(str(folder), 200)
        raise ArchError(error("unsupported-module", f"the training in `{where}` had no attention over layers"))

    try:
        with path.open(encoding="utf-8", newline="") as file:
            head, *rows = list(csv.reader(file))
        # The first two columns are the step and the epoch.
        numbers = tuple(tuple(float(v) for v in row[2:]) for row in rows)
        # A run that was cut off may end in half a row.
        if not numbers or any(len(row) != len(head) - 2 for row in numbers):
            raise ValueError("rows of different lengths")
    except OSError as problem:
        said = (problem.strerror or "").lower()
        raise ArchError(error("unreadable-file", f"cannot read `{shown}`: {said}")) from None
    except ValueError:
        raise ArchError(error("unreadable-file", f"`{shown}` is no table of attention")) from None

    return AttentionCourse(tuple(head[2:]), numbers)
