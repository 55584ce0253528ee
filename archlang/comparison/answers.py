"""Answers of a model to each sample of a test part: probabilities of classes beside labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch
import torch.fx

from archlang.comparison.crops import Crops, ten_views
from archlang.diagnostics import ArchError, error
from archlang.emit import ImagePreparation
from archlang.graph.scores import scores_port
from archlang.train.data.ready import for_model, preparation_of
from archlang.train.data.sources import find
from archlang.train.data.splits import Data
from archlang.train.inputs import fit_of_inputs, named_data, taking_rows
from archlang.train.loop.evaluation import BATCH, data_of, in_order, losses_of, record_of
from archlang.train.losses.classes import chances_of, class_output
from archlang.train.losses.objective import values_of
from archlang.train.problems import as_bad_data
from archlang.train.processes.devices import evaluating, place

Chances = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Answers:
    """Probabilities [samples, classes] of a test part, its labels [samples], and the names of the classes, if any."""

    probabilities: torch.Tensor
    labels: torch.Tensor
    names: tuple[str, ...] | None

    @property
    def correct(self) -> torch.Tensor:
        """Tell whether the likeliest class of each sample is its label, [samples]."""
        return self.probabilities.argmax(1) == self.labels


def answers(model: torch.fx.GraphModule, data: object, *, device: str = "auto", batch: int = BATCH,
            crops: Crops | None = None) -> Answers:
    """The answers of a model to the test part of data; with `crops`, the mean of the probabilities over them.

    Raises `ArchError`: unknown-data, and bad-data for a network or labels without one class for each sample.
    """
    record = record_of(model)
    if crops is None:
        ready = data_of(model, data)
        probabilities, labels = _of_split(model, ready, None, device, batch)
        return Answers(probabilities, labels, record.labels or ready.classes)

    graph = record.network.graph
    # Read once: a function of the user's may give other samples the second time.
    found = find(data)
    own = preparation_of(record, found.test)
    each = []
    for large in crops.preparations(own):
        # Image files are decoded in the large size; arrays are scaled with their batch.
        enlarged = replace(record, image=large)
        ready = for_model(named_data(found, graph), enlarged, class_output(graph, losses_of(graph)))
        probabilities, labels = _of_split(model, ready, (large, own), device, batch)
        each.append(probabilities)
    return Answers(torch.stack(each).mean(0), labels, record.labels or ready.classes)


@torch.no_grad()
def _of_split(model: torch.fx.GraphModule, ready: Data, sizes: tuple[ImagePreparation, ImagePreparation | None] | None,
              device: str, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities [samples, classes] and labels of a test part, over ten views where sizes are given."""
    split = ready.test
    record = record_of(model)
    graph = record.network.graph
    losses = losses_of(graph)
    port = scores_port(graph, losses)
    chances = _chances([loss.option.name for loss in losses if port in loss.reads])
    fit = fit_of_inputs(graph, record.mean, record.std, record.image, ready.input_places)
    target = place(device)

    found, known = [], []
    with evaluating(model, target):
        weight = next(iter(model.parameters()), torch.zeros(()))
        taking = taking_rows(model, fit.places)
        for rows in in_order(len(split), batch):
            samples, label = split.batch(rows)
            # Without crops a sample is its own only view, prepared as in training.
            views: Iterable[torch.Tensor] = [samples]
            if sizes is not None and sizes[1] is not None:
                views = ten_views(samples, sizes[0], sizes[1])

            # Summed rather than stacked: of ten views of a batch, one is in memory at a time.
            total, count = torch.zeros(()), 0
            for view in views:
                with as_bad_data():
                    outputs = taking(fit.inputs(fit(view.to(weight.device)), weight.dtype))
                scores = values_of(graph, outputs, label.to(weight.device))[port]
                # Asked at each batch: a later one may hold a label that the first did not.
                _require_classes(scores, label)
                total, count = total + chances(scores.double().cpu()), count + 1
            found.append(total / count)
            known.append(label)
    return torch.cat(found), torch.cat(known)


def _require_classes(scores: torch.Tensor, label: torch.Tensor) -> None:
    """Raises `ArchError` (bad-data) unless there is a score of each class, and one class, for each sample."""
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ArchError(error("bad-data", f"the main output, {list(scores.shape[1:])} for a sample, is no row of "
                              "class scores"))
    if label.ndim != 1 or label.is_floating_point() or bool((label < 0).any()):
        raise ArchError(error("bad-data", "the data does not have one class for each sample"))


def _chances(losses: list[str]) -> Chances:
    """From scores [batch, classes] to probabilities, by the loss that they were trained with.

    Raises `ArchError` (bad-data) where nothing is known of that.
    """
    chances = chances_of(losses)
    if chances is not None:
        return chances
    raise ArchError(error("bad-data", "the scores were not trained as those of classes, so that they have no "
                          "probabilities", help="`cross_entropy`, `focal` and `bce` train such"))
