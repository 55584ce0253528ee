"""The arguments of calls as steps of the algebra."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from archlang.rewrite.report import Obstacle
from archlang.rewrite.steps import AffineStep, ConvStep, PadStep, PoolStep, Sizes, TransposedStep

CONVOLUTION = ("weight", "bias", "stride", "padding", "dilation", "groups", "transposed", "output_padding")
POOL = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
PAD = ("pad", "padding", "mode", "value")
NORM = ("running_mean", "running_var", "weight", "bias", "training", "use_input_stats", "eps")
DROPOUT = ("p", "training", "mode")
CUT = ("dim", "start", "end", "step")
"""The arguments that are read of each family beside its input; a call that gives another one is not touched."""


def sizes(value: Any, count: int) -> Sizes:
    """A number or some as `count` numbers. Raises Obstacle where one is calculated."""
    if isinstance(value, list | tuple):
        given = tuple(value)
    else:
        given = (value,)
    if not all(isinstance(v, int) and not isinstance(v, bool) for v in given):
        raise Obstacle("calculated-weights")
    # torch takes one number for all axes.
    if len(given) == 1:
        return given * count
    return given


def whole(value: Any) -> int:
    """A number of groups. Raises Obstacle where it is calculated."""
    (number,) = sizes(value, 1)
    return number


def convolution(weight: Tensor, bias: Tensor | None, got: Mapping[str, Any], spatial: int,
                mode: str = "zeros") -> ConvStep:
    """A convolution by the arguments of torch's function; `spatial` -1: as many sizes as the weight says.

    Raises Obstacle where arguments are calculated or weights have another form than the function's usual one.
    """
    if spatial < 0:
        count = weight.dim() - 2
    else:
        count = spatial
    _check_weights(weight, bias, count, weight.shape[0])

    dilation, extent = sizes(got.get("dilation", 1), count), tuple(weight.shape[2:])

    padding = got.get("padding", 0)
    # torch puts the odd cell of an even kernel behind.
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, extent, strict=True)]
        lo, hi = tuple(w // 2 for w in total), tuple(w - w // 2 for w in total)
    else:
        lo = hi = sizes(0 if padding == "valid" else padding, count)

    return ConvStep(_wide(weight), None if bias is None else _wide(bias), sizes(got.get("stride", 1), count), dilation,
                    lo, hi, whole(got.get("groups", 1)), mode)


def transposed(weight: Tensor, bias: Tensor | None, got: Mapping[str, Any], spatial: int) -> TransposedStep:
    """A transposed convolution by the arguments of torch's function. Raises Obstacle as `convolution` does."""
    if spatial < 0:
        count = weight.dim() - 2
    else:
        count = spatial
    groups = whole(got["groups"])
    # A weight without axes has no channels to count; the check below refuses it.
    _check_weights(weight, bias, count, weight.shape[1] * groups if weight.dim() > 1 else 0)

    stride, padding, output_padding, dilation = (
        sizes(got[name], count) for name in ("stride", "padding", "output_padding", "dilation"))
    return TransposedStep(_wide(weight), None if bias is None else _wide(bias), stride, padding, output_padding,
                          dilation, groups)


def _check_weights(weight: Tensor, bias: Tensor | None, spatial: int, out_channels: int) -> None:
    """Raise Obstacle for weights that make another operation of the call: `linear` of a vector drops an axis."""
    # A bias that broadcasts (one number) would be another operation than a bias by channel.
    if weight.dim() != spatial + 2 or (bias is not None and tuple(bias.shape) != (out_channels,)):
        raise Obstacle("channels")


def _wide(tensor: Tensor) -> Tensor:
    return tensor.detach().double()


def normalised(got: Mapping[str, Any], spatial: int) -> AffineStep:
    """A norm with stored statistics: `s = weight / sqrt(variance + eps)`, `t = bias - s mean`. Raises Obstacle."""
    mean, variance, weight, bias, eps = (got.get(n) for n in ("running_mean", "running_var", "weight", "bias", "eps"))
    if mean is None or variance is None:
        raise Obstacle("no-statistics")
    if isinstance(eps, bool) or not isinstance(eps, int | float):
        raise Obstacle("calculated-weights")
    if any(t is not None and t.shape != mean.shape for t in (variance, weight, bias)) or mean.dim() != 1:
        raise Obstacle("channels")

    scale = (_wide(variance) + eps).rsqrt()
    if weight is not None:
        scale = scale * _wide(weight)
    shift = -_wide(mean) * scale
    if bias is not None:
        shift = shift + _wide(bias)

    # A variance below -eps, or of infinity, gives no number that a kernel could hold.
    if not scale.is_meta and not (scale.isfinite().all() and shift.isfinite().all()):
        raise Obstacle("not-finite")
    return AffineStep(scale, shift, spatial, variance.dtype, norm=True)


def pool(count: int, got: Mapping[str, Any]) -> PoolStep:
    """An average pool by the arguments of torch's function. Raises Obstacle."""
    size = sizes(got["kernel_size"], count)
    stride = size
    if got["stride"] not in (None, [], ()):
        stride = sizes(got["stride"], count)
    padding = sizes(got["padding"], count)

    divisor = got.get("divisor_override")
    if divisor is not None:
        divisor = whole(divisor)
    # With `ceil_mode` the last window may reach outside, and counts fewer positions than the others do.
    plain = got["ceil_mode"] is False and isinstance(got["count_include_pad"], bool)
    counts_padding = got["count_include_pad"] or divisor is not None or not any(padding)
    if not plain or not counts_padding:
        raise Obstacle("pooling")
    # `divisor_override` is the divisor at every position, whatever the window covers.
    return PoolStep(size, stride, padding, padding, 1 / (divisor or math.prod(size)))


def window(pads: Any, mode: Any, value: Any) -> PadStep | None:
    """A padding by the arguments of torch's function: last axis first, before and behind. None where it is no step."""
    amounts = sizes(pads, 1)
    if mode not in ("constant", "reflect", "replicate", "circular"):
        return None
    # A constant that is not 0 is a shift at the border, and no padding that a kernel could do.
    if mode == "constant" and not (value is None or (isinstance(value, int | float) and value == 0)):
        return None
    if mode != "constant" and min(amounts, default=0) < 0:
        return None  # torch crops before it extends

    lo, hi = amounts[0::2][::-1], amounts[1::2][::-1]
    # An odd number of amounts is torch's to refuse.
    if len(lo) != len(hi):
        return None
    # Outer axes that are padded by nothing say nothing: the shorter form serves more kernels.
    while len(lo) > 1 and not lo[0] and not hi[0]:
        lo, hi = lo[1:], hi[1:]
    return PadStep(lo, hi, "zeros" if mode == "constant" else mode)


def cropping(index: Any, rank: int | None) -> PadStep | None:
    """`x[..., a:-b, c:]` as a step; None for any other index."""
    if isinstance(index, tuple):
        parts = index
    else:
        parts = (index,)
    if not parts or Ellipsis in parts[1:]:
        return None

    if parts[0] is Ellipsis:
        cuts, counted = parts[1:], True
    else:
        # An index may leave out the last axes, which then stay whole.
        if rank is not None:
            parts = (*parts, *[slice(None)] * (rank - len(parts)))
        # Cutting samples or channels is no cropping.
        if len(parts) < 3 or any(_cut(p) != (0, 0) for p in parts[:2]):
            return None
        cuts, counted = parts[2:], rank is not None

    amounts = [_cut(p) for p in cuts]
    if not amounts or None in amounts:
        return None
    lo, hi = zip(*[a for a in amounts if a is not None], strict=True)
    return PadStep(lo, hi, counted=counted)


def _cut(part: Any) -> tuple[int, int] | None:
    """The cells that a slice leaves out on both sides, as negative numbers; None where that depends on the size."""
    if not isinstance(part, slice) or part.step not in (None, 1):
        return None

    start, stop = part.start, part.stop
    if start is None:
        start = 0
    # From the end, the first cell depends on the size.
    if not isinstance(start, int) or start < 0:
        return None
    # torch.export writes the largest int64 for an open end.
    if stop is None or (isinstance(stop, int) and stop > 2**62):
        return -start, 0
    if isinstance(stop, int) and stop < 0:
        return (-start, stop)
    return None


def affine(scale: Any, shift: Any, like: Tensor, rank: int | None) -> AffineStep | None:
    """A product or sum with a constant, as it broadcasts: one number, or one by channel; None for any other.

    `rank`: the axes of what it is applied to, None where they are not known.
    """
    dtype, spatial, axes = None, None, 0
    wide: list[Tensor | None] = []
    for value in (scale, shift):
        if value is None:
            wide.append(None)
            continue
        if not isinstance(value, Tensor):
            value = _number(value, like)
        elif not value.is_floating_point():
            return None
        elif value.dim():
            dtype = value.dtype  # a tensor without axes does not promote, one with some does

        # Broadcasting would give the result more axes than it had.
        if rank is not None and value.dim() > rank:
            return None
        axes = max(axes, 0 if rank is not None else value.dim())
        if value.numel() == 1:
            wide.append(value.reshape(()).double())
            continue

        spatial = _trailing(value)
        # More than one axis that is not 1: a number for each place, not for each channel.
        if value.numel() != value.shape[-spatial - 1]:
            return None
        wide.append(value.reshape(-1).double())

    # Infinities multiplied into a kernel would spread over all of it.
    if any(v is not None and not v.is_meta and not bool(v.isfinite().all()) for v in wide):
        return None
    one = torch.ones((), dtype=torch.float64, device=like.device)
    return AffineStep(one if wide[0] is None else wide[0], wide[1], spatial, dtype, axes=axes)


def _number(value: float, like: Tensor) -> Tensor:
    """A plain number as a tensor; one that is too large for float64 is infinite."""
    try:
        plain = float(value)
    except OverflowError:
        plain = math.inf
    return torch.tensor(plain, dtype=torch.float64, device=like.device)


def _trailing(value: Tensor) -> int:
    """The number of sizes of 1 that follow the last other one."""
    count = 0
    while count < value.dim() and value.shape[-1 - count] == 1:
        count += 1
    return min(count, value.dim() - 1)
