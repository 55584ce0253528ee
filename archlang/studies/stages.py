"""Stages of a model by name: the tensors that leave them, for pictures of what is inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, fx

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.studies.embedding import spread_over
from archlang.studies.inside import ValueRecorder, all_rows, graph_of, placed
from archlang.train.fitting import fit_of
from archlang.train.loop.evaluation import BATCH, data_of, in_order, record_of


@dataclass(frozen=True)
class StageFeatures:
    """The tensors that leave stages for samples: rows [samples, features] by stage, and labels [samples]."""

    rows: dict[str, Tensor]
    labels: Tensor
    classes: tuple[str, ...] | None


def path_of(node: fx.Node) -> str:
    """The path of an operation in its file; empty for what the compiler put in."""
    return str(node.meta.get("archlang", {}).get("path", ""))


def stage_node(model: fx.GraphModule, name: str) -> fx.Node:
    """The last operation of a stage, by its name or any path inside it. Raises `ArchError` (unknown-name)."""
    known: dict[str, fx.Node] = {}
    for node in graph_of(model).nodes:
        steps = path_of(node).split(".")
        # A stage's result is that of the operation in it that comes last.
        for depth in range(1, len(steps) + 1):
            known[".".join(steps[:depth])] = node
    known.pop("", None)

    if name in known:
        return known[name]
    top = [path for path in known if "." not in path]
    help = [*did_you_mean(name, list(known)), f"stages: {', '.join(top[:20])}; or a path in one, as `info` shows it"]
    raise ArchError(error("unknown-name", f"there is no stage called `{one_line(name, 80)}`", help=help))


@torch.no_grad()
def features_of(
    model: fx.GraphModule, data: object, stages: Sequence[str], *, most: int, device: str = "auto"
) -> StageFeatures:
    """The features that leave each stage for at most so many samples of the test part of `data`, evenly spread over it.

    Maps [channels, ...] count by their means over all places; sequences [positions, features] by that over positions.
    Raises `ArchError`: unknown-name, unknown-data, bad-data (no classes), unsupported-module (a stage whose rows are
    not samples).
    """
    nodes = {name: stage_node(model, name) for name in stages}
    record = record_of(model)
    read = data_of(model, data)
    picked = spread_over(len(read.test), most)
    fit = fit_of(record.network.graph, record.mean, record.std, record.image)

    parts: dict[str, list[Tensor]] = {name: [] for name in stages}
    labels = []
    with placed(model, device) as (target, kind), all_rows(model):
        for rows in in_order(len(picked), BATCH):
            samples, label = read.test.batch(picked[rows.start : rows.stop])
            recorder = ValueRecorder(model, list(nodes.values()))
            recorder.run(fit(samples.to(target)).to(kind))
            for name, node in nodes.items():
                parts[name].append(_pooled(recorder.seen[node], len(samples), name))
            labels.append(label)

    every = torch.cat(labels)
    if every.ndim != 1 or every.is_floating_point():
        raise ArchError(error("bad-data", "the data has no classes", help="labels must be whole numbers, one a sample"))
    return StageFeatures({name: torch.cat(rows) for name, rows in parts.items()}, every, record.labels or read.classes)


def _pooled(value: object, samples: int, name: str) -> Tensor:
    """A tensor with a row for each sample, places averaged."""
    if not isinstance(value, Tensor) or len(value) != samples:
        message = f"`{one_line(name, 80)}` gives no tensor with a row for each sample"
        raise ArchError(error("unsupported-module", message,
                              help="name a stage behind it, such as the one that puts patches back"))
    if value.ndim == 3:  # positions come first, then features
        value = value.mean(1)
    elif value.ndim > 3:
        value = value.flatten(2).mean(2)
    return value.double().cpu()
