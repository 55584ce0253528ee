"""Losses that compare outputs with labels, or with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from archlang.train.losses.checks import as_target, in_range


def cross_entropy(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """Mean of `-log softmax(logits)[label]`; logits [batch, classes], labels [batch] as numbers or [batch, classes]."""
    logits, label = reads
    if not label.is_floating_point():
        in_range(label, logits.shape[1])
    return functional.cross_entropy(logits, label, label_smoothing=float(args.get("label_smoothing") or 0.0))


def mse(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """Mean of squared differences; class numbers are compared as one-hot rows where the output has several numbers."""
    value, target = reads
    return functional.mse_loss(value, as_target(value, target))


def bce(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """Mean binary cross-entropy of logits, after a sigmoid, with targets from 0 to 1 or class numbers."""
    logits, target = reads
    return functional.binary_cross_entropy_with_logits(logits, as_target(logits, target))


def kl(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """Mean over the batch of `KL(p || q)`: q of logits, p of a target [batch, classes]; no gradient through p."""
    q, p = reads
    log_p, log_q = functional.log_softmax(p.detach(), 1), functional.log_softmax(q, 1)
    return functional.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


FORMULAS = {"cross_entropy": cross_entropy, "mse": mse, "bce": bce, "kl": kl}
