"""Learned numbers: tensors of the file's own, and a factor and an offset for each channel."""

from __future__ import annotations

from archlang.ops.kinds import Fault, Flag, Int, ListKind, OneOf, Real, SettingKind, Words
from archlang.ops.model import Arg, Module, Op, OpCall, Weight
from archlang.ops.rules import AXIS, axis_of, flow, known
from archlang.ops.values import Option
from archlang.shapes import Tensor


def _parameter_shape(call: OpCall) -> Tensor:
    out, values = Tensor(tuple(call["sizes"])), call["values"]
    if values is not None and call["init"] is not None:
        message = "numbers that are given are not drawn"
        raise Fault("conflicting-arguments", message, argument="init", help="leave out `init` or `values`")
    if values is not None and len(values) != out.elements:
        raise Fault("wrong-count", f"{out} holds {out.elements} numbers, {len(values)} are given", argument="values")
    return out


PARAMETER = Op(
    name="parameter", family="learned", own=True,
    doc="A tensor of the file's own, the same for every sample: `x -> add(parameter([49, 64]))`, or a flow that begins "
    "with it. It is no stage, and every use of it has numbers of its own.",
    shape=_parameter_shape,
    weights=lambda call: (Weight("value", tuple(call["sizes"]), trained=call["trained"], init=call["init"]),),
    torch=Module("archlang.layers.LearnedTensor", lambda call: {
        "sizes": call["sizes"], "trained": call["trained"], "values": call["values"]}),
    args=(
        Arg("sizes", ListKind(Int(1), 1, 4), doc="the sizes of a sample"),
        Arg("init", SettingKind("initialiser"), None, "how its numbers start; auto: normal with deviation 0.02, cut at "
            "two deviations"),
        Arg("trained", Flag(), True, "whether it is learned; if not, it is a buffer"),
        Arg("values", ListKind(Real(), 1, 4096), None, "its numbers at the start, the last axis running fastest; auto: "
            "as `init` says"),
    ),
    example="input x: [49, 64]\nquery = parameter([8, 64], init = normal(std = 0.1))\n"
    "output query -> matmul(x -> permute([features, positions])) -> softmax -> matmul(x)",
)


def _affine_axis(call: OpCall) -> int:
    """The axis of a factor each: that of the argument, else the features of a sequence, the channels of a map."""
    if call["axis"] is not None:
        return axis_of(call)
    return call.x.rank - 1 if call.x.rank <= 2 else 0


def _affine_size(call: OpCall) -> int:
    return known(call.x.dims[_affine_axis(call)], "sizes of learned factors")


def _affine_shape(call: OpCall) -> Tensor:
    if call["scale"] == call["shift"] == "none":
        message = "`affine` without a factor and without an offset does nothing"
        raise Fault("conflicting-arguments", message, argument="shift", help="leave `scale` or `shift` as it is")
    _affine_size(call)
    return call.x


def _affine_weights(call: OpCall) -> tuple[Weight, ...]:
    named = (("weight", call["scale"]), ("bias", call["shift"]))
    return tuple(
        Weight(name, (_affine_size(call),), init=Option("constant", "initialiser", {"value": start}))
        for name, start in named if start != "none"
    )


_START = OneOf((Real(), Words(("none",))))
AFFINE = Op(
    name="affine", family="learned", shape=_affine_shape, weights=_affine_weights,
    doc="Every channel of a map or volume, or feature of a sequence or vector, times a learned factor plus a learned "
    "offset. `affine(scale = 1e-6, shift = none)` is the layer scale of CaiT and ConvNeXt (Touvron et al. 2021).",
    torch=Module("archlang.layers.LearnedAffine", lambda call: {
        "features": _affine_size(call), "dim": _affine_axis(call) + 1,
        "scale": call["scale"] != "none", "shift": call["shift"] != "none",
    }),
    args=(
        Arg("scale", _START, 1.0, "where the factors start; `none` for no factors"),
        Arg("shift", _START, 0.0, "where the offsets start; `none` for no offsets"),
        Arg("axis", AXIS, None, "the axis with a factor for each index; auto: the features of a vector or sequence, "
            "the channels of a map"),
    ),
    example=flow("[32, 16, 16]", "residual { conv(3x3, 32) -> affine(scale = 1e-6, shift = none) }"),
)

OPS = (PARAMETER, AFFINE)
