"""Operations along axes: padding, rolling, shuffling channels, and sums, means and largest numbers along some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.extents import Extent
from archlang.ops.kinds import Fault, Flag, Int, ListKind, OneOf, Real, TensorKind, Words
from archlang.ops.model import Arg, Function, Module, Op, OpCall
from archlang.ops.rules import AXIS, LINES, axis_index, axis_of, flow, need_at_least, need_divides, need_rank, replaced
from archlang.ops.spreading import spread_shape
from archlang.ops.windows import MOST
from archlang.shapes import Dim, Tensor, at_least

_AXES = OneOf((AXIS, ListKind(AXIS, 1, 4)))
"""One axis, or a list of them."""


def _axes(call: OpCall, name: str) -> tuple[int, ...]:
    """The axes that an argument names, each counted from 0. Raises wrong-axis."""
    named = call[name] if isinstance(call[name], tuple) else (call[name],)
    found = tuple(axis_index(axis, call.x, name) for axis in named)
    if len(set(found)) < len(found):
        raise Fault("wrong-axis", f"an axis of {call.x} is named twice", argument=name)
    return found


# --- padding ---------------------------------------------------------------------------------------------------------


def _sides(call: OpCall) -> tuple[Dim, Dim]:
    """Cells before and after."""
    size = call["size"]
    return size if isinstance(size, tuple) else (size, size)


def _padded_axes(call: OpCall) -> tuple[int, ...]:
    if call["axis"] is not None:
        return (axis_of(call),)
    if call.x.rank < 3:
        help = "a sequence has `positions` and `features`, a line `channels` and `length`"
        raise Fault("missing-argument", f"which axis of {call.x} is padded must be said: `axis = ...`", help=help)
    return tuple(range(1, call.x.rank))


def _pad_shape(call: OpCall) -> Tensor:
    (before, after), out = _sides(call), call.x
    # Mirrored or wrapped cells are those of the tensor itself: there must be as many, a mirror without its edge.
    spare = {"reflect": 1, "circular": 0}.get(call["mode"])
    for axis in _padded_axes(call):
        size = call.x.dims[axis]
        for cells in (before, after):
            need_at_least(cells, 0, "out-of-range", f"cells are added, and not taken away: this is {cells}", "size")
            if spare is not None and cells != 0:
                message = f"padding of {cells} by `{call['mode']}` needs at least {cells + spare} cells, this is {size}"
                need_at_least(size - cells, spare, "kernel-too-large", message, "size")
        out = replaced(out, axis, size + (before + after))

    # What is added is a part of what is there then: the difference of sums of symbols takes long to work out.
    if at_least(out.elements, MOST + 1) is True:
        added = out.elements - call.x.elements
        if at_least(added, MOST + 1) is True:
            raise Fault("too-much-memory", f"the padding adds {added} numbers to a sample; {MOST} is the limit",
                        argument="size")
    return out


def _pad_arguments(call: OpCall) -> Mapping[str, Any]:
    before, after = _sides(call)
    dims = tuple(axis + 1 for axis in _padded_axes(call))
    mode = "constant" if call["mode"] == "zeros" else call["mode"]
    return {"dims": dims, "before": before, "after": after, "mode": mode}


PAD = Op(
    name="pad", family="reshaping", shape=_pad_shape,
    doc="Cells around a map or volume, or before and after along one axis: `pad(1)`, `pad([0, 1], axis = width)`.",
    torch=Function("archlang.layers.axes.pad", _pad_arguments),
    args=(
        Arg("size", OneOf((Extent(0), ListKind(Extent(0), 2, 2))), doc="cells on each side, or [before, after]; they "
            "may be symbolic, as in `pad([0, in.width % 2], axis = width)`"),
        Arg("axis", AXIS, None, "the axis that is padded; auto: all of a map or volume but the channels"),
        Arg("mode", Words(("zeros", "reflect", "replicate", "circular")), "zeros", "what new cells hold: zeros, the "
            "tensor mirrored without its edge, its edge repeated, or its other end"),
    ),
    example=flow("[3, 32, 32]", "pad([0, 1], axis = width) -> pad([1, 0], axis = height, mode = reflect)"),
)


# --- moving ----------------------------------------------------------------------------------------------------------


def _steps(call: OpCall) -> tuple[int, ...]:
    by = call["by"]
    return by if isinstance(by, tuple) else (by,)


def _roll_shape(call: OpCall) -> Tensor:
    axes, steps = _axes(call, "axis"), _steps(call)
    if len(axes) != len(steps):
        raise Fault("wrong-count", f"{len(steps)} steps are given for {len(axes)} axes", argument="by")
    return call.x


_STEP = Int(-(1 << 31), 1 << 31)
ROLL = Op(
    name="roll", family="reshaping", carries=True, shape=_roll_shape,
    doc="Moves everything along an axis; what leaves at its end comes in at its beginning. `roll([-3, -3], "
    "[height, width])` shifts the windows of Swin (Liu et al. 2021).",
    torch=Function("torch.roll", lambda call: {
        "shifts": _steps(call), "dims": tuple(axis + 1 for axis in _axes(call, "axis")),
    }),
    args=(
        Arg("by", OneOf((_STEP, ListKind(_STEP, 1, 4))), doc="steps towards the end, negative ones towards the "
            "beginning; a list where several axes are named"),
        Arg("axis", _AXES, doc="the axis, or a list of them"),
    ),
    example=flow("[64, 56, 56]", "roll([-3, -3], [height, width])"),
)


def _shuffle_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 2, 3, 4, words=LINES)
    need_divides(call["groups"], x.dims[0], "groups must divide the channels", "groups")
    return x


CHANNEL_SHUFFLE = Op(
    name="channel_shuffle", family="reshaping", carries=True, shape=_shuffle_shape,
    doc="Takes the first channel of each group, then the second of each, and so on, so that the next grouped "
    "convolution reads all groups (Zhang et al. 2018, ShuffleNet).",
    torch=Module("torch.nn.ChannelShuffle", lambda call: {"groups": call["groups"]}),
    args=(Arg("groups", Int(1), doc="groups that the channels are cut into"),),
    example=flow("[24, 28, 28]", "conv(1x1, 48, groups = 3) -> channel_shuffle(3) -> depthwise_conv(3x3)"),
)


# --- along an axis ---------------------------------------------------------------------------------------------------


def _reduce_shape(call: OpCall) -> Tensor:
    axes = _axes(call, "axis")
    if call["keep"]:
        out: tuple[Dim, ...] = tuple(1 if axis in axes else size for axis, size in enumerate(call.x.dims))
    else:
        out = tuple(size for axis, size in enumerate(call.x.dims) if axis not in axes)
    if not out:
        help = "`keep = true` leaves axes of size 1"
        raise Fault("wrong-axis", f"nothing is left of {call.x}", argument="axis", help=help)
    return Tensor(out)


def _reduced(call: OpCall) -> Mapping[str, Any]:
    given = {"dim": tuple(axis + 1 for axis in _axes(call, "axis")), "keepdim": call["keep"]}
    # Torch divides by one less than the count unless it is told.
    if call["by"] == "variance":
        given["correction"] = 0
    return given


_REDUCED = {"mean": "torch.mean", "sum": "torch.sum", "max": "torch.amax", "min": "torch.amin",
            "variance": "torch.var", "logsumexp": "torch.logsumexp"}
REDUCE = Op(
    name="reduce", family="reshaping", shape=_reduce_shape,
    doc="The mean, the sum, the largest or the smallest number along axes, which go, or stay with size 1; the mean of "
    "squared distances from the mean, or the logarithm of the sum of exponentials.",
    torch=Function(lambda call: _REDUCED[call["by"]], _reduced),
    args=(
        Arg("axis", _AXES, doc="the axis, or a list of them"),
        Arg("by", Words(tuple(_REDUCED)), "mean", "what is taken of the numbers along them"),
        Arg("keep", Flag(), False, "whether the axes stay, with size 1"),
    ),
    example=flow("[64, 16, 16]", "reduce([height, width], by = max)"),
)


def _unit_axis(call: OpCall) -> int:
    if call["axis"] is not None:
        return axis_of(call)
    return call.x.rank - 1 if call.x.rank <= 2 else 0


def _unit_shape(call: OpCall) -> Tensor:
    _unit_axis(call)
    return call.x


L2_NORMALIZE = Op(
    name="l2_normalize", family="normalisation", reads="sequence", shape=_unit_shape,
    doc="Divides by the root of the sum of squares along an axis, so that vectors have length 1.",
    torch=Function("torch.nn.functional.normalize", lambda call: {
        "p": 2.0, "dim": _unit_axis(call) + 1, "eps": call["eps"],
    }),
    args=(
        Arg("axis", AXIS, None, "the axis; auto: the features of a vector or sequence, the channels of a map"),
        Arg("eps", Real(0, above=True), 1e-12, "the smallest length that is divided by"),
    ),
    example=flow("[128]", "l2_normalize -> linear(10)"),
)


def _cumsum_shape(call: OpCall) -> Tensor:
    axis_of(call)
    # The sum has as many numbers as what is summed: a decay may be smaller, and never larger.
    if len(call.inputs) > 1 and spread_shape(call, "cumsum") != call.x:
        raise Fault("shape-mismatch", f"a decay is as large as what is summed, {call.x}, or spread over it", input=1,
                    label=f"this is {call.inputs[1]}")
    return call.x


def _cumsum_target(call: OpCall) -> str:
    if len(call.inputs) > 1:
        return "archlang.layers.decayed_sum"
    return "torch.cumsum"


CUMSUM = Op(
    name="cumsum", family="reshaping", shape=_cumsum_shape,
    doc="The sum of all numbers up to each one along an axis. With `decay` the sum so far is multiplied by a number "
    "before the next one is added, h_t = d_t h_(t-1) + x_t: the recurrence of selective state spaces (Gu and Dao 2023, "
    "Mamba, eq. 2a) and of gated linear attention.",
    torch=Function(_cumsum_target, lambda call: {"dim": axis_of(call) + 1}),
    args=(
        Arg("axis", AXIS, doc="the axis"),
        Arg("decay", TensorKind(), None, "what the sum so far is multiplied by at each place, equal to what flows in "
            "or spread over it; auto: 1"),
    ),
    example="input x: [49, 64]\nkept = x -> linear(64) -> sigmoid\noutput x -> cumsum(positions, decay = kept)",
)

OPS = (PAD, ROLL, CHANNEL_SHUFFLE, REDUCE, L2_NORMALIZE, CUMSUM)
