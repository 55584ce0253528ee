"""Losses that compare outputs with labels, or with each other.

`args["class_axis"]` is the axis of classes among the sizes of one sample: 0 for vectors, lines, maps and volumes, 1 for
sequences [batch, positions, classes].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from archlang.train.losses import targets


def cross_entropy(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of `-log softmax(logits)[label]` over samples and their places.

    Logits [batch, classes], [batch, classes, ...] or [batch, positions, classes]. The label holds class numbers in that
    shape without the classes, or a share of each class in that shape. Raises `ArchError` (bad-data).
    """
    logits, label = reads
    axis = _axis(args)
    smoothing = float(args.get("label_smoothing") or 0.0)

    if label.is_floating_point():
        shares = targets.class_shares("cross_entropy", logits, label, axis)
        return functional.cross_entropy(logits.movedim(axis, 1), shares.movedim(axis, 1), label_smoothing=smoothing)

    # Torch wants classes on the second axis.
    places = (*logits.shape[:axis], *logits.shape[axis + 1 :])
    numbers = targets.class_numbers("cross_entropy", label, places, logits.shape[axis], axis)
    return functional.cross_entropy(logits.movedim(axis, 1), numbers, label_smoothing=smoothing)


def mse(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of squared differences of outputs and targets [batch, ...].

    Class numbers are compared as one-hot rows where the output has several numbers. Raises `ArchError` (bad-data).
    """
    value, target = reads
    return functional.mse_loss(value, targets.numbers("mse", value, target, _axis(args)))


def bce(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean binary cross-entropy of logits [batch, ...], after a sigmoid, with targets from 0 to 1.

    Class numbers are compared as one-hot rows where there are several logits. Raises `ArchError` (bad-data).
    """
    logits, target = reads
    chances = targets.chances("bce", logits, target, _axis(args))
    return functional.binary_cross_entropy_with_logits(logits, chances)


def kl(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean over samples and their places of `KL(p || q)`, q the softmax of logits, p that of the target.

    Both have scores in one shape; no gradient goes through p. Raises `ArchError` (bad-data).
    """
    logits, target = reads
    axis = _axis(args)
    # Of logarithms on both sides: a share of 0 would give 0 times minus infinity.
    log_p = functional.log_softmax(targets.scores("kl", logits, target).detach(), axis)
    log_q = functional.log_softmax(logits, axis)
    return functional.kl_div(log_q, log_p, reduction="none", log_target=True).sum(axis).mean()


def _axis(args: Mapping[str, Any]) -> int:
    """The axis of classes with the batch counted."""
    return int(args.get("class_axis", 0)) + 1


FORMULAS = {"cross_entropy": cross_entropy, "mse": mse, "bce": bce, "kl": kl}
