"""The algebra of transposed convolutions: a channel-wise affine before or behind one, sums of several of one input."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

from archlang.rewrite.report import Obstacle
from archlang.rewrite.steps import AffineStep, TransposedStep, by_channel, check_axis, is_nonzero, total_bias


def transposed_after(step: AffineStep, conv: TransposedStep, by_value: bool) -> TransposedStep:
    """A transposed convolution of an affine step's result. Raises Obstacle for a shift: the border adds up less of it.
    """
    check_axis(step, conv.spatial)
    scale = by_channel(step.scale, conv.in_channels)

    if step.shift is not None:
        if not by_value:
            raise Obstacle("border-by-value")
        if is_nonzero(step.shift):
            raise Obstacle("transposed")
    return replace(conv, kernel=conv.kernel * scale.view(-1, *(1,) * (conv.kernel.dim() - 1)))


def transposed_before(conv: TransposedStep, step: AffineStep) -> TransposedStep:
    """An affine step of a transposed convolution's result: the output channels of a group lie along axis 1."""
    check_axis(step, conv.spatial)
    scale = by_channel(step.scale, conv.out_channels)
    if step.shift is None:
        shift = None
    else:
        shift = by_channel(step.shift, conv.out_channels)

    old = conv.kernel
    by_group = scale.view(conv.groups, 1, -1).expand(-1, conv.in_channels // conv.groups, -1)
    factor = by_group.reshape(*old.shape[:2], *(1,) * (old.dim() - 2))
    if conv.bias is None:
        bias = None
    else:
        bias = conv.bias * scale
    return replace(conv, kernel=old * factor, bias=total_bias(bias, shift))


def added_transposed(one: TransposedStep, other: TransposedStep) -> TransposedStep:
    """The sum of two transposed convolutions of one input as one. Raises Obstacle where there is none.

    Tap t of a kernel adds input i to output `i stride - padding + dilation t`, and whatever leaves the output is cut
    off: the sum's taps are those of both, on the smallest lattice that has them, if the outputs are equally large.
    """
    if one.spatial != other.spatial:
        raise Obstacle("other-axis")
    if (one.in_channels, one.out_channels, one.groups) != (other.in_channels, other.out_channels, other.groups):
        raise Obstacle("channels")
    if one.stride != other.stride:
        raise Obstacle("stride")

    axes = [_axis(one, other, i) for i in range(one.spatial)]
    padding, output_padding, dilation, size = zip(*axes, strict=True)
    made = one.kernel.new_zeros(*one.kernel.shape[:2], *size)
    for conv in (one, other):
        place = [slice(None), slice(None)]
        for i in range(conv.spatial):
            # Where its taps lie in the sum's kernel: the larger padding begins further outside.
            first = (padding[i] - conv.padding[i]) // dilation[i]
            step, count = max(conv.dilation[i] // dilation[i], 1), conv.kernel.shape[2 + i]
            place.append(slice(first, first + step * (count - 1) + 1, step))
        made[tuple(place)] += conv.kernel

    return replace(one, kernel=made, bias=total_bias(one.bias, other.bias), padding=padding,
                   output_padding=output_padding, dilation=dilation)


def _axis(one: TransposedStep, other: TransposedStep, i: int) -> tuple[int, int, int, int]:
    """Padding, output padding, dilation and size along an axis. Raises Obstacle."""
    spans = [c.dilation[i] * (c.kernel.shape[2 + i] - 1) for c in (one, other)]
    reach = [s + c.output_padding[i] - 2 * c.padding[i] for s, c in zip(spans, (one, other), strict=True)]
    if reach[0] != reach[1]:
        raise Obstacle("sizes")

    padding = max(one.padding[i], other.padding[i])
    last = max(s - c.padding[i] for s, c in zip(spans, (one, other), strict=True)) + padding
    # A kernel of one tap has no dilation of its own.
    steps = [c.dilation[i] for c in (one, other) if c.kernel.shape[2 + i] > 1]
    dilation = gcd(*steps, one.padding[i] - other.padding[i]) or 1

    rest = reach[0] + 2 * padding - last
    if not 0 <= rest < max(one.stride[i], dilation):  # torch takes no other output padding
        raise Obstacle("sizes")
    return padding, rest, dilation, last // dilation + 1
