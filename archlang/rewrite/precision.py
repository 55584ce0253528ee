"""Folded weights in the dtype of the old ones: overflow and lost digits."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from archlang.rewrite.report import Obstacle
from archlang.rewrite.steps import Contraction, ConvStep

_SHARE = 8.0
"""Error of a channel's kernel that is allowed, in units of the dtype's own relative error."""


def check_precision(step: Contraction, like: Tensor) -> None:
    """Raise Obstacle (overflow) where a kernel or bias does not fit the dtype of the old weights `like`.

    A scale of 1e6, or of 1e-6, is harmless in a norm, which computes it in single precision; multiplied into a kernel
    of float16 it would leave infinities, or numbers without digits. What a channel's bias makes small does not count.
    """
    dtype = like.dtype
    if step.kernel.is_meta or not _finite(like):
        return  # weights that are no numbers stay so

    kernel = _by_channel(step)
    error = (kernel.to(dtype).double() - kernel).norm(dim=1)
    # A single infinity ruins a channel, however small the error of the others is; it makes the error infinite.
    if not _finite(error) or (step.bias is not None and not _finite(step.bias.to(dtype))):
        raise Obstacle("overflow")

    scale = kernel.norm(dim=1)
    if step.bias is not None:
        scale = scale + step.bias.abs()

    limits = torch.finfo(dtype)
    # The second term is the smallest step of the dtype: below it, nothing can be told apart.
    allowed = _SHARE * limits.eps * scale + limits.eps * limits.smallest_normal
    if bool((error > allowed).any()):
        raise Obstacle("overflow")


def _finite(values: Tensor) -> bool:
    """Tell whether all are numbers: the least and the largest are, which is soon found."""
    if values.numel() == 0:
        return True
    return all(math.isfinite(bound) for bound in torch.stack(values.aminmax()).tolist())


def _by_channel(step: Contraction) -> Tensor:
    """The numbers of each output channel: [out, ...]."""
    if isinstance(step, ConvStep):
        return step.kernel.reshape(step.out_channels, -1)
    by_group = step.kernel.reshape(step.groups, -1, *step.kernel.shape[1:])
    return by_group.transpose(1, 2).reshape(step.out_channels, -1)
