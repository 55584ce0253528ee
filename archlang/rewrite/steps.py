"""The linear steps that fusion knows, all in float64.

A step maps a tensor [..., C, s1, ..., sn] to another of the same form: channels, then n sizes that kernels slide over
(none for a linear layer). Along each, output position o reads the input, extended by its padding, at
`o stride - lo + t dilation` for t = 0 ... k - 1; there are `(size + reach) // stride + 1` of them, with
`reach = lo + hi - dilation (k - 1) - 1`. Negative paddings crop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TypeVar

import torch
from torch import Tensor

from archlang.rewrite.report import Obstacle

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class PadStep:
    """Padding (cropping where negative) of the last axes, in their order; no axes for what changes nothing.

    Where the axes are not `counted` from the last, they must be all that a kernel slides over.
    """

    lo: Sizes = ()
    hi: Sizes = ()
    mode: str = "zeros"
    counted: bool = True

    @property
    def idle(self) -> bool:
        """Tell whether it changes nothing."""
        return not any((*self.lo, *self.hi))


@dataclass(frozen=True)
class AffineStep:
    """`scale x + shift` by channel: [C] or one number each; `spatial` sizes follow the channels (None: any number).

    `axes` is the least number of axes that x must have for the result to have as many; 0 where x is known to have
    enough. A dtype is that of the constants, None for plain numbers, which do not promote. `norm`: a norm's statistics,
    whose result takes the dtype of x.
    """

    scale: Tensor
    shift: Tensor | None
    spatial: int | None
    dtype: torch.dtype | None = None
    norm: bool = False
    axes: int = 0


@dataclass(frozen=True)
class PoolStep:
    """Sums over windows, each times `factor`."""

    size: Sizes
    stride: Sizes
    lo: Sizes
    hi: Sizes
    factor: float


@dataclass(frozen=True)
class ConvStep:
    """A convolution, or a linear layer where nothing slides. `kernel`: [out, in / groups, k1, ..., kn], `bias`: [out].
    """

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
        """The number of sizes that the kernel slides over."""
        return self.kernel.dim() - 2

    @property
    def size(self) -> Sizes:
        """The kernel's sizes."""
        return tuple(self.kernel.shape[2:])

    @property
    def in_channels(self) -> int:
        """Channels that enter."""
        return self.kernel.shape[1] * self.groups

    @property
    def out_channels(self) -> int:
        """Channels that leave."""
        return self.kernel.shape[0]

    @property
    def reach(self) -> Sizes:
        """The growth of the sizes at stride 1, less one."""
        return tuple(a + b - d * (k - 1) - 1
                     for a, b, d, k in zip(self.lo, self.hi, self.dilation, self.size, strict=True))

    @property
    def padded(self) -> bool:
        """Tell whether it reads anything outside its input."""
        return any(p > 0 for p in (*self.lo, *self.hi))

    @property
    def depthwise(self) -> bool:
        """Tell whether every channel is made of the one in its place."""
        return self.groups == self.in_channels == self.out_channels

    @property
    def cost(self) -> float:
        """Multiplications, for each position of its input."""
        return self.kernel.numel() / prod(self.stride)


@dataclass(frozen=True)
class TransposedStep:
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
        """The number of sizes that the kernel slides over."""
        return self.kernel.dim() - 2

    @property
    def in_channels(self) -> int:
        """Channels that enter."""
        return self.kernel.shape[0]

    @property
    def out_channels(self) -> int:
        """Channels that leave."""
        return self.kernel.shape[1] * self.groups

    @property
    def cost(self) -> float:
        """Multiplications for each position that enters."""
        return float(self.kernel.numel())


Contraction = ConvStep | TransposedStep
LinearStep = PadStep | AffineStep | PoolStep | ConvStep | TransposedStep
Kernel = TypeVar("Kernel", ConvStep, TransposedStep)


def scaled(conv: Kernel, factor: float) -> Kernel:
    """`factor` times a convolution."""
    # Most terms have the factor 1: their kernels are not copied.
    if factor == 1:
        return conv
    return replace(conv, kernel=conv.kernel * factor, bias=None if conv.bias is None else conv.bias * factor)


def by_channel(values: Tensor, channels: int) -> Tensor:
    """One number or [channels] as [channels]. Raises Obstacle (channels)."""
    # One number serves every channel; [C] of another C is no broadcast that torch would do.
    if values.dim() and values.numel() != channels:
        raise Obstacle("channels")
    return values.expand(channels)


def check_axis(step: AffineStep, spatial: int) -> None:
    """Raise Obstacle where an affine step works on another axis than the channels before `spatial` sizes."""
    # None: a plain number broadcasts over any axis.
    if step.spatial not in (None, spatial):
        raise Obstacle("other-axis")
    if step.axes > spatial + 1:  # torch's convolutions take a single sample too, which has no batch axis
        raise Obstacle("rank-unknown")


def is_nonzero(values: Tensor | None) -> bool:
    """Tell whether some value is not 0; values that are not there (meta device) count as such."""
    return values is not None and (values.is_meta or bool(values.any()))


def total_bias(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """The sum of two biases, either of which may be missing."""
    if one is None or other is None:
        if one is None:
            return other
        return one
    return one + other
