"""The formulas of losses, in tables by the names that files use.

A formula gets what the loss reads, in order, as tensors in float32 or wider, and its arguments; it gives a scalar. A
loss over sites reads what `Loss.reads` says, then the tensor of each site; `args["sites"]` holds the sites.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import nn

from archlang.graph.plan import Loss
from archlang.train.losses import clustering, coding, experts, task

Formula = Callable[[Sequence[torch.Tensor], Mapping[str, Any]], torch.Tensor]
Make = Callable[[Mapping[str, Any], Sequence[tuple[int, ...]]], nn.Module]
ViewPair = Literal["plain+augmented", "two augmented"]

FORMULAS: Mapping[str, Formula] = {**task.FORMULAS, **clustering.FORMULAS}
"""Losses over tensors that the file names."""

STRUCTURAL: Mapping[str, Formula] = {**coding.STRUCTURAL, **experts.STRUCTURAL}
"""Losses over sites of the network."""

STATEFUL: Mapping[str, Make] = {**clustering.STATEFUL}
"""Losses with running state: from the arguments and the sizes of what is read, per sample (a symbolic size is 0, the
label has none), a module whose `forward` takes the reads. Its state moves, is saved and put back with the model's."""

PAIRED: Mapping[str, ViewPair] = {**clustering.PAIRED}
"""Losses that read two views of the same samples: the tensors of the main view, then those of the second one, of which
the label is none. The views are the samples as they are and augmented ones, or two augmented ones."""

METRICS: Mapping[str, Mapping[str, Formula]] = {**experts.METRICS}
"""What is reported beside a loss, by name: formulas over the same reads, that nothing is trained on."""


def views_of(loss: Loss) -> ViewPair | None:
    """Which two views of the samples a loss reads; None for a loss that reads one, or is told `augmented = false`."""
    return None if loss.option.args.get("augmented") is False else PAIRED.get(loss.option.name)
