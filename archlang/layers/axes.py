"""Cells added along axes."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def pad(x: Tensor, dims: tuple[int, ...], before: int, after: int, mode: str) -> Tensor:
    """Cells before and after along dimensions; `mode` is `constant` (zeros), `reflect`, `replicate` or `circular`.

    >>> import torch
    >>> pad(torch.arange(3.0)[None], (1,), 1, 2, "replicate")
    tensor([[0., 0., 1., 2., 2., 2.]])
    """
    for dim in dims:
        x = _along(x, dim, before, after, mode)
    return x


def _along(x: Tensor, dim: int, before: int, after: int, mode: str) -> Tensor:
    """One dimension after the other: each mode fills a corner in any order alike."""
    if mode == "constant":
        behind = (0, 0) * (x.dim() - 1 - dim)
        return functional.pad(x, (*behind, before, after))

    # Torch mirrors and wraps the last dimensions alone, those of [batch, channels, length] at least.
    last = x.movedim(dim, -1)
    padded = functional.pad(last.reshape(x.shape[0], -1, x.shape[dim]), (before, after), mode=mode)
    return padded.reshape(*last.shape[:-1], padded.shape[-1]).movedim(-1, dim)
