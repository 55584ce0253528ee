"""Sums of transposed convolutions of one input."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

from archlang.rewrite.algebra import Transposed
from archlang.rewrite.report import Kept


def added_transposed(one: Transposed, other: Transposed) -> Transposed:
    """The sum of two transposed convolutions of one input as one. Raises `Kept` where there is none.

    Tap t of a kernel adds input i to output `i stride - padding + dilation t`, and whatever leaves the output is cut
    off: the sum's taps are those of both, on the smallest lattice that has them, if the outputs are equally large.
    """
    if one.spatial != other.spatial:
        raise Kept("other-axis")
    if (one.kernel.shape[0], one.leaving, one.groups) != (other.kernel.shape[0], other.leaving, other.groups):
        raise Kept("channels")
    if one.stride != other.stride:
        raise Kept("stride")
    axes = [_axis(one, other, i) for i in range(one.spatial)]
    padding, output_padding, dilation, size = zip(*axes, strict=True)
    made = one.kernel.new_zeros(*one.kernel.shape[:2], *size)
    for conv in (one, other):
        place = [slice(None), slice(None)]
        for i in range(conv.spatial):
            first = (padding[i] - conv.padding[i]) // dilation[i]
            step, count = max(conv.dilation[i] // dilation[i], 1), conv.kernel.shape[2 + i]
            place.append(slice(first, first + step * (count - 1) + 1, step))
        made[tuple(place)] += conv.kernel
    biases = [b for b in (one.bias, other.bias) if b is not None]
    bias = None if not biases else biases[0] if len(biases) == 1 else biases[0] + biases[1]
    return replace(one, kernel=made, bias=bias, padding=padding, output_padding=output_padding, dilation=dilation)


def _axis(one: Transposed, other: Transposed, i: int) -> tuple[int, int, int, int]:
    """Padding, output padding, dilation and size along an axis. Raises `Kept`."""
    spans = [c.dilation[i] * (c.kernel.shape[2 + i] - 1) for c in (one, other)]
    reach = [s + c.output_padding[i] - 2 * c.padding[i] for s, c in zip(spans, (one, other), strict=True)]
    if reach[0] != reach[1]:
        raise Kept("sizes")
    padding = max(one.padding[i], other.padding[i])
    last = max(s - c.padding[i] for s, c in zip(spans, (one, other), strict=True)) + padding
    steps = [c.dilation[i] for c in (one, other) if c.kernel.shape[2 + i] > 1]
    dilation = gcd(*steps, one.padding[i] - other.padding[i]) or 1
    rest = reach[0] + 2 * padding - last
    if not 0 <= rest < max(one.stride[i], dilation):  # torch takes no other output padding
        raise Kept("sizes")
    return padding, rest, dilation, last // dilation + 1
