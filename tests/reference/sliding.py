"""Convolutions and dense maps. Padding is laid on by hand; the sliding sum alone is torch's."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from tests.reference.static import rows, word
from tests.reference.values import Choice

if TYPE_CHECKING:
    from tests.reference.machine import Use

_SUMS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


def _sides(padding: object, kernel: tuple[int, ...], dilation: tuple[int, ...], sizes: tuple[int, ...] = (),
           steps: tuple[int, ...] = ()) -> list[tuple[int, int]]:
    """Cells before and after each axis; left open, `d (k - 1)` in all, the odd one after."""
    said = "" if padding is None or isinstance(padding, int | tuple) else word(padding)
    if said == "causal":
        return [(d * (k - 1), 0) for k, d in zip(kernel, dilation, strict=True)]
    if said == "tf_same":
        found = []
        for n, k, s, d in zip(sizes, kernel, steps, dilation, strict=True):
            places = (n + s - 1) // s
            total = max(0, (places - 1) * s + d * (k - 1) + 1 - n)
            found.append((total // 2, total - total // 2))
        return found
    if padding is None or not isinstance(padding, int | tuple):
        if padding is not None and word(padding) == "none":
            return [(0, 0)] * len(kernel)
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return [(t // 2, t - t // 2) for t in totals]
    return [(p, p) for p in rows(padding, len(kernel))]


def _edge(x: Tensor, sides: list[tuple[int, int]], mode: str) -> Tensor:
    """The map with cells around it: zeros, or cells of its own by their index."""
    for dim, (before, after) in enumerate(sides, 2):
        if before == after == 0:
            continue

        size = x.shape[dim]
        at = torch.arange(-before, size + after, device=x.device)
        if mode == "zeros":
            inside = ((at >= 0) & (at < size)).reshape(-1, *(1,) * (x.dim() - 1 - dim))
            cells = x.index_select(dim, at.clamp(0, size - 1))
            x = torch.where(inside, cells, torch.zeros((), dtype=x.dtype, device=x.device))
            continue
        at = {"replicate": at.clamp(0, size - 1), "circular": at % size,
              "reflect": size - 1 - (size - 1 - at.abs()).abs()}[mode]
        x = x.index_select(dim, at)
    return x


def _convolve(u: Use, x: Tensor, rank: int, *, kernel: object, channels: int, stride: object = 1,
              padding: object = None, dilation: object = 1, groups: object = 1, padding_mode: object = None,
              bias: object = None, init: object = None, weights: object = None) -> Tensor:
    assert x.dim() == rank + 2, "a map of this rank is wanted"
    size, step, spread = rows(kernel, rank), rows(stride, rank), rows(dilation, rank)
    entering = x.shape[1]
    parts = groups if isinstance(groups, int) else entering
    mode = "zeros" if padding_mode is None else word(padding_mode)
    weight = u.weight("weight", channels, entering // parts, *size)
    shift = u.bias(bias, channels, 1)
    if weights is not None:
        weight = _calculated(u, weight, weights)
    around = _edge(x, _sides(padding, size, spread, tuple(x.shape[2:]), step), mode)
    return _SUMS[rank](around, weight, shift, step, 0, spread, parts)


def _calculated(u: Use, v: Tensor, weights: object) -> Tensor:
    """The kernel of each channel from what is learned, one channel after the other."""
    choice = weights if isinstance(weights, Choice) else Choice(word(weights))
    gamma, eps = (float(number) for number in choice.get(("gamma", "eps"), (1.0, 1e-6)))  # type: ignore[arg-type]
    if choice.name == "masked":
        return _up_to_the_middle(v, bool(choice.get(("centre",), (True,))[0]))
    gain = None if choice.name == "standardized" else u.weight("gain", v.shape[0], *(1,) * (v.dim() - 1))

    kernels = []
    for i, one in enumerate(v):
        if choice.name == "weight_norm":
            kernels.append(gain[i] * one / (one * one).sum().sqrt())
            continue
        mean = one.sum() / one.numel()
        made = (one - mean) / (((one - mean) ** 2).sum() / one.numel() + eps).sqrt()
        if gain is not None:
            made = gamma * gain[i] * made / one.numel() ** 0.5
        kernels.append(made)
    return torch.stack(kernels)


def _up_to_the_middle(v: Tensor, centre: bool) -> Tensor:
    """A kernel times a mask that is written cell by cell."""
    mask = torch.zeros_like(v)
    middle = tuple(size // 2 for size in v.shape[2:])
    for cell in product(*(range(size) for size in v.shape[2:])):
        if cell < middle or (centre and cell == middle):
            mask[(slice(None), slice(None), *cell)] = 1
    return v * mask


def _depthwise(u: Use, x: Tensor, rank: int, *, multiplier: int = 1, **given: object) -> Tensor:
    return _convolve(u, x, rank, channels=multiplier * x.shape[1], groups=x.shape[1], **given)


def _transposed(u: Use, x: Tensor, rank: int, *, kernel: object, channels: int, stride: object = 1,
                padding: object = None, output_padding: object = None, dilation: object = 1, groups: object = 1,
                bias: object = None, init: object = None) -> Tensor:
    """Zeros between the cells, then a sliding sum with the kernel turned around."""
    size, step, spread = rows(kernel, rank), rows(stride, rank), rows(dilation, rank)
    entering = x.shape[1]
    parts = groups if isinstance(groups, int) else entering
    weight = u.weight("weight", entering, channels // parts, *size)
    sides = []
    for axis, (k, s, d) in enumerate(zip(size, step, spread, strict=True)):
        reach, extra = d * (k - 1) + 1, rows(output_padding or 0, rank)[axis]
        if isinstance(padding, int | tuple) or (padding is not None and word(padding) == "none"):
            off = rows(padding, rank)[axis] if isinstance(padding, int | tuple) else 0
        else:  # the output is `s` times the input: 2 off - extra = reach - s
            off = max(0, (reach - s + 1) // 2)
            extra = 2 * off - (reach - s)
        sides.append((reach - 1 - off, reach - 1 - off + extra))
    for dim, s in enumerate(step, 2):
        spaced = torch.zeros(*x.shape[:dim], x.shape[dim], s, *x.shape[dim + 1:], dtype=x.dtype, device=x.device)
        spaced.select(dim + 1, 0).copy_(x)
        x = spaced.flatten(dim, dim + 1).narrow(dim, 0, (x.shape[dim] - 1) * s + 1)
    padded = functional.pad(x, [cell for pair in reversed(sides) for cell in pair])
    turned = weight.flip(tuple(range(2, 2 + rank)))
    turned = turned.reshape(parts, entering // parts, channels // parts, *size).transpose(1, 2).flatten(0, 1)
    return _SUMS[rank](padded, turned, u.bias(bias, channels, 1), 1, 0, spread, parts)


def conv(u: Use, x: Tensor, *, kernel: object, channels: int, stride: object = 1, padding: object = None,
         dilation: object = 1, groups: object = 1, padding_mode: object = None, bias: object = None,
         init: object = None, weights: object = None, rank: int = 2) -> Tensor:
    """A learned kernel at every place."""
    return _convolve(u, x, rank, kernel=kernel, channels=channels, stride=stride, padding=padding, dilation=dilation,
                     groups=groups, padding_mode=padding_mode, bias=bias, weights=weights)


def depthwise_conv(u: Use, x: Tensor, *, kernel: object, stride: object = 1, padding: object = None,
                   dilation: object = 1, padding_mode: object = None, bias: object = None, init: object = None,
                   multiplier: int = 1, weights: object = None, rank: int = 2) -> Tensor:
    """Every channel by itself."""
    return _depthwise(u, x, rank, kernel=kernel, stride=stride, padding=padding, dilation=dilation,
                      padding_mode=padding_mode, bias=bias, multiplier=multiplier, weights=weights)


def conv_transpose(u: Use, x: Tensor, *, kernel: object, channels: int, stride: object = 1, padding: object = None,
                   output_padding: object = None, dilation: object = 1, groups: object = 1, bias: object = None,
                   init: object = None, rank: int = 2) -> Tensor:
    """Every cell spreads a learned kernel."""
    return _transposed(u, x, rank, kernel=kernel, channels=channels, stride=stride, padding=padding,
                       output_padding=output_padding, dilation=dilation, groups=groups, bias=bias)


OF_OTHER_RANKS = {
    f"{rule.__name__}{rank}d": partial(rule, rank=rank)
    for rule in (conv, depthwise_conv, conv_transpose) for rank in (1, 3)
}
"""The same over lines and volumes."""


def linear(u: Use, x: Tensor, *, features: int, bias: object = None, init: object = None) -> Tensor:
    """W x + b along the last axis."""
    made = torch.einsum("...i,oi->...o", x, u.weight("weight", features, x.shape[-1]))
    shift = u.bias(bias, features, x.dim() - 1)
    return made if shift is None else made + shift


def matmul(u: Use, x: Tensor, other: Tensor) -> Tensor:
    """The product of two matrices of each sample."""
    return torch.einsum("bij,bjk->bik", x, other)


def sobel(u: Use, x: Tensor) -> Tensor:
    """How the grey image changes to the right, and downwards, a pixel: eighths of the sums of six differences."""
    shares = (0.299, 0.587, 0.114) if x.shape[1] == 3 else (1 / x.shape[1],) * x.shape[1]
    grey = torch.stack([share * x[:, i] for i, share in enumerate(shares)]).sum(0)
    height, width = grey.shape[1:]

    def at(down: int, right: int) -> Tensor:
        rows = (torch.arange(height, device=x.device) + down).clamp(0, height - 1)
        return grey[:, rows][:, :, (torch.arange(width, device=x.device) + right).clamp(0, width - 1)]

    across = sum(w * (at(i, 1) - at(i, -1)) for i, w in ((-1, 1), (0, 2), (1, 1)))
    along = sum(w * (at(1, i) - at(-1, i)) for i, w in ((-1, 1), (0, 2), (1, 1)))
    return torch.stack((across / 8, along / 8), 1)
