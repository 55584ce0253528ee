"""Normalisations and noise, by their formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tests.reference.static import word

if TYPE_CHECKING:
    from tests.reference.machine import Use


def _standard(x: Tensor, dims: tuple[int, ...], eps: float) -> Tensor:
    mean = x.mean(dims, keepdim=True)
    return (x - mean) / torch.sqrt(((x - mean) ** 2).mean(dims, keepdim=True) + eps)


def _along(v: Tensor, x: Tensor) -> Tensor:
    """One number a channel, laid along dimension 1."""
    return v.reshape(1, -1, *(1,) * (x.dim() - 2))


def _affine(u: Use, made: Tensor, channels: int) -> Tensor:
    return made * _along(u.weight("weight", channels), made) + _along(u.weight("bias", channels), made)


def _moments(u: Use, channels: int) -> tuple[Tensor, Tensor, Tensor]:
    return (u.weight("running_mean", channels, trained=False), u.weight("running_var", channels, trained=False),
            u.weight("num_batches_tracked", trained=False))


def batch_norm(u: Use, x: Tensor, *, scale: float = 1.0, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True,
               running: bool = True) -> Tensor:
    """Statistics of the batch in training (and where none run); else the running ones."""
    u.centres(1)
    channels, dims = x.shape[1], (0, *range(2, x.dim()))
    if running:
        mean, variance, count = _moments(u, channels)
    if u.training or not running:
        made = _standard(x, dims, eps)
        if running:
            values = x.numel() // channels
            fresh = x.mean(dims)
            spread = ((x - _along(fresh, x)) ** 2).sum(dims) / (values - 1)
            u.change("running_mean", (1 - momentum) * mean + momentum * fresh)
            u.change("running_var", (1 - momentum) * variance + momentum * spread)
            u.change("num_batches_tracked", count + 1)
    else:
        made = (x - _along(mean, x)) / torch.sqrt(_along(variance, x) + eps)
    return _affine(u, made, channels) if affine else made


def instance_norm(u: Use, x: Tensor, *, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
                  running: bool = False) -> Tensor:
    """Statistics of each channel of a sample; running ones are the means over the batch."""
    u.centres(1)
    channels, dims = x.shape[1], tuple(range(2, x.dim()))
    if running:
        mean, variance, _ = _moments(u, channels)
    if u.training or not running:
        made = _standard(x, dims, eps)
        if running:
            places = x[0, 0].numel()
            spread = ((x - x.mean(dims, keepdim=True)) ** 2).sum(dims) / (places - 1)
            u.change("running_mean", (1 - momentum) * mean + momentum * x.mean(dims).mean(0))
            u.change("running_var", (1 - momentum) * variance + momentum * spread.mean(0))
    else:
        made = (x - _along(mean, x)) / torch.sqrt(_along(variance, x) + eps)
    return _affine(u, made, channels) if affine else made


def layer_norm(u: Use, x: Tensor, *, over: object = None, eps: float = 1e-5, affine: bool = True) -> Tensor:
    """Each sample by itself: over the features of a position, the channels of a place, or all of its numbers."""
    if over is not None and word(over) == "all":
        made = _standard(x, tuple(range(1, x.dim())), eps)
        return made * u.weight("weight", *x.shape[1:]) + u.weight("bias", *x.shape[1:]) if affine else made
    if x.dim() > 3:
        made = _standard(x, (1,), eps)
        return _affine(u, made, x.shape[1]) if affine else made
    if x.dim() == 3:
        u.centres(1)
    made = _standard(x, (x.dim() - 1,), eps)
    return made * u.weight("weight", x.shape[-1]) + u.weight("bias", x.shape[-1]) if affine else made


def group_norm(u: Use, x: Tensor, *, groups: int, eps: float = 1e-5, affine: bool = True) -> Tensor:
    """Each group of channels of a sample."""
    if groups == x.shape[1]:
        u.centres(1)
    made = _standard(x.reshape(x.shape[0], groups, -1), (2,), eps).reshape(x.shape)
    return _affine(u, made, x.shape[1]) if affine else made


def standardize(u: Use, x: Tensor, *, statistics: object = None, momentum: float = 0.1) -> Tensor:
    """`(a - mu) / sigma` (Tissera 2023, eq. 4.11): running statistics that the batch has moved, or the batch's own.

    The running ones change nothing in the gradient of the batch's own but its scale: `r (a - m) / s + d` with numbers
    r and d (batch renormalisation: Ioffe 2017).
    """
    u.centres(1)
    count, eps = x.shape[1], 1e-5
    mean, variance = u.weight("mean", count, trained=False), u.weight("variance", count, trained=False)
    seen = u.weight("seen", trained=False)
    if not u.training:
        return (x - mean) / torch.sqrt(variance + eps)
    fresh = x.sum(0) / x.shape[0]
    spread = ((x - fresh) ** 2).sum(0) / x.shape[0]
    share = 1.0 if int(seen) == 0 else momentum
    now = (share * fresh + (1 - share) * mean).detach(), (share * spread + (1 - share) * variance).detach()
    for name, value in (("mean", now[0]), ("variance", now[1]), ("seen", seen + 1)):
        u.change(name, value)
    own = _standard(x, (0,), eps)
    if statistics is not None and word(statistics) == "batch":
        return own
    moved = (x - now[0]) / torch.sqrt(now[1] + eps)
    r = (torch.sqrt(spread + eps) / torch.sqrt(now[1] + eps)).detach()
    return r * own + (moved - r * own).detach()


def _noise(u: Use, x: Tensor, p: float) -> Tensor:
    assert p == 0 or not u.training, "noise has no reference"
    return x


def dropout(u: Use, x: Tensor, *, p: float = 0.5) -> Tensor:
    """Nothing, where nothing is dropped."""
    return _noise(u, x, p)


def drop_channels(u: Use, x: Tensor, *, p: float = 0.5) -> Tensor:
    """Nothing, where nothing is dropped."""
    return _noise(u, x, p)


def drop_path(u: Use, x: Tensor, *, p: float = 0.1) -> Tensor:
    """Nothing, where nothing is dropped."""
    return _noise(u, x, p)


def noise(u: Use, x: Tensor, deviation: Tensor | None = None, *, std: float | None = None) -> Tensor:
    """Nothing in evaluation, and in training where the deviation is 0."""
    assert not u.training or (std == 0 and deviation is None), "noise has no reference"
    return x


def rms_norm(u: Use, x: Tensor, *, eps: float = 1e-6, affine: bool = True) -> Tensor:
    """`w x / sqrt(mean(x^2) + eps)` (Zhang and Sennrich 2019, eq. 4), over features or channels."""
    dim = x.dim() - 1 if x.dim() <= 3 else 1
    made = x / (x.pow(2).mean(dim, keepdim=True) + eps).sqrt()
    if not affine:
        return made
    sizes = [1] * x.dim()
    sizes[dim] = x.shape[dim]
    return made * u.weight("weight", x.shape[dim]).view(sizes)
