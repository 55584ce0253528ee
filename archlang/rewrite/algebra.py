"""The algebra of fusion: convolutions that become one, in a row or side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import gcd
from typing import Any

import torch
from torch import Tensor

from archlang.rewrite.report import Obstacle
from archlang.rewrite.steps import (
    AffineStep,
    ConvStep,
    LinearStep,
    PadStep,
    PoolStep,
    Sizes,
    by_channel,
    check_axis,
    is_nonzero,
    total_bias,
)


def as_conv(step: LinearStep, spatial: int, channels: int, like: Tensor) -> ConvStep:
    """A step as a convolution of `channels` channels on the device of `like`. Raises Obstacle."""
    ones, zeros = (1,) * spatial, (0,) * spatial
    match step:
        case ConvStep():
            if step.spatial != spatial:
                raise Obstacle("other-axis")
            return step

        case PadStep():
            # A pad that names no axes serves any number of them; one that names some must not name more than there are.
            if len(step.lo) > spatial or not (step.counted or len(step.lo) == spatial):
                raise Obstacle("other-axis")
            rest = (0,) * (spatial - len(step.lo))
            kernel = _diagonal(torch.ones((), dtype=torch.float64, device=like.device), channels, ones)
            return ConvStep(kernel, None, ones, ones, rest + step.lo, rest + step.hi, channels, step.mode)

        case AffineStep():
            check_axis(step, spatial)
            if step.shift is None:
                shift = None
            else:
                shift = by_channel(step.shift, channels)
            return ConvStep(_diagonal(step.scale, channels, ones), shift, ones, ones, zeros, zeros, channels)

        case PoolStep():
            if len(step.size) != spatial:
                raise Obstacle("other-axis")
            weight = torch.tensor(step.factor, dtype=torch.float64, device=like.device)
            kernel = _diagonal(weight, channels, step.size)

            return ConvStep(kernel, None, step.stride, ones, step.lo, step.hi, channels)
    raise Obstacle("transposed")


def _diagonal(values: Tensor, channels: int, size: Sizes) -> Tensor:
    """The kernel of a depthwise convolution with one value a channel, the same at each tap."""
    return by_channel(values, channels).reshape(channels, 1, *(1,) * len(size)).expand(channels, 1, *size)


def regrouped(kernel: Tensor, groups: int, wanted: int) -> Tensor:
    """A grouped kernel as one of fewer groups, a divisor of the old: zero where channels did not meet."""
    if groups == wanted:
        return kernel


    inside = groups // wanted
    out, width = kernel.shape[0] // groups, kernel.shape[1]
    blocks = kernel.reshape(wanted, inside, out, width, *kernel.shape[2:])
    # Output and input channels of one old group lie on the diagonal of its new group.
    merged = kernel.new_zeros(wanted, inside, out, inside, width, *kernel.shape[2:])
    for i in range(inside):
        merged[:, i, :, i] = blocks[:, i]
    return merged.reshape(kernel.shape[0], inside * width, *kernel.shape[2:])


# --- in a row --------------------------------------------------------------------------------------------------------


def after(first: ConvStep, second: ConvStep, by_value: bool = True) -> ConvStep:
    """`second(first(x))` as one convolution.

    Raises Obstacle where that is not exact, and where it is by chance of the weights but `by_value` is off.
    """
    if first.out_channels != second.in_channels:
        raise Obstacle("channels")
    mode = _common_mode(first, second, by_value)

    stride, dilation, lo, hi = [], [], [], []
    for i in range(first.spatial):
        s, k1, k2 = first.stride[i], first.size[i], second.size[i]
        # The second kernel would read only every s-th cell of what the first reads: a kernel with gaps at no one
        # dilation.
        if s > 1 and k2 > 1:
            raise Obstacle("stride")

        # A kernel of one tap has no dilation of its own: the other one's is the common one.
        steps = [first.dilation[i]] * (k1 > 1) + [second.dilation[i] * s] * (k2 > 1)
        extent = first.dilation[i] * (k1 - 1) + second.dilation[i] * (k2 - 1) * s + 1
        before = second.lo[i] * s + first.lo[i]
        reach = first.reach[i] + (1 + second.reach[i]) * s

        stride.append(s * second.stride[i])
        # gcd of nothing is 0: two kernels of one tap have any dilation.
        dilation.append(gcd(*steps) or 1)
        lo.append(before)
        # From `reach = lo + hi - extent`, where the product's reach counts both in cells of its input.
        hi.append(reach - before + extent)

    kernel, groups = _product(first, second, tuple(dilation))
    if first.bias is None:
        passed = None
    else:
        passed = _passed(first.bias, second)
    bias = total_bias(second.bias, passed)
    return ConvStep(kernel, bias, tuple(stride), tuple(dilation), tuple(lo), tuple(hi), groups, mode)


def common_groups(first: ConvStep, second: ConvStep) -> int:
    """The groups of two convolutions in a row: a depthwise one keeps the other's."""
    if first.depthwise:
        return second.groups
    if second.depthwise:
        return first.groups
    return gcd(first.groups, second.groups)


def _common_mode(first: ConvStep, second: ConvStep, by_value: bool) -> str:
    """The padding of two in a row, after checks that what the second's padding adds is what the first makes of its."""
    if not second.padded:
        return first.mode
    if first.padded and first.mode != second.mode:
        raise Obstacle("padding-modes")

    for i in range(first.spatial):
        if second.lo[i] <= 0 and second.hi[i] <= 0:
            continue
        # The padding may move in front of the first one only if that reads one cell for each that it gives.
        pointwise = first.size[i] == 1 and first.stride[i] == 1
        inner = (first.lo[i], first.hi[i])
        if not pointwise or min(inner) < 0 or (second.mode != "zeros" and any(inner)):
            raise Obstacle("border")

    # Zeros are put where the first one's bias would stand had the padding come before it.
    if second.mode == "zeros" and first.bias is not None:
        if not by_value:
            raise Obstacle("border-by-value")
        if is_nonzero(first.bias):
            raise Obstacle("border")
    return second.mode


def _passed(bias: Tensor, conv: ConvStep) -> Tensor:
    """A constant by channel behind a convolution: [in] to [out]."""
    taps = conv.kernel.reshape(*conv.kernel.shape[:2], -1).sum(2)
    by_group = bias.reshape(conv.groups, 1, -1).expand(-1, conv.out_channels // conv.groups, -1)
    return (taps * by_group.reshape(conv.out_channels, -1)).sum(1)


def at_taps(place: Sequence[int | slice]) -> Any:
    """An index of all channels at some taps."""
    return (slice(None), slice(None), *place)


def _taps(size: Sizes) -> Iterator[Sizes]:
    """The places of a kernel's taps."""
    return product(*map(range, size))


def _product(first: ConvStep, second: ConvStep, dilation: Sizes) -> tuple[Tensor, int]:
    """The kernel of two in a row and its groups: kernels convolve, channels multiply."""
    groups = common_groups(first, second)
    # A scale by channel: by far the commonest product (a norm), and no convolution of kernels is needed.
    if second.depthwise and set(second.size) <= {1}:
        return first.kernel * second.kernel.reshape(-1, *(1,) * (first.kernel.dim() - 1)), groups

    # The distance, in taps of the product, of neighbouring taps of each; one tap alone has no neighbour.
    ahead = [max(d // e, 1) if k > 1 else 1 for d, e, k in zip(first.dilation, dilation, first.size, strict=True)]
    behind = [max(d * s // e, 1) if k > 1 else 1
              for d, s, e, k in zip(second.dilation, first.stride, dilation, second.size, strict=True)]
    size = tuple(a * (k - 1) + b * (m - 1) + 1
                 for a, k, b, m in zip(ahead, first.size, behind, second.size, strict=True))

    kernel = first.kernel.new_zeros(second.out_channels, first.in_channels // groups, *size)
    for t in _taps(first.size):
        for u in _taps(second.size):
            place = tuple(a * i + b * j for a, i, b, j in zip(ahead, t, behind, u, strict=True))
            kernel[at_taps(place)] += _mixed(first, second, t, u, groups)
    return kernel, groups


def _mixed(first: ConvStep, second: ConvStep, t: Sizes, u: Sizes, groups: int) -> Tensor:
    """The product of one tap of each: [out, in / groups]."""
    inner, outer = first.kernel[at_taps(t)], second.kernel[at_taps(u)]
    if first.depthwise:
        by_group = inner.reshape(groups, 1, -1).expand(-1, second.out_channels // groups, -1)
        return outer * by_group.reshape(second.out_channels, -1)
    if second.depthwise:
        return outer * inner

    # Neither keeps channels apart: both are brought to the groups that they have in common, then multiplied group by
    # group.
    inner, outer = regrouped(inner, first.groups, groups), regrouped(outer, second.groups, groups)
    inner, outer = inner.reshape(groups, -1, inner.shape[1]), outer.reshape(groups, -1, outer.shape[1])
    return torch.bmm(outer, inner).reshape(second.out_channels, -1)


def collapsed(steps: Sequence[LinearStep], spatial: int, channels: int, like: Tensor,
              by_value: bool = True) -> ConvStep:
    """Steps one after another, the first first, as one convolution of `channels` channels that enter. Raises Obstacle.
    """
    product: ConvStep | None = None
    # No steps at all are the identity, which is a padding of nothing.
    for step in steps or (PadStep(),):
        if product is None:
            product = as_conv(step, spatial, channels, like)
        else:
            product = after(product, as_conv(step, spatial, product.out_channels, like), by_value)
    assert product is not None
    return product


# --- side by side ----------------------------------------------------------------------------------------------------


def added(one: ConvStep, other: ConvStep) -> ConvStep:
    """The sum of two convolutions of one input as one convolution. Raises Obstacle where there is none."""
    if one.spatial != other.spatial:
        raise Obstacle("other-axis")
    if one.in_channels != other.in_channels or one.out_channels != other.out_channels:
        raise Obstacle("channels")
    if one.stride != other.stride:
        raise Obstacle("stride")
    # Equal strides and reaches give results of equal size, whatever the input's.
    if one.reach != other.reach:
        raise Obstacle("sizes")
    if one.padded and other.padded and one.mode != other.mode:
        raise Obstacle("padding-modes")

    dilation, lo, size = _lattice(one, other)
    groups = gcd(one.groups, other.groups)
    total = one.kernel.new_zeros(one.out_channels, one.in_channels // groups, *size)
    for conv in (one, other):
        # A kernel's taps in the sum's: the first, each so many further on, up to the last.
        first = [(a - b) // d for a, b, d in zip(lo, conv.lo, dilation, strict=True)]
        step = [max(e // d, 1) for d, e in zip(dilation, conv.dilation, strict=True)]
        ends = [f + s * (k - 1) + 1 for f, s, k in zip(first, step, conv.size, strict=True)]
        place = tuple(slice(f, e, s) for f, e, s in zip(first, ends, step, strict=True))
        total[at_taps(place)] += regrouped(conv.kernel, conv.groups, groups)

    hi = tuple(r - a + d * (k - 1) + 1 for r, a, d, k in zip(one.reach, lo, dilation, size, strict=True))
    # One that is not padded reads nothing outside, so its mode says nothing.
    mode = other.mode
    if one.padded:
        mode = one.mode
    return ConvStep(total, total_bias(one.bias, other.bias), one.stride, dilation, lo, hi, groups, mode)


def _lattice(one: ConvStep, other: ConvStep) -> tuple[Sizes, Sizes, Sizes]:
    """Dilation, first padding and sizes of the smallest kernel that has all positions of two."""
    dilation, lo, size = [], [], []
    for i in range(one.spatial):
        steps = [conv.dilation[i] for conv in (one, other) if conv.size[i] > 1]
        # Both dilations and the distance of the first taps are multiples of the lattice's step.
        d = gcd(*steps, one.lo[i] - other.lo[i]) or 1
        start = max(one.lo[i], other.lo[i])
        ends = [-c.lo[i] + c.dilation[i] * (c.size[i] - 1) for c in (one, other)]

        dilation.append(d)
        lo.append(start)
        size.append((max(ends) + start) // d + 1)
    return tuple(dilation), tuple(lo), tuple(size)
