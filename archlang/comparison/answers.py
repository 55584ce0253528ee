"""What a model answers to each sample of a test part: probabilities of classes beside labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.fx

from archlang.diagnostics import ArchError, error
from archlang.graph.scores import scores_port
from archlang.train.inputs import fit_of_inputs, taking_rows
from archlang.train.loop.evaluation import BATCH, data_of, in_order, losses_of, record_of
from archlang.train.losses.objective import values_of
from archlang.train.processes.devices import evaluating, place

Views = Callable[[torch.Tensor], Sequence[torch.Tensor]]
"""From samples [batch, ...] to several views of them, each [batch, ...]."""

Chances = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Answers:
    """Probabilities [samples, classes] of a test part, its labels [samples], and the names of the classes, if any."""

    probabilities: torch.Tensor
    labels: torch.Tensor
    names: tuple[str, ...] | None

    @property
    def correct(self) -> torch.Tensor:
        """Whether the likeliest class of each sample is its label, [samples]."""
        return self.probabilities.argmax(1) == self.labels


@torch.no_grad()
def answers(model: torch.fx.GraphModule, data: object, *, device: str = "auto", batch: int = BATCH,
            views: Views | None = None) -> Answers:
    """The answers of a model to the test part of data; over several views of a sample, the mean of their probabilities.

    Raises `ArchError`: unknown-data, and bad-data for a network or labels without one class for each sample.
    """
    record = record_of(model)
    graph = record.network.graph
    ready = data_of(model, data)
    losses = losses_of(graph)
    port = scores_port(graph, losses)
    chances = _chances([loss.option.name for loss in losses if port in loss.reads])
    fit = fit_of_inputs(graph, record.mean, record.std, record.image)
    target = place(device)

    found, known = [], []
    with evaluating(model, target):
        weight = next(iter(model.parameters()), torch.zeros(()))
        taking = taking_rows(model, graph)
        for rows in in_order(len(ready.test), batch):
            samples, label = ready.test.batch(rows)
            shown: Sequence[torch.Tensor] = [samples]
            if views is not None:
                shown = views(samples)

            # Summed over views rather than stacked: of 144 views of a batch, one is in memory at a time.
            total = torch.zeros(())
            for view in shown:
                outputs = taking(fit.inputs(fit(view.to(weight.device)), weight.dtype))
                scores = values_of(graph, outputs, label.to(weight.device))[port]
                _require_classes(scores, label)
                total = total + chances(scores.double().cpu())
            found.append(total / len(shown))
            known.append(label)

    return Answers(torch.cat(found), torch.cat(known), record.labels or ready.classes)


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
    if "bce" in losses:
        return torch.sigmoid
    if set(losses) & {"cross_entropy", "focal"}:
        return lambda scores: scores.softmax(1)
    raise ArchError(error("bad-data", "the scores were not trained as those of classes, so that they have no "
                          "probabilities", help="`cross_entropy`, `focal` and `bce` train such"))
