"""Attention over channels, and what comes with sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.heads import dense
from archlang.ops.kinds import Flag, Int
from archlang.ops.model import Arg, Module, Op, OpCall, Weight
from archlang.ops.rules import LINES, flow, known, need_at_most, need_rank
from archlang.shapes import Tensor


def _hidden(call: OpCall) -> int:
    """The number of hidden units: given, or by the ratio."""
    channels = known(call.x.dims[0], "channels")
    hidden: int | None = call["hidden"]
    if hidden is not None:
        return hidden

    # Fewer channels than the ratio would leave no unit at all, and the gate would be constant.
    return max(1, channels // int(call["ratio"]))


def _excite_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 2, 3, 4, words=LINES)
    known(x.dims[0], "channels")
    return x


def _excite_weights(call: OpCall) -> tuple[Weight, ...]:
    channels, hidden = known(call.x.dims[0], "channels"), _hidden(call)
    return (
        *dense("squeeze", hidden, channels, call["bias"]),
        *dense("excite", channels, hidden, call["bias"]),
    )


def _excite_arguments(call: OpCall) -> Mapping[str, Any]:
    return {"channels": call.x.dims[0], "hidden": _hidden(call), "bias": call["bias"]}


SQUEEZE_EXCITE = Op(
    name="squeeze_excite", family="attention", reads="line",
    doc="Every channel times a gate worked out from the means of all channels: "
    "x sigmoid(W2 relu(W1 mean(x))) (Hu et al. 2018, eq. 2-4).",
    shape=_excite_shape, weights=_excite_weights, torch=Module("archlang.layers.SqueezeExcite", _excite_arguments),
    flops=lambda call: 4 * call.x.dims[0] * _hidden(call),
    args=(
        Arg("ratio", Int(1), 16, "channels for each hidden unit"),
        Arg("hidden", Int(1), None, "hidden units; auto: by the ratio"),
        Arg("bias", Flag(), False, "whether the two dense maps have one"),
    ),
    example=flow("[64, 16, 16]", "conv(3x3, 64) -> batch_norm -> squeeze_excite(ratio = 16)"),
)


def _position_shape(call: OpCall) -> Tensor:
    _learned_sizes(call)
    return call.x


def _learned_sizes(call: OpCall) -> tuple[int, ...]:
    """The sizes of what is learned: those of a sample, or `most` positions. Raises `Fault`."""
    most = call["most"]
    if most is None:
        # One number is learned for each: a symbolic size would be a symbolic number of parameters.
        return tuple(known(size, "sizes under a learned position embedding") for size in call.x.dims)

    positions, features = need_rank(call, 2).dims
    message = f"there are {positions} positions, and embeddings for {most}"
    need_at_most(positions, most, "out-of-range", message, "most")
    return most, known(features, "features")


POSITION_EMBEDDING = Op(
    name="position_embedding", family="attention", gives=("sequence",),
    doc="Adds a learned number to every feature at every position. With `most` so many positions are learned, and a "
    "sequence of any length up to that takes the first of them.",
    shape=_position_shape, weights=lambda call: (Weight("weight", _learned_sizes(call)),),
    torch=Module("archlang.layers.PositionEmbedding", lambda call: {"sizes": _learned_sizes(call)}),
    args=(Arg("most", Int(1), None, "positions that are learned; auto: those that there are"),),
    example=flow("[49, 64]", "position_embedding"),
)


def _token_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 2)
    return Tensor((x.dims[0] + 1, known(x.dims[1], "features")))


CLASS_TOKEN = Op(
    name="class_token", family="attention", gives=("sequence",),
    doc="Puts one learned position before a sequence, to be read out by `slice(0, stop = 1)` "
    "(Dosovitskiy et al. 2021).",
    shape=_token_shape, weights=lambda call: (Weight("weight", (call.x.dims[1],)),),
    torch=Module("archlang.layers.ClassToken", lambda call: {"features": call.x.dims[1]}),
    example=flow("[49, 64]", "class_token -> attention(4) -> slice(0, stop = 1) -> flatten"),
)

OPS = (SQUEEZE_EXCITE, POSITION_EMBEDDING, CLASS_TOKEN)
