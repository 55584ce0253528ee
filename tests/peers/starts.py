"""Weights for a comparison: all random, none drawn twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch import Tensor, nn

DRAWN = ("uniform_", "normal_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_",
         "xavier_normal_", "orthogonal_")


@contextmanager
def undrawn() -> Iterator[None]:
    """Models are made without drawing their weights, which takes longer than the comparison.

    They hold whatever lies in memory, so each tensor has to be given a value afterwards: the mapper sees to that.
    """
    def untouched(tensor: Tensor, *_: object, **__: object) -> Tensor:
        return tensor

    with patch.multiple(nn.init, **dict.fromkeys(DRAWN, untouched)):
        yield


def random(model: nn.Module, seed: int = 0) -> nn.Module:
    """The model in float64, every weight and statistic drawn anew, so that none of them is at a convenient value.

    Weights have the variance 1 / fan-in, variances lie above 0.1. Every eighth scale of a norm is large, so that
    activations reach the bends that lie far out (`relu6`). Drawn in float32, which is four times as fast.
    """
    draw = torch.Generator().manual_seed(seed)
    model.double()

    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not tensor.dtype.is_floating_point:
                continue
            fan = max(1, tensor.numel() // max(1, tensor.shape[0])) if tensor.dim() > 1 else 4
            tensor.copy_(torch.randn(tensor.shape, generator=draw)).mul_(fan**-0.5)
            if name.endswith(("running_var", ".variance")):
                tensor.add_(1).abs_().add_(0.1)
            elif name.endswith(".weight") and tensor.dim() == 1:
                tensor[::8] *= 8
    return model
