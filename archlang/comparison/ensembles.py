"""Models judged together or by several crops: the mean of their probabilities, and how often the class is among k."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.fx

from archlang.comparison.answers import Answers, answers
from archlang.comparison.crops import Crops
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.train.problems import bad_data


@dataclass(frozen=True)
class Verdict:
    """The probabilities of models on a test part, judged.

    accuracy  share whose likeliest class is the label
    top       share whose label is among the k likeliest, by k
    loss      mean of -log of the label's probability
    each      the accuracy of each model alone
    """

    samples: int
    models: int
    accuracy: float
    top: Mapping[int, float]
    loss: float
    each: tuple[float, ...]


def judge_together(models: Sequence[torch.fx.GraphModule], data: object, *, top: Sequence[int] = (),
                   crops: Crops | None = None, device: str = "auto") -> Verdict:
    """Models on the test part of data, their probabilities averaged (Tissera 2023, table 3.2: ensembles).

    Raises `ArchError`: unknown-data, bad-data where models tell other classes apart, usage for a `top` beyond them.
    """
    found = [answers(model, data, device=device, crops=crops) for model in models]
    _require_alike(found)

    # Probabilities rather than scores: the scale of scores differs from model to model.
    probabilities, labels = torch.stack([one.probabilities for one in found]).mean(0), found[0].labels
    classes = probabilities.shape[1]
    # torch would end in an error of its own.
    beyond = [k for k in top if k > classes]
    if beyond:
        raise ArchError(error("usage", f"among the {beyond[0]} likeliest of {classes} classes is every class"))

    # A probability of 0 has no logarithm; the smallest number stands for it.
    chosen = probabilities.gather(1, labels[:, None].long()).clamp_min(torch.finfo(probabilities.dtype).tiny)
    return Verdict(
        len(labels), len(found), _share(probabilities, labels, 1), {k: _share(probabilities, labels, k) for k in top},
        float(-chosen.log().mean()), tuple(_share(one.probabilities, labels, 1) for one in found),
    )


def _share(probabilities: torch.Tensor, labels: torch.Tensor, k: int) -> float:
    """Share of samples whose label is among the k likeliest classes."""
    likeliest = probabilities.topk(k, dim=1).indices
    return float((likeliest == labels[:, None]).any(1).double().mean())


def _require_alike(found: Sequence[Answers]) -> None:
    """Raises `ArchError` (bad-data) unless all answers are about the same classes in the same order."""
    first = found[0]
    for other in found[1:]:
        # Sizes first: names may be lacking, and then sizes alone tell.
        if other.probabilities.shape != first.probabilities.shape:
            raise bad_data(f"the models tell {first.probabilities.shape[1]} and {other.probabilities.shape[1]} classes "
                           "apart, so that their probabilities have no mean")
        if other.names != first.names or not torch.equal(other.labels, first.labels):
            shown = [one_line(", ".join(one.names or ("classes without names",)), 80) for one in (first, other)]
            raise bad_data(f"the models have other classes, or another order of them: {shown[0]}; {shown[1]}")
