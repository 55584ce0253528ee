"""The evaluation of a model: loss, accuracy, and accuracy by class, on the test part of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.emit import observing
from archlang.graph.ir import Graph
from archlang.graph.plan import Loss
from archlang.layers.processes import alone
from archlang.ops.values import Option
from archlang.train.data.augmentation.augment import augment
from archlang.train.data.ready import for_model
from archlang.train.data.sources import find
from archlang.train.data.splits import Data, Split
from archlang.train.fitting import Fit, fit_of
from archlang.train.losses.objective import (
    LABEL,
    Objective,
    class_scores,
    hits,
    inner_ports,
    labelled,
    main_output,
    objective,
    scores_port,
    values_of,
)
from archlang.train.processes.devices import place
from archlang.train.processes.world import World

BATCH = 256


@dataclass(frozen=True)
class ClassScore:
    """A model's hits among the samples of one class."""

    name: str
    samples: int
    correct: int

    @property
    def accuracy(self) -> float | None:
        """Share of its samples that were recognised; None where there are none."""
        if not self.samples:
            return None
        return self.correct / self.samples


@dataclass(frozen=True)
class Evaluation:
    """A model on data: mean loss, accuracy (None where outputs are no classes), scores by class, single losses."""

    loss: float
    accuracy: float | None
    samples: int
    classes: tuple[ClassScore, ...] = ()
    parts: Mapping[str, float] = field(default_factory=dict)


def evaluate(model: torch.fx.GraphModule, data: object, *, device: str = "auto", batch: int = BATCH) -> Evaluation:
    """A compiled or loaded model on the test part of `data` (see `sources.find`), with the normalisation it carries.

    The loss is the one its file declares, else the cross-entropy of its main output. Classes are matched by name. The
    model's mode is left alone. Raises `ArchError`: unknown-data, bad-data, unsupported-module.
    """
    record = record_of(model)
    graph = record.network.graph
    ready = data_of(model, data)
    labels = record.labels or ready.classes

    losses = losses_of(graph)
    if record.passes:  # the parts of a rewritten model are no longer those of the graph
        losses = tuple(loss for loss in losses if not inner_ports([loss], graph)) or bare_losses(graph)

    target = place(device)
    fit = fit_of(graph, record.mean, record.std, record.image)
    was, home = model.training, next((p.device for p in model.parameters()), torch.device("cpu"))
    model.to(target).eval()
    try:
        ports = inner_ports(losses, graph)
        seen = observing(model, graph, ports) if ports else model
        goal = objective(losses, graph)
        goal.state.to(target)
        return measure(seen, graph, goal, losses, ready.test, fit, labels, batch)
    finally:
        model.to(home).train(was)


def data_of(model: torch.nn.Module, data: object) -> Data:
    """The data of `sources.find` as a model takes it: images in the sizes of its training, classes in its numbers.

    Raises `ArchError`: unknown-data, bad-data, unsupported-module.
    """
    record = record_of(model)
    graph = record.network.graph
    return for_model(find(data), record, class_scores(graph, losses_of(graph)))


@torch.no_grad()
def measure(
    model: torch.nn.Module,
    graph: Graph,
    goal: Objective,
    losses: Sequence[Loss],
    split: Split,
    fit: Fit,
    labels: Sequence[str] | None,
    batch: int = BATCH,
    world: World | None = None,
) -> Evaluation:
    """One pass over a split with a model in evaluation mode, where the model lies; each process takes its share.

    Where losses read inside the network, the model hands that out (`emit.observing`). A loss over two views gets a
    second one with the changes that the file's `augment` names, the same at every measurement.
    """
    goal.state.eval()
    world = world or World()
    kept = next(iter(model.parameters()), torch.zeros(()))
    port, ports = scores_port(graph, losses), inner_ports(losses, graph)
    options = () if graph.plan is None else graph.plan.augment
    chance = torch.Generator().manual_seed(0)

    sums: dict[str, float] = {}
    right, seen = [], []
    for rows in in_order(len(split), batch):
        samples, labels_here = split.batch(world.share(rows))
        inputs = fit(samples.to(kept.device)).to(kept.dtype)
        label = world.whole(labels_here.to(kept.device), len(rows))
        values = goal.whole(values_of(graph, model(inputs), label, ports), port, world)

        second = None
        if goal.views is not None:
            other = fit.normalise(augment(fit.shape(samples.to(kept.device)), options, chance)).to(kept.dtype)
            second = goal.whole(values_of(graph, model(other), label, ports), port, world)

        with alone():  # every process has the values of the whole batch
            total, parts = goal(values, second)
        for name, value in {"": total, **parts}.items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(rows)

        correct = hits(values[port], label) if goal.supervised and labelled(label) else None
        if correct is not None:
            right.append(correct.cpu())
            seen.append(label.cpu())

    loss, *others = (value / len(split) for value in sums.values())
    apart = dict(zip(list(sums)[1:], others, strict=True))
    if not right:
        return Evaluation(loss, None, len(split), parts=apart)

    correct, label = torch.cat(right), torch.cat(seen)
    scores = _by_class(correct, label, labels)
    return Evaluation(loss, float(correct.double().mean()), len(split), scores, apart)


def in_order(count: int, batch: int) -> Iterator[range]:
    """The indices 0 to `count - 1` in batches."""
    for start in range(0, count, batch):
        yield range(start, min(start + batch, count))


def losses_of(graph: Graph) -> tuple[Loss, ...]:
    """The losses of the file's `train`, of its first step; without one, the cross-entropy of the main output."""
    plan = graph.plan
    if plan is not None and (plan.losses or plan.steps):
        return plan.losses or plan.steps[0].losses
    return bare_losses(graph)


def bare_losses(graph: Graph) -> tuple[Loss, ...]:
    """The cross-entropy of the main output."""
    return (Loss(1.0, Option("cross_entropy", "loss"), (main_output(graph), LABEL)),)


def record_of(model: torch.nn.Module) -> Any:
    """The record that a model carries. Raises `ArchError` (unsupported-module) where archlang did not make it."""
    record = getattr(model, "archlang", None)
    if getattr(record, "network", None) is None:
        raise ArchError(error("unsupported-module", "only a model that archlang compiled knows how to read data"))
    return record


def _by_class(correct: torch.Tensor, label: torch.Tensor, labels: Sequence[str] | None) -> tuple[ClassScore, ...]:
    count = max(int(label.max()) + 1, len(labels or ()))
    samples = torch.bincount(label, minlength=count).tolist()
    right = torch.bincount(label[correct], minlength=count).tolist()

    names = [*(labels or ()), *map(str, range(len(labels or ()), count))]
    return tuple(ClassScore(*row) for row in zip(names, samples, right, strict=True))
