"""Evaluation of a model on the test part of data: loss, accuracy, and accuracy by class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.emit import observing
from archlang.graph.ir import Graph
from archlang.graph.plan import Loss
from archlang.graph.scores import LABEL, main_output, scores_port
from archlang.layers.processes import alone
from archlang.ops.values import Option
from archlang.train.data.augmentation.jointly import augment_sample
from archlang.train.data.label_place import LabelPlace
from archlang.train.data.label_tables import require_labels
from archlang.train.data.reading import Batch, BatchFeed, BatchRequest, drawing_by, watched
from archlang.train.data.ready import for_model
from archlang.train.data.sources import find
from archlang.train.data.splits import Data
from archlang.train.fitting import Fit
from archlang.train.inputs import fit_of_inputs, named_data, taking_rows
from archlang.train.losses.classes import class_output
from archlang.train.losses.means import PartMeans
from archlang.train.losses.objective import Objective, hits, inner_ports, labelled, objective, values_of
from archlang.train.metrics import MetricSums
from archlang.train.optimization.planning import derived
from archlang.train.problems import as_bad_data
from archlang.train.processes.devices import evaluating, first_weight, place
from archlang.train.processes.world import World

BATCH = 256


@dataclass(frozen=True)
class ClassScore:
    """The figures of one class: its name, its samples, those of them that were recognised."""

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
    """A model on data: mean loss, accuracy (None where outputs are no classes), scores by class, single losses, and the
    metrics that the file names, by their text (`miou(ignore = 255)`); one is None where the data has nothing for it.

    `left_out` names losses of the file that are not in `loss`: those that read what a rewritten model no longer has.
    """

    loss: float
    accuracy: float | None
    samples: int
    classes: tuple[ClassScore, ...] = ()
    parts: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def evaluate(model: torch.fx.GraphModule, data: object, *, device: str = "auto", batch: int = BATCH,
             workers: int = 0) -> Evaluation:
    """A compiled or loaded model on the test part of `data` (see `sources.find`), with the normalisation it carries.

    >>> import archlang, torch
    >>> net = archlang.loads("archlang 1\\nnetwork N { input x: [4]\\n output x -> linear(2) }")
    >>> points, labels = torch.zeros(10, 4), torch.arange(10) % 2
    >>> archlang.evaluate(archlang.compile(net), (points, labels)).samples
    2

    The loss is the one its file declares, else the cross-entropy of its main output. A rewritten model has its outputs
    alone: losses of what lies inside are left out, and the evaluation names them. Classes are matched by name. The
    model's mode is left alone.

    Raises `ArchError`: unknown-data, bad-data, unsupported-module.
    """
    record = record_of(model)
    graph = record.network.graph
    ready = data_of(model, data)
    labels = record.labels or ready.classes

    declared = losses = losses_of(graph)
    require_labels([read for loss in losses for read in loss.reads if isinstance(read, str)], ready.label_places)
    if record.passes:  # the inside of a rewritten model is no longer what the graph says
        losses = tuple(loss for loss in losses if not inner_ports([loss], graph)) or bare_losses(graph)

    target = place(device)
    fit = fit_of_inputs(graph, record.mean, record.std, record.image, ready.input_places)
    with evaluating(model, target):
        ports = inner_ports(losses, graph)
        observed = taking_rows(observing(model, graph, ports) if ports else model, fit.places)
        goal = objective(losses, graph)
        goal.state.to(target)
        with watched(), closing(BatchFeed([ready.test], measured(0, len(ready.test), batch), workers, target)) as feed:
            found = measure(observed, graph, goal, losses, feed, len(ready.test), fit, labels, batch,
                            label_places=ready.label_places)
    return replace(found, left_out=tuple(loss.option.name for loss in declared if loss not in losses))


def data_of(model: torch.nn.Module, data: object) -> Data:
    """The data of `sources.find` as a model takes it: images in the sizes of its training, classes in its numbers.

    Raises `ArchError`: unknown-data, bad-data, unsupported-module.
    """
    record = record_of(model)
    graph = record.network.graph
    with drawing_by(0):
        return for_model(named_data(find(data), graph), record, class_output(graph, losses_of(graph)))


@torch.no_grad()
def measure(
    model: torch.nn.Module,
    graph: Graph,
    goal: Objective,
    losses: Sequence[Loss],
    feed: Iterator[Batch],
    samples: int,
    fit: Fit,
    labels: Sequence[str] | None,
    batch: int = BATCH,
    world: World | None = None,
    label_places: Sequence[LabelPlace] = (),
) -> Evaluation:
    """One pass over a split with a model in evaluation mode, on the device where it is; each process takes its share.

    The feed gives the batches of this process, by `in_order`, of a split of so many samples.

    Where losses read inside the network, the model hands that out (`emit.observing`). A loss over two views gets a
    second one with the changes that the file's `augment` names, the same at every measurement. `label_places` are those
    of labels with names (`data.label_tables`).
    """
    goal.state.eval()
    world = world or World()

    weight = first_weight(model)  # tells the device and the dtype of inputs
    port, ports = scores_port(graph, losses), inner_ports(losses, graph)
    augmentations = graph.plan.augment if graph.plan else ()
    chance = torch.Generator().manual_seed(0)  # two measurements must differ by the model alone

    means = PartMeans(goal)
    metrics = MetricSums(graph, port)
    recognised, known = [], []
    for rows in in_order(samples, batch):
        inputs, share = (part.to(weight.device, non_blocking=True) for part in next(feed))
        label = world.all_gather(share, len(rows))

        with world.mode(len(rows)), as_bad_data():
            outputs = model(fit.inputs(fit(inputs), weight.dtype))
        values = goal.gathered(values_of(graph, outputs, label, ports, label_places), port, world)
        second = None
        if goal.views is not None:
            augmented, _ = augment_sample(fit.shape(inputs), label, augmentations, chance, places=fit.places)
            changed = fit.inputs(fit.normalise(augmented), weight.dtype)
            with world.mode(len(rows)):
                outputs = model(changed)
            second = goal.gathered(values_of(graph, outputs, label, ports, label_places), port, world)

        with alone():  # every process has the values of the whole batch
            total, parts = goal(values, second)
            means.add(total, parts, goal.counted(values), len(rows))

        metrics.add(values[port], label)
        correct = None
        if goal.supervised and labelled(label):
            correct = hits(values[port], label)
        if correct is not None:
            recognised.append(correct.cpu())
            known.append(label.cpu())

    return _evaluation(means.figures(), recognised, known, samples, labels, metrics.figures())


def _evaluation(
    means: Mapping[str, float],
    recognised: Sequence[torch.Tensor],
    known: Sequence[torch.Tensor],
    samples: int,
    labels: Sequence[str] | None,
    metrics: Mapping[str, float | None],
) -> Evaluation:
    """The figures of all batches. `means` holds the whole loss by the empty name, then its parts."""
    parts = {name: value for name, value in means.items() if name}
    if not recognised:
        return Evaluation(means[""], None, samples, parts=parts, metrics=metrics)

    correct, label = torch.cat(list(recognised)), torch.cat(list(known))
    accuracy = float(correct.double().mean())
    return Evaluation(means[""], accuracy, samples, _by_class(correct, label, labels), parts, metrics)


def in_order(count: int, batch: int) -> Iterator[range]:
    """The indices 0 to `count - 1` in batches."""
    for start in range(0, count, batch):
        yield range(start, min(start + batch, count))


def measured(part: int, count: int, batch: int = BATCH, world: World | None = None) -> Iterator[BatchRequest]:
    """The requests for this process's share of a split of `count` samples, in order.

    What a data set draws is the same at every measurement: two of them must differ by the model alone.
    """
    world = world or World()
    for rows in in_order(count, batch):
        yield BatchRequest(part, world.share(rows), derived(0, rows.start, "measure"))


def losses_of(graph: Graph) -> tuple[Loss, ...]:
    """The losses that the file's `train` minimises in its first step; without one, the main output's cross-entropy."""
    plan = graph.plan
    if plan is not None and (plan.losses or plan.steps):
        return plan.losses or plan.steps[0].losses
    return bare_losses(graph)


def bare_losses(graph: Graph) -> tuple[Loss, ...]:
    """The cross-entropy of the main output."""
    return (Loss(1.0, Option("cross_entropy", "loss"), (main_output(graph), LABEL)),)


def record_of(model: torch.nn.Module) -> Any:
    """The record that a compiled model carries. Raises `ArchError` (unsupported-module) for a model of others."""
    record = getattr(model, "archlang", None)
    if getattr(record, "network", None) is None:
        # The file of a model is what commands take, and what one may try here first.
        help = "`archlang.compile(network)` makes one, `archlang.load_model(path)` reads one from a file"
        message = f"only a model that archlang compiled knows how to read data, this is a `{type(model).__name__}`"
        raise ArchError(error("unsupported-module", message, help=help))
    return record


def _by_class(correct: torch.Tensor, label: torch.Tensor, labels: Sequence[str] | None) -> tuple[ClassScore, ...]:
    """The figures of each class, of those without samples too."""
    # A test part may lack the last classes that the model knows.
    count = max(int(label.max()) + 1, len(labels or ()))
    label = label.long()  # labels of two classes may be booleans
    samples = torch.bincount(label, minlength=count).tolist()
    hits = torch.bincount(label[correct], minlength=count).tolist()

    names = [str(number) for number in range(count)]
    names[: len(labels or ())] = labels or ()
    return tuple(ClassScore(*row) for row in zip(names, samples, hits, strict=True))
