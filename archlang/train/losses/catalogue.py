"""The formulas of losses, in tables by the names that files use; `ops/losses.py` states the facts of each.

A formula gets what the loss reads, in order, as tensors in float32 or wider, and its arguments; it gives a scalar. A
loss over sites reads what `Loss.reads` says, then the tensor of each site; `args["sites"]` holds the sites. For a loss
with a target `args["class_axis"]` is the axis of classes among the sizes of one sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from archlang.train.losses import clustering, coded, embedding, likelihoods, patch_experts, task

Formula = Callable[[Sequence[torch.Tensor], Mapping[str, Any]], torch.Tensor]
Make = Callable[[Mapping[str, Any], Sequence[tuple[int, ...]]], nn.Module]

FORMULAS: Mapping[str, Formula] = {
    **task.FORMULAS, **embedding.FORMULAS, **likelihoods.FORMULAS, **clustering.FORMULAS,
}
"""Losses over tensors that the file names."""

STRUCTURAL: Mapping[str, Formula] = {**coded.STRUCTURAL, **patch_experts.STRUCTURAL}
"""Losses over sites of the network."""

COUNTED: Mapping[str, Formula] = task.COUNTED
"""The divisor of the mean of a loss, for those that may leave places out; all others are means over samples."""

STATEFUL: Mapping[str, Make] = {**clustering.STATEFUL}
"""Losses with running state: from the arguments and the sizes of what is read, per sample (a symbolic size is 0, the
label has none), a module whose `forward` takes the reads. Its state moves, is saved and put back with the model's."""

METRICS: Mapping[str, Mapping[str, Formula]] = {**patch_experts.METRICS}
"""What is reported beside a loss, by name: formulas over the same reads, that nothing is trained on."""
