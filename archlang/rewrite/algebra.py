"""The algebra of fusion: convolutions with a bias and a padding, and what they make one after another or added up.

All numbers here are float64. A step maps a tensor [..., C, s1, ..., sn] to another of the same form: channels, then n
sizes that kernels slide over (none for a dense map). Along each, output position o reads the input, extended by its
padding, at `o stride - lo + t dilation` for t = 0 ... k - 1; there are `(size + reach) // stride + 1` of them, with
`reach = lo + hi - dilation (k - 1) - 1`. Negative paddings crop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import gcd, prod
from typing import Any, TypeVar

import torch
from torch import Tensor

from archlang.rewrite.report import Kept

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Window:
    """Padding (cropping where negative) of the last axes, in their order; no axes for what changes nothing.

    Where the axes are not `counted` from the last, they must be all that a kernel slides over.
    """

    lo: Sizes = ()
    hi: Sizes = ()
    mode: str = "zeros"
    counted: bool = True

    @property
    def idle(self) -> bool:
        """Whether it changes nothing."""
        return not any((*self.lo, *self.hi))


@dataclass(frozen=True)
class Diagonal:
    """`scale x + shift` by channel: [C] or one number each; `spatial` sizes follow the channels (None: any number)."""

    scale: Tensor
    shift: Tensor | None
    spatial: int | None
    dtype: torch.dtype | None = None
    norm: bool = False


@dataclass(frozen=True)
class Pool:
    """Sums over windows, each times `factor`."""

    size: Sizes
    stride: Sizes
    lo: Sizes
    hi: Sizes
    factor: float


@dataclass(frozen=True)
class Conv:
    """A convolution, or a dense map where nothing slides. `kernel`: [out, in / groups, k1, ..., kn], `bias`: [out]."""

    kernel: Tensor
    bias: Tensor | None
    stride: Sizes
    dilation: Sizes
    lo: Sizes
    hi: Sizes
    groups: int = 1
    mode: str = "zeros"

    @property
    def spatial(self) -> int:
        """How many sizes the kernel slides over."""
        return self.kernel.dim() - 2

    @property
    def size(self) -> Sizes:
        """The kernel's sizes."""
        return tuple(self.kernel.shape[2:])

    @property
    def entering(self) -> int:
        """Channels that enter."""
        return self.kernel.shape[1] * self.groups

    @property
    def leaving(self) -> int:
        """Channels that leave."""
        return self.kernel.shape[0]

    @property
    def reach(self) -> Sizes:
        """By how much the sizes grow at stride 1, less one."""
        return tuple(a + b - d * (k - 1) - 1
                     for a, b, d, k in zip(self.lo, self.hi, self.dilation, self.size, strict=True))

    @property
    def padded(self) -> bool:
        """Whether it reads anything outside its input."""
        return any(p > 0 for p in (*self.lo, *self.hi))

    @property
    def by_channel(self) -> bool:
        """Whether every channel is made of the one in its place."""
        return self.groups == self.entering == self.leaving

    @property
    def cost(self) -> float:
        """Multiplications, for each position of its input."""
        return self.kernel.numel() / prod(self.stride)


@dataclass(frozen=True)
class Transposed:
    """A transposed convolution. `kernel`: [in, out / groups, k1, ..., kn]; its geometry as torch names it."""

    kernel: Tensor
    bias: Tensor | None
    stride: Sizes
    padding: Sizes
    output_padding: Sizes
    dilation: Sizes
    groups: int

    @property
    def spatial(self) -> int:
        """How many sizes the kernel slides over."""
        return self.kernel.dim() - 2

    @property
    def leaving(self) -> int:
        """Channels that leave."""
        return self.kernel.shape[1] * self.groups

    @property
    def cost(self) -> float:
        """Multiplications for each position that enters."""
        return float(self.kernel.numel())


Kernel = TypeVar("Kernel", Conv, Transposed)
Step = Window | Diagonal | Pool | Conv | Transposed


def as_conv(step: Step, spatial: int, channels: int, like: Tensor) -> Conv:
    """A step as a convolution of `channels` channels. Raises `Kept`."""
    ones = (1,) * spatial
    match step:
        case Conv():
            if step.spatial != spatial:
                raise Kept("other-axis")
            return step
        case Window():
            if len(step.lo) > spatial or not (step.counted or len(step.lo) == spatial):
                raise Kept("other-axis")
            rest = (0,) * (spatial - len(step.lo))
            kernel = _diagonal(torch.ones((), dtype=torch.float64, device=like.device), channels, ones)
            return Conv(kernel, None, ones, ones, rest + step.lo, rest + step.hi, channels, step.mode)
        case Diagonal():
            if step.spatial not in (None, spatial):
                raise Kept("other-axis")
            shift = None if step.shift is None else _channels(step.shift, channels)
            return Conv(_diagonal(step.scale, channels, ones), shift, ones, ones, (0,) * spatial, (0,) * spatial,
                        channels)
        case Pool():
            if len(step.size) != spatial:
                raise Kept("other-axis")
            weight = torch.tensor(step.factor, dtype=torch.float64, device=like.device)
            return Conv(_diagonal(weight, channels, step.size), None, step.stride, ones, step.lo, step.hi, channels)
    raise Kept("transposed")


def _channels(values: Tensor, channels: int) -> Tensor:
    if values.dim() and values.numel() != channels:
        raise Kept("channels")
    return values.expand(channels)


def _diagonal(values: Tensor, channels: int, size: Sizes) -> Tensor:
    return _channels(values, channels).reshape(channels, 1, *(1,) * len(size)).expand(channels, 1, *size)


def regrouped(kernel: Tensor, groups: int, wanted: int) -> Tensor:
    """A grouped kernel as one of fewer groups, a divisor of the old: zero where channels did not meet."""
    if groups == wanted:
        return kernel
    inside = groups // wanted
    out, width = kernel.shape[0] // groups, kernel.shape[1]
    blocks = kernel.reshape(wanted, inside, out, width, *kernel.shape[2:])
    made = kernel.new_zeros(wanted, inside, out, inside, width, *kernel.shape[2:])
    for i in range(inside):
        made[:, i, :, i] = blocks[:, i]
    return made.reshape(kernel.shape[0], inside * width, *kernel.shape[2:])


def after(first: Conv, second: Conv, by_value: bool = True) -> Conv:
    """`second(first(x))` as one convolution. Raises `Kept` where that is not exact, and where it is by chance of the
    weights but `by_value` is off.
    """
    if first.leaving != second.entering:
        raise Kept("channels")
    mode = _common_mode(first, second, by_value)
    stride, dilation, lo, hi = [], [], [], []
    for i in range(first.spatial):
        s, k1, k2 = first.stride[i], first.size[i], second.size[i]
        if s > 1 and k2 > 1:
            raise Kept("stride")
        steps = [first.dilation[i]] * (k1 > 1) + [second.dilation[i] * s] * (k2 > 1)
        d = gcd(*steps) or 1
        extent = first.dilation[i] * (k1 - 1) + second.dilation[i] * (k2 - 1) * s + 1
        before = second.lo[i] * s + first.lo[i]
        reach = first.reach[i] + (1 + second.reach[i]) * s
        stride.append(s * second.stride[i])
        dilation.append(d)
        lo.append(before)
        hi.append(reach - before + extent)
    kernel, groups = _product(first, second, tuple(dilation))
    bias = second.bias
    if first.bias is not None:
        passed = _passed(first.bias, second)
        bias = passed if bias is None else bias + passed
    return Conv(kernel, bias, tuple(stride), tuple(dilation), tuple(lo), tuple(hi), groups, mode)


def _common_mode(first: Conv, second: Conv, by_value: bool) -> str:
    """The padding of two in a row, after checks that what the second's padding adds is what the first makes of its."""
    if not second.padded:
        return first.mode
    if first.padded and first.mode != second.mode:
        raise Kept("padding-modes")
    for i in range(first.spatial):
        if second.lo[i] <= 0 and second.hi[i] <= 0:
            continue
        still = first.size[i] == 1 and first.stride[i] == 1
        inner = (first.lo[i], first.hi[i])
        if not still or min(inner) < 0 or (second.mode != "zeros" and any(inner)):
            raise Kept("border")
    if second.mode == "zeros" and first.bias is not None:
        if not by_value:
            raise Kept("border-by-value")
        if first.bias.is_meta or bool(first.bias.any()):
            raise Kept("border")
    return second.mode


def _passed(bias: Tensor, conv: Conv) -> Tensor:
    """What a constant by channel becomes: [in] to [out]."""
    taps = conv.kernel.reshape(*conv.kernel.shape[:2], -1).sum(2)
    each = bias.reshape(conv.groups, 1, -1).expand(-1, conv.leaving // conv.groups, -1).reshape(conv.leaving, -1)
    return (taps * each).sum(1)


def _at(place: Sequence[int | slice]) -> Any:
    return (slice(None), slice(None), *place)


def _taps(size: Sizes) -> Iterator[Sizes]:
    return product(*map(range, size))


def _product(first: Conv, second: Conv, dilation: Sizes) -> tuple[Tensor, int]:
    """The kernel of two in a row and its groups: kernels convolve, channels multiply."""
    groups = second.groups if first.by_channel else first.groups if second.by_channel else \
        gcd(first.groups, second.groups)
    if second.by_channel and set(second.size) <= {1}:
        return first.kernel * second.kernel.reshape(-1, *(1,) * (first.kernel.dim() - 1)), groups
    ahead = [max(d // e, 1) if k > 1 else 1 for d, e, k in zip(first.dilation, dilation, first.size, strict=True)]
    behind = [max(d * s // e, 1) if k > 1 else 1
              for d, s, e, k in zip(second.dilation, first.stride, dilation, second.size, strict=True)]
    size = tuple(a * (k - 1) + b * (m - 1) + 1
                 for a, k, b, m in zip(ahead, first.size, behind, second.size, strict=True))
    made = first.kernel.new_zeros(second.leaving, first.entering // groups, *size)
    for t in _taps(first.size):
        for u in _taps(second.size):
            place = tuple(a * i + b * j for a, i, b, j in zip(ahead, t, behind, u, strict=True))
            made[_at(place)] += _mixed(first, second, t, u, groups)
    return made, groups


def _mixed(first: Conv, second: Conv, t: Sizes, u: Sizes, groups: int) -> Tensor:
    """One tap of each: [out, in / groups]."""
    inner, outer = first.kernel[_at(t)], second.kernel[_at(u)]
    if first.by_channel:
        by_group = inner.reshape(groups, 1, -1).expand(-1, second.leaving // groups, -1)
        return outer * by_group.reshape(second.leaving, -1)
    if second.by_channel:
        return outer * inner
    inner, outer = regrouped(inner, first.groups, groups), regrouped(outer, second.groups, groups)
    inner, outer = inner.reshape(groups, -1, inner.shape[1]), outer.reshape(groups, -1, outer.shape[1])
    return torch.bmm(outer, inner).reshape(second.leaving, -1)


def scaled(conv: Kernel, factor: float) -> Kernel:
    """`factor` times a convolution."""
    if factor == 1:
        return conv
    return replace(conv, kernel=conv.kernel * factor, bias=None if conv.bias is None else conv.bias * factor)


def added(one: Conv, other: Conv) -> Conv:
    """The sum of two convolutions of one input as one convolution. Raises `Kept` where there is none."""
    if one.spatial != other.spatial:
        raise Kept("other-axis")
    if one.entering != other.entering or one.leaving != other.leaving:
        raise Kept("channels")
    if one.stride != other.stride:
        raise Kept("stride")
    if one.reach != other.reach:
        raise Kept("sizes")
    if one.padded and other.padded and one.mode != other.mode:
        raise Kept("padding-modes")
    dilation, lo, size = _lattice(one, other)
    groups = gcd(one.groups, other.groups)
    made = one.kernel.new_zeros(one.leaving, one.entering // groups, *size)
    for conv in (one, other):
        first = [(a - b) // d for a, b, d in zip(lo, conv.lo, dilation, strict=True)]
        step = [max(e // d, 1) for d, e in zip(dilation, conv.dilation, strict=True)]
        ends = [f + s * (k - 1) + 1 for f, s, k in zip(first, step, conv.size, strict=True)]
        place = tuple(slice(f, e, s) for f, e, s in zip(first, ends, step, strict=True))
        made[_at(place)] += regrouped(conv.kernel, conv.groups, groups)
    biases = [b for b in (one.bias, other.bias) if b is not None]
    bias = None if not biases else biases[0] if len(biases) == 1 else biases[0] + biases[1]
    hi = tuple(r - a + d * (k - 1) + 1 for r, a, d, k in zip(one.reach, lo, dilation, size, strict=True))
    mode = one.mode if one.padded else other.mode
    return Conv(made, bias, one.stride, dilation, lo, hi, groups, mode)


def _lattice(one: Conv, other: Conv) -> tuple[Sizes, Sizes, Sizes]:
    """Dilation, first padding and sizes of the smallest kernel that has all positions of two."""
    dilation, lo, size = [], [], []
    for i in range(one.spatial):
        steps = [conv.dilation[i] for conv in (one, other) if conv.size[i] > 1]
        d = gcd(*steps, one.lo[i] - other.lo[i]) or 1
        start = max(one.lo[i], other.lo[i])
        ends = [-c.lo[i] + c.dilation[i] * (c.size[i] - 1) for c in (one, other)]
        dilation.append(d)
        lo.append(start)
        size.append((max(ends) + start) // d + 1)
    return tuple(dilation), tuple(lo), tuple(size)


def collapsed(steps: Sequence[Step], spatial: int, channels: int, like: Tensor, by_value: bool = True) -> Conv:
    """Steps one after another, the first first, as one convolution of `channels` channels that enter. Raises `Kept`."""
    made: Conv | None = None
    for step in steps or (Window(),):
        following = as_conv(step, spatial, channels if made is None else made.leaving, like)
        made = following if made is None else after(made, following, by_value)
    assert made is not None
    return made


def transposed_after(step: Diagonal, conv: Transposed, by_value: bool) -> Transposed:
    """A transposed convolution of what a diagonal step makes. Raises `Kept`: it adds up less at the border."""
    if step.spatial not in (None, conv.spatial):
        raise Kept("other-axis")
    scale = _channels(step.scale, conv.kernel.shape[0])
    if step.shift is not None:
        if not by_value:
            raise Kept("border-by-value")
        if step.shift.is_meta or bool(step.shift.any()):
            raise Kept("transposed")
    return replace(conv, kernel=conv.kernel * scale.view(-1, *(1,) * (conv.kernel.dim() - 1)))


def transposed_before(conv: Transposed, step: Diagonal) -> Transposed:
    """A diagonal step behind a transposed convolution: the output channels of a group lie along axis 1."""
    if step.spatial not in (None, conv.spatial):
        raise Kept("other-axis")
    scale = _channels(step.scale, conv.leaving)
    shift = None if step.shift is None else _channels(step.shift, conv.leaving)
    old = conv.kernel
    by_group = scale.view(conv.groups, 1, -1).expand(-1, old.shape[0] // conv.groups, -1)
    factor = by_group.reshape(*old.shape[:2], *(1,) * (old.dim() - 2))
    bias = shift if conv.bias is None else conv.bias * scale + (0 if shift is None else shift)
    return replace(conv, kernel=old * factor, bias=bias)
