"""Losses that are the negative logarithm of a likelihood: of a line of classes, of numbers with a variance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from archlang.train.losses import targets
from archlang.train.problems import bad_data


def ctc(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean over samples of the loss of connectionist temporal classification, over the length of each label.

    Logits [batch, positions, classes], or [batch, classes, length] of a line; the label [batch, n] of class numbers,
    filled up with the blank; perhaps lengths [batch, 1]. Raises `ArchError` (bad-data).
    """
    logits, label, *rest = reads
    rows = logits.movedim(int(args.get("class_axis", 0)) + 1, 2)
    blank, (count, positions, classes) = int(args["blank"]), rows.shape
    if label.ndim != 2 or len(label) != count:
        raise bad_data(f"`ctc` wants the class numbers [n] of a sample, filled up with {blank}, and the data's label "
                       f"is {list(label.shape[1:])}")

    numbers = targets.class_numbers("ctc", label, label.shape, classes)
    told = numbers != blank
    # A blank between classes would be dropped by torch's counting of lengths, and the rest with it.
    if bool((told[:, 1:] & ~told[:, :-1]).any()):
        raise bad_data(f"a label of `ctc` has a class behind the blank {blank}, which fills labels up at their end")

    lengths = torch.full((count,), positions, device=rows.device)
    if rest:
        lengths = rest[0].reshape(count).long()
    spelt = told.sum(1)
    # Equal neighbours need a blank between them; torch's loss is infinite where positions are too few.
    needed = spelt + (told[:, 1:] & (numbers[:, 1:] == numbers[:, :-1])).sum(1)
    if bool((needed > lengths).any()):
        worst = int((needed - lengths).argmax())
        raise bad_data(f"a label of `ctc` needs {int(needed[worst])} positions, and the scores have "
                       f"{int(lengths[worst])}")

    # Torch wants positions first, then the batch.
    logs = functional.log_softmax(rows, 2).transpose(0, 1)
    return functional.ctc_loss(logs, numbers, lengths, spelt, blank)


def gaussian_nll(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The mean of `(s + (x - m)^2 / exp(s)) / 2` over samples and their numbers. Raises `ArchError` (bad-data)."""
    mean, label, log_variance = reads
    wanted = targets.numbers("gaussian_nll", mean, label, int(args.get("class_axis", 0)) + 1)
    return ((log_variance + (wanted - mean).square() * (-log_variance).exp()) / 2).mean()


FORMULAS = {"ctc": ctc, "gaussian_nll": gaussian_nll}
