"""The classes that a training's scores stand for, and the names that travel with the model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import torch

from archlang.artefact.manifest import is_label
from archlang.graph.ir import Graph, Port
from archlang.graph.plan import Loss, Plan
from archlang.graph.scores import LABEL, class_axis, class_scores
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import LossFacts
from archlang.train.data.labels import ClassOutput
from archlang.train.problems import bad_data


def class_count(graph: Graph, losses: Sequence[Loss], scores: Port) -> int | None:
    """The number of classes that the scored output tells apart; None where no loss compares scores with class numbers.

    A single number under `mse` or `bce` is no score of one class: it is a value, or the chance of the second of two.
    """
    reading = [facts_of(loss.option, LossFacts) for loss in losses if LABEL in loss.reads]
    reading = [facts for facts in reading if facts.reads_classes]

    size = graph.type(scores).dims[class_axis(graph, scores)]

    if not reading or not isinstance(size, int):
        return None
    if size == 1 and all(facts.target != "classes" for facts in reading):
        return None
    return size


def class_output(graph: Graph, losses: Sequence[Loss]) -> ClassOutput | None:
    """The scores that a loss compares with class numbers, or with a share of each class; None where none does."""
    found = class_scores(graph, losses)
    if found is None:
        return None

    port, axis = found
    dims = graph.type(port).dims
    classes = dims[axis]
    return ClassOutput(classes if isinstance(classes, int) else None, len(dims) + 1, axis + 1)


def chances_of(losses: Collection[str]) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """The function from scores [..., classes] to probabilities, by the losses that compare them with labels.

    None where nothing is known of that. With `bce` beside `cross_entropy` on one output, each class was asked for by
    itself too, so that their probabilities need not sum to 1.
    """
    if "bce" in losses:
        return torch.sigmoid
    if set(losses) & {"cross_entropy", "focal"}:
        return _shares
    return None


def _shares(scores: torch.Tensor) -> torch.Tensor:
    return scores.softmax(-1)


def labels_of(plan: Plan, classes: tuple[str, ...] | None, outputs: int | None) -> tuple[str, ...] | None:
    """The class names that travel with the model: the file's, else the data's.

    Raises `ArchError` (bad-data) where a name cannot be shown or the network has fewer outputs than there are names.
    """
    labels = plan.labels or classes
    if labels is None or outputs is None:
        return None
    if not all(is_label(label) for label in labels):
        raise bad_data("a class name is empty, longer than 256 characters, or cannot be shown")

    count = max(len(labels), len(classes or ()))
    if count > outputs:
        help = f"set the network's dial for the number of classes, as in `-p classes={count}`"
        raise bad_data(f"there are {count} classes, the network tells {outputs} apart", help=help)
    return labels
