"""The formulas of metrics, by the names that files use; `ops/metrics.py` states the facts of each.

A metric is a sum over batches and a figure worked out of the sum, so that it is over a whole part of the data however
that is cut into batches: a mean of ratios over batches would be another number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from archlang.graph.ir import Graph, Port
from archlang.graph.scores import class_axis
from archlang.ops.values import Option
from archlang.train.groupings import Table, matched, mutual
from archlang.train.losses import targets
from archlang.train.problems import bad_data

Sums = Callable[[torch.Tensor, torch.Tensor, Mapping[str, Any]], torch.Tensor]
"""Of scores [batch, ...], labels and arguments: numbers in float64 that add up over batches."""

WINDOW, DEVIATION = 11, 1.5
"""The side of the windows of structural similarity, and the deviation of their weights."""


@dataclass(frozen=True)
class Formula:
    """A metric: what is summed over batches, and the figure that the sums give; None where they give none."""

    sums: Sums
    figure: Callable[[torch.Tensor], float | None]


def _share(sums: torch.Tensor) -> float | None:
    """The first sum over the second one."""
    total, count = sums.tolist()
    if not count:
        return None
    return float(total / count)


def _top_k(scores: torch.Tensor, label: torch.Tensor, args: Mapping[str, Any]) -> torch.Tensor:
    """Places whose class is among the k largest scores, and all places."""
    scores, numbers = _classes("top_k", scores, label, args)
    among = scores.topk(int(args["k"]), dim=1).indices == numbers.unsqueeze(1)
    return _pair(among.any(1).sum(), numbers.numel())


def _pixel_accuracy(scores: torch.Tensor, label: torch.Tensor, args: Mapping[str, Any]) -> torch.Tensor:
    """Places that are right, and all that are not ignored."""
    scores, numbers = _classes("pixel_accuracy", scores, label, args)
    counts = numbers != _ignored(args)
    return _pair(((scores.argmax(1) == numbers) & counts).sum(), int(counts.sum()))


def _counted(metric: str, scores: torch.Tensor, label: torch.Tensor, args: Mapping[str, Any]) -> torch.Tensor:
    """Places by their class (rows) and the one that they are taken for (columns), [classes, classes]."""
    scores, numbers = _classes(metric, scores, label, args)
    classes, counts = scores.shape[1], numbers != _ignored(args)
    cells = numbers[counts] * classes + scores.argmax(1)[counts]
    return torch.bincount(cells, minlength=classes**2).reshape(classes, classes).double()


def _grouping(agree: Callable[[Table], float]) -> Callable[[torch.Tensor], float | None]:
    """A figure of how well two groupings agree, which there is none of without samples."""
    def figure(confusion: torch.Tensor) -> float | None:
        if not float(confusion.sum()):
            return None
        # Clusters are the rows there.
        return agree(confusion.T.cpu().numpy())
    return figure


def _mean_overlap(confusion: torch.Tensor) -> float | None:
    """The mean of intersection over union, over classes that occur or are taken for something."""
    both = confusion.diagonal()
    either = confusion.sum(0) + confusion.sum(1) - both
    occurs = either > 0
    if not bool(occurs.any()):
        return None
    return float((both[occurs] / either[occurs]).mean())


def _mae(value: torch.Tensor, label: torch.Tensor, args: Mapping[str, Any]) -> torch.Tensor:
    """The sum of absolute differences, and how many there are."""
    value, target = _numbers("mae", value, label, args)
    return _pair((value - target).abs().sum(), value.numel())


def _psnr(value: torch.Tensor, label: torch.Tensor, args: Mapping[str, Any]) -> torch.Tensor:
    """The sum over images [batch, channels, height, width] of decibels, and how many images there are."""
    value, target = _numbers("psnr", value, label, args)
    error = (value - target).square().flatten(1).mean(1)

    decibels = 10 * (float(args["peak"]) ** 2 / error).log10()
    # An image that is exactly right has infinitely many, which no mean survives.
    return _pair(decibels.where(error > 0, decibels.new_full((), 100.0)).sum(), len(value))


def _ssim(value: torch.Tensor, label: torch.Tensor, args: Mapping[str, Any]) -> torch.Tensor:
    """The sum over images [batch, channels, height, width] of their structural similarity, and how many there are."""
    value, target = _numbers("ssim", value, label, args)
    if min(value.shape[2:]) < WINDOW:
        raise bad_data(f"`ssim` looks through windows of {WINDOW} x {WINDOW} cells, and the images are "
                       f"{value.shape[2]} x {value.shape[3]}")

    places = torch.arange(WINDOW, dtype=value.dtype, device=value.device) - WINDOW // 2
    line = (-places.square() / (2 * DEVIATION**2)).exp()
    window = torch.outer(line, line) / line.sum() ** 2
    kernel = window.expand(value.shape[1], 1, WINDOW, WINDOW)

    def seen(x: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(x, kernel, groups=x.shape[1])

    mean, other = seen(value), seen(target)
    variance, its = seen(value * value) - mean**2, seen(target * target) - other**2
    together = seen(value * target) - mean * other

    # Constants of the paper, which keep flat parts from dividing by nothing.
    light, contrast = (0.01 * float(args["peak"])) ** 2, (0.03 * float(args["peak"])) ** 2
    above = (2 * mean * other + light) * (2 * together + contrast)
    below = (mean**2 + other**2 + light) * (variance + its + contrast)
    return _pair((above / below).flatten(1).mean(1).sum(), len(value))


def _classes(
    metric: str, scores: torch.Tensor, label: torch.Tensor, args: Mapping[str, Any]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores [batch, classes, ...] and class numbers [batch, ...]; of shares of classes the largest counts.

    Raises `ArchError` (bad-data).
    """
    axis = int(args.get("class_axis", 0)) + 1
    if label.is_floating_point() and label.shape == scores.shape:
        return scores.movedim(axis, 1), label.argmax(axis)

    places = (*scores.shape[:axis], *scores.shape[axis + 1 :])
    numbers = targets.class_numbers(metric, label, places, scores.shape[axis], axis, args.get("ignore"))
    return scores.movedim(axis, 1), numbers


def _numbers(
    metric: str, value: torch.Tensor, label: torch.Tensor, args: Mapping[str, Any]
) -> tuple[torch.Tensor, torch.Tensor]:
    """An output and its target of one shape, in float64. Raises `ArchError` (bad-data)."""
    value = value.double()
    return value, targets.numbers(metric, value, label, int(args.get("class_axis", 0)) + 1)


def _ignored(args: Mapping[str, Any]) -> int:
    ignore = args.get("ignore")
    if ignore is None:
        return -1
    return int(ignore)


def _pair(total: torch.Tensor, count: int) -> torch.Tensor:
    """A sum and a count, as float64."""
    return torch.stack([total.double(), total.new_tensor(count, dtype=torch.float64)])


class MetricSums:
    """The metrics that a network's plan names, over all batches of a part of data.

    Args:
        graph: the network.
        port: its main scores, which metrics are of.
    """

    def __init__(self, graph: Graph, port: Port) -> None:
        self.metrics: tuple[Option, ...] = ()
        if graph.plan is not None:
            self.metrics = graph.plan.metrics
        self.axis = class_axis(graph, port)
        self.sums: dict[Option, torch.Tensor] = {}

    def add(self, scores: torch.Tensor, label: torch.Tensor) -> None:
        """Count a batch. Raises `ArchError` (bad-data) for labels that a metric cannot read."""
        for metric in self.metrics:
            formula = FORMULAS[metric.name]
            sums = formula.sums(scores, label, {**metric.args, "class_axis": self.axis})
            self.sums[metric] = self.sums.get(metric, 0) + sums

    def figures(self) -> dict[str, float | None]:
        """The figure of each metric by its text; None where there was nothing to take it of."""
        return {str(metric): FORMULAS[metric.name].figure(sums) for metric, sums in self.sums.items()}


FORMULAS: Mapping[str, Formula] = {
    "top_k": Formula(_top_k, _share),
    "pixel_accuracy": Formula(_pixel_accuracy, _share),
    "miou": Formula(partial(_counted, "miou"), _mean_overlap),
    "matched_accuracy": Formula(partial(_counted, "matched_accuracy"), _grouping(matched)),
    "nmi": Formula(partial(_counted, "nmi"), _grouping(mutual)),
    "mae": Formula(_mae, _share),
    "psnr": Formula(_psnr, _share),
    "ssim": Formula(_ssim, _share),
}
