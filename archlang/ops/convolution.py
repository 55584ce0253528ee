"""Convolutions: over lines, maps and volumes, depthwise, transposed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from archlang.ops.facts import SLIDING
from archlang.ops.kinds import Fault, Flag, Int, OneOf, SettingKind, SizeOf, Words
from archlang.ops.model import Arg, Module, Op, OpCall, Weight
from archlang.ops.reparametrized import KERNEL, checked_kernel, convolution, gains
from archlang.ops.rules import LINES, flow, known, need_at_least, need_divides, need_rank
from archlang.ops.values import Size
from archlang.ops.windows import (
    KERNELS,
    Pairs,
    as_pad,
    fits_mode,
    padding_fits,
    padding_kind,
    slide,
    symmetric,
    trimmed,
    window_padding,
    window_pairs,
)
from archlang.shapes import Dim, Tensor, product

MODES = ("zeros", "reflect", "replicate", "circular")
INIT = Arg("init", SettingKind("initialiser"), None, "how the kernel starts; auto: torch's own way")
BIAS = Arg("bias", Flag(), None, "auto: yes, unless its only consumer takes the mean of every channel off, "
           "as a batch norm does")
INPUTS = {1: "[3, 32]", 2: "[3, 32, 32]", 3: "[3, 16, 32, 32]"}
TF_SAME = "`tf_same`: TensorFlow's SAME, `ceil(size / stride)` places"
CAUSAL = "; `causal`: all of it before, so that no place reads what is behind it"
WHERE = {1: "lines", 2: "maps", 3: "volumes"}


FARTHEST = {1: 4096, 2: 4096, 3: 256}
"""The largest stride by rank: torch's gradient of a convolution takes time with the volume of one step, even where the
map has a single place, and dies (signal 11) over a line from about 64,000 on."""


def _channels(call: OpCall) -> tuple[int, int, int]:
    """In channels, out channels, groups."""
    entering = known(call.x.dims[0], "channels")
    # A depthwise convolution has no `channels` of its own: each in channel is a group.
    if "multiplier" in call.args:
        return entering, entering * call["multiplier"], entering

    groups: int = call["groups"]
    if call["groups"] == "channels":
        groups = entering
    return entering, call["channels"], groups


def _checked(call: OpCall) -> tuple[Size, tuple[int, int, int]]:
    """The kernel, and `_channels`. Raises wrong-rank, symbolic-parameters, not-divisible."""
    kernel: Size = call["kernel"]
    need_rank(call, len(kernel) + 1, words=LINES)
    entering, leaving, groups = _channels(call)

    # torch says the same of `in_channels` and `out_channels`, but only when the module is built.
    need_divides(groups, entering, "groups must divide the channels that enter", "groups")
    need_divides(groups, leaving, "groups must divide the channels that leave", "groups")
    return kernel, (entering, leaving, groups)


def _pairs(call: OpCall) -> Pairs:
    """The padding of a convolution, without what no window reaches."""
    kernel, stride, dilation = call["kernel"], call["stride"], call["dilation"]
    padding = window_pairs(call, kernel, stride, dilation)

    # For the other modes torch's module pads apart in any case: less padding would not make it faster.
    if symmetric(padding) or call["padding_mode"] != "zeros":
        return padding

    sizes = call.x.dims[1:]
    reach = Size(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    return trimmed(padding, sizes, slide(sizes, kernel, stride, dilation, padding), reach, stride)


def _shape(call: OpCall) -> Tensor:
    """[channels, *places]. Raises what its rules raise: each has its own fault."""
    kernel, (entering, leaving, groups) = _checked(call)
    checked_kernel(call, entering // groups * prod(kernel))
    padding = window_pairs(call, kernel, call["stride"], call["dilation"])
    sizes = call.x.dims[1:]

    padding_fits(call.x, padding)
    fits_mode(call["padding_mode"], padding, sizes)
    return Tensor((leaving, *slide(sizes, kernel, call["stride"], call["dilation"], padding)))


def _pad(call: OpCall) -> tuple[tuple[int, ...], str] | None:
    """The cells that `torch.nn.functional.pad` adds before the module, and its mode; None where the module pads."""
    # torch's module takes one number for both sides of an axis.
    padding = _pairs(call)
    if symmetric(padding):
        return None

    # torch calls zeros by two names: "zeros" in a convolution, "constant" in `pad`.
    mode: str = call["padding_mode"]
    if mode == "zeros":
        mode = "constant"
    return as_pad(padding), mode


def _weights(call: OpCall) -> tuple[Weight, ...]:
    """The kernel [out channels, in channels / groups, *kernel], the bias [out channels], the factors of the kernel."""
    entering, leaving, groups = _channels(call)
    kernel = Weight("weight", (leaving, entering // groups, *call["kernel"]), init=call["init"])
    further = gains(call, kernel.shape)

    # A bias that is still `auto` counts until the graph settles it.
    if call["bias"] is False:
        return (kernel, *further)
    return (kernel, Weight("bias", (leaving,)), *further)


def _flops(call: OpCall) -> Dim:
    """Two for every weight of the kernel at every place: `2 * places * numel(weight)`."""
    return 2 * product(call.y.dims[1:]) * _weights(call)[0].numel


def _arguments(call: OpCall) -> Mapping[str, Any]:
    """The arguments of torch's module; it pads nothing where `_pad` did so before it."""
    entering, leaving, groups = _channels(call)
    sides = _pairs(call)
    padding, mode = (0,) * len(sides), "zeros"
    if symmetric(sides):
        padding, mode = tuple(before for before, _ in sides), call["padding_mode"]

    return {
        "in_channels": entering, "out_channels": leaving, "kernel_size": tuple(call["kernel"]),
        "stride": tuple(call["stride"]), "padding": padding,
        "dilation": tuple(call["dilation"]), "groups": groups, "bias": call["bias"] is not False,
        "padding_mode": mode,
    }


def _mixes(call: OpCall) -> tuple[int, int] | None:
    """The channels of the map are dimension 1 of the kernel; with groups no result reads all of them."""
    _, _, groups = _channels(call)
    # A kernel that is calculated does not follow its weights part by part.
    if groups == 1 and call.args.get("weights") is None:
        return 0, 1
    return None


def _sliding(rank: int) -> tuple[Arg, ...]:
    return (
        Arg("stride", SizeOf(rank, 1, FARTHEST[rank]), Size((1,) * rank), "steps between two places"),
        Arg("padding", window_padding(rank), None, f"cells around the map; auto: keeps the size at stride 1; {TF_SAME}"
            + (CAUSAL if rank == 1 else "")),
        Arg("dilation", SizeOf(rank), Size((1,) * rank), "steps between the kernel's cells"),
        Arg("padding_mode", Words(MODES), "zeros", "what the padding holds"),
        BIAS,
        INIT,
    )


def _name(rank: int, name: str) -> str:
    """`conv` over maps, the common case, and `conv1d`, `conv3d`."""
    if rank == 2:
        return name
    return f"{name}{rank}d"


def _conv(rank: int) -> Op:
    stride, padding, dilation, *rest = _sliding(rank)
    groups = OneOf((Int(1), Words(("channels",))))

    return Op(
        name=_name(rank, "conv"), family="convolution",
        doc=f"A convolution over {WHERE[rank]}: a learned kernel at every place.",
        shape=_shape, weights=_weights, flops=_flops, pad=_pad,
        mixes=_mixes,
        torch=convolution(rank, _arguments), gives=SLIDING[rank], convolves=rank,
        # torch writes `Conv2d(in_channels, out_channels, kernel_size, ...)`: the in channels come from the flow here.
        habit=("", "channels", "kernel", "stride", "padding", "dilation", "groups", "bias", "padding_mode"),
        args=(
            Arg("kernel", SizeOf(rank), doc="the kernel's size"),
            Arg("channels", Int(1), doc="channels that leave"),
            stride, padding, dilation,
            Arg("groups", groups, 1, "parts that the channels are cut into; `channels`: one each (depthwise)"),
            *rest, KERNEL,
        ),
        example=flow(INPUTS[rank], f"{_name(rank, 'conv')}({KERNELS[rank]}, 64, stride = 2)"),
    )


def _depthwise(rank: int) -> Op:
    return Op(
        name=_name(rank, "depthwise_conv"), family="convolution",
        doc=f"A convolution over {WHERE[rank]} in which every channel has kernels of its own and mixes with no other.",
        shape=_shape, weights=_weights, flops=_flops, pad=_pad,
        torch=convolution(rank, _arguments), gives=SLIDING[rank], convolves=rank,
        args=(
            Arg("kernel", SizeOf(rank), doc="the kernel's size"),
            *_sliding(rank),
            Arg("multiplier", Int(1), 1, "channels that leave for each that enters"),
            KERNEL,
        ),
        example=flow(INPUTS[rank], f"{_name(rank, 'depthwise_conv')}({KERNELS[rank]})"),
    )


def _transposed_padding(call: OpCall) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Padding and output padding. Auto: the output is `stride` times the input: `2 p - o = d (k - 1) + 1 - s`."""
    kernel, stride, dilation, padding = call["kernel"], call["stride"], call["dilation"], call["padding"]
    extra = call["output_padding"]
    zero = (0,) * len(kernel)

    if padding == "none":
        return zero, tuple(extra or zero)
    if isinstance(padding, Size):
        return tuple(padding), tuple(extra or zero)

    # `auto` and `same` work out both paddings, so that a given one would be overruled.
    if extra is not None:
        raise Fault("wrong-kind", "`output_padding` goes with a `padding` in numbers", argument="output_padding")

    # An odd excess needs one cell more of padding, which the output padding gives back at the end.
    excess = [d * (k - 1) + 1 - s for k, s, d in zip(kernel, stride, dilation, strict=True)]
    taken_off = tuple(max(0, (more + 1) // 2) for more in excess)
    return taken_off, tuple(2 * p - more for p, more in zip(taken_off, excess, strict=True))


def _too_much_output_padding(call: OpCall, k: int, s: int) -> Fault:
    """The fault of an output padding that torch refuses: at the kernel where it was worked out, else at itself."""
    if call["output_padding"] is None:
        return Fault(
            "out-of-range", f"no padding makes the output {s} times the input with a kernel of {k} at stride {s}",
            argument="kernel", help="give `padding` in numbers, or a kernel that is odd where the stride is",
        )
    return Fault(
        "out-of-range", "`output_padding` must be smaller than the stride or the dilation", argument="output_padding",
    )


def _transposed_shape(call: OpCall) -> Tensor:
    kernel, (_, leaving, _) = _checked(call)
    padding, extra = _transposed_padding(call)
    stride, dilation = call["stride"], call["dilation"]

    sizes: list[Dim] = []
    for size, k, s, d, p, o in zip(call.x.dims[1:], kernel, stride, dilation, padding, extra, strict=True):
        if o >= max(s, d):
            raise _too_much_output_padding(call, k, s)

        # The equation of `torch.nn.ConvTranspose2d`, where padding takes cells off the output.
        out = (size - 1) * s - 2 * p + d * (k - 1) + o + 1
        need_at_least(out, 1, "empty-map", f"a padding of {p} leaves {out} cells of the map", "padding")
        sizes.append(out)
    return Tensor((leaving, *sizes))


def _transposed_weights(call: OpCall) -> tuple[Weight, ...]:
    """The kernel [in channels, out channels / groups, *kernel]: in and out change places; the bias [out channels]."""
    entering, leaving, groups = _channels(call)
    kernel = Weight("weight", (entering, leaving // groups, *call["kernel"]), init=call["init"])

    if call["bias"] is False:
        return (kernel,)
    return kernel, Weight("bias", (leaving,))


def _transposed_flops(call: OpCall) -> Dim:
    """Two for every weight of the kernel at every place of the input."""
    # Of the input, not of the output as above: each cell that enters spreads the kernel once.
    return 2 * product(call.x.dims[1:]) * _transposed_weights(call)[0].numel


def _transposed_arguments(call: OpCall) -> Mapping[str, Any]:
    entering, leaving, groups = _channels(call)
    padding, extra = _transposed_padding(call)
    return {
        "in_channels": entering, "out_channels": leaving, "kernel_size": tuple(call["kernel"]),
        "stride": tuple(call["stride"]), "padding": padding, "output_padding": extra,
        "dilation": tuple(call["dilation"]), "groups": groups, "bias": call["bias"] is not False,
    }


def _transposed(rank: int) -> Op:
    name = _name(rank, "conv_transpose")
    # No `padding_mode`: torch's transposed convolutions know zeros alone.
    stride, _, dilation, *_ = _sliding(rank)
    auto = "cells taken off around the output; auto: the output is `stride` times the input"

    return Op(
        name=name, family="convolution",
        doc=f"A transposed convolution over {WHERE[rank]}: every cell spreads a learned kernel over the output.",
        shape=_transposed_shape, weights=_transposed_weights, flops=_transposed_flops,
        torch=Module(f"torch.nn.ConvTranspose{rank}d", _transposed_arguments), gives=SLIDING[rank],
        # torch's order differs from that of `Conv2d`: the dilation stands behind the bias.
        habit=("", "channels", "kernel", "stride", "padding", "output_padding", "groups", "bias", "dilation"),
        args=(
            Arg("kernel", SizeOf(rank), doc="the kernel's size"),
            Arg("channels", Int(1), doc="channels that leave"),
            stride,
            Arg("padding", padding_kind(rank), None, auto),
            Arg("output_padding", SizeOf(rank, 0), None, "cells added at the end; goes with a padding in numbers"),
            dilation,
            Arg("groups", OneOf((Int(1), Words(("channels",)))), 1, "parts that the channels are cut into"),
            BIAS,
            INIT,
        ),
        example=flow(INPUTS[rank], f"{name}({KERNELS[rank]}, 16, stride = 2)"),
    )


_MAKERS: tuple[Callable[[int], Op], ...] = (_conv, _depthwise, _transposed)
OPS = tuple(make(rank) for make in _MAKERS for rank in (2, 1, 3))
