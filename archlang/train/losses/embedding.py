"""Losses of embeddings [batch, features]: of triplets, of all pairs in a batch, and of angles to classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from archlang.train.losses import targets
from archlang.train.problems import bad_data


def triplet(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of `max(0, d(anchor, positive) - d(anchor, negative) + margin)`, d the Euclidean distance."""
    anchor, positive, negative = reads
    near, far = _distance(anchor, positive), _distance(anchor, negative)
    return (near - far + float(args["margin"])).clamp(min=0).mean()


def _distance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """The distance of each row [batch]; where both are one point it is 0, with a gradient of 0."""
    squared = (one - other).square().sum(1)
    apart = squared > 0
    return squared.where(apart, torch.ones_like(squared)).sqrt().where(apart, torch.zeros_like(squared))


def info_nce(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """Cross-entropy of the batch's cosines by rows and by columns, the right ones on the diagonal; the mean of both.

    A third tensor [batch, 1] is the learned factor of cosines, the same for each sample; without it they are divided
    by the temperature. Raises `ArchError` (bad-data) of a batch of one sample, which has nothing to compare with.
    """
    first, second = (functional.normalize(read, dim=1) for read in reads[:2])
    if len(first) < 2:
        raise bad_data("`info_nce` compares the samples of a batch, and this batch has one", help="a larger `batch`")

    cosines = first @ second.T
    # A learned factor is the same for every sample of a batch; its mean has the gradient of all.
    if len(reads) > 2:
        cosines = cosines * reads[2].mean()
    else:
        cosines = cosines / float(args["temperature"])

    # What belongs to a row stands in the same row of the batch.
    right = torch.arange(len(cosines), device=cosines.device)
    return (functional.cross_entropy(cosines, right) + functional.cross_entropy(cosines.T, right)) / 2


def nt_xent(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """Cross-entropy of the cosines of both views [2 batch], the right one of each row its sample's other view.

    Raises `ArchError` (bad-data) of a batch of one sample: no other one is there to be told from.
    """
    count = len(reads[0])
    if count < 2:
        raise bad_data("`nt_xent` compares the samples of a batch, and this batch has one", help="a larger `batch`")

    rows = functional.normalize(torch.cat([*reads]), dim=1)
    scores = rows @ rows.T / float(args["temperature"])
    # No view is told from itself.
    itself = torch.eye(2 * count, dtype=torch.bool, device=scores.device)
    right = torch.arange(2 * count, device=scores.device).roll(count)
    return functional.cross_entropy(scores.masked_fill(itself, -torch.inf), right)


def arc_margin(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """Cross-entropy of `scale cos(angle)`, for the right class `scale cos(angle + margin)`.

    Cosines [batch, classes], or with places as `cross_entropy`. Raises `ArchError` (bad-data) of what are no cosines.
    """
    cosines, label = reads
    axis = int(args.get("class_axis", 0)) + 1
    largest = float(cosines.detach().abs().max())
    # A little past 1 is rounding; scores that were not divided by lengths have no angle.
    if largest > 1.01:
        raise bad_data(f"`arc_margin` reads cosines, from -1 to 1, and these reach {largest:.4g}",
                       help="divide the embedding and the vectors of classes by their lengths: `l2_normalize`")

    places = (*cosines.shape[:axis], *cosines.shape[axis + 1 :])
    numbers = targets.class_numbers("arc_margin", label, places, cosines.shape[axis], axis).unsqueeze(axis)
    # By the sum of angles: `acos` has an infinite gradient at 1.
    margin = float(args["margin"])
    angle = cosines.gather(axis, numbers)
    # The root has no gradient at 0, where an embedding lies on its class already.
    sine = (1 - angle.square()).clamp(min=1e-12).sqrt()
    turned = angle * math.cos(margin) - sine * math.sin(margin)
    right = turned.where(angle > math.cos(math.pi - margin), angle - margin * math.sin(margin))

    scores = cosines.scatter(axis, numbers, right) * float(args["scale"])
    return functional.cross_entropy(scores.movedim(axis, 1), numbers.squeeze(axis))


FORMULAS = {"triplet": triplet, "info_nce": info_nce, "nt_xent": nt_xent, "arc_margin": arc_margin}
