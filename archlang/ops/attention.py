"""Attention over positions, over channels, and what comes with sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.kinds import Flag, Int, Real
from archlang.ops.model import Arg, Module, Op, OpCall, Weight
from archlang.ops.rules import LINES, flow, known, need_divides, need_rank
from archlang.shapes import Dim, Tensor


def _attention_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 2)
    features = known(x.dims[1], "features")
    need_divides(call["heads"], features, "heads must divide the features", "heads")
    return x


def _dense(name: str, leaving: int, entering: int, bias: bool) -> tuple[Weight, ...]:
    """The weights of a linear layer inside a module: [out features, in features], and [out features]."""
    weight = Weight(f"{name}.weight", (leaving, entering))
    if not bias:
        return (weight,)
    return weight, Weight(f"{name}.bias", (leaving,))


def _attention_weights(call: OpCall) -> tuple[Weight, ...]:
    features = known(call.x.dims[1], "features")
    return (
        # Queries, keys and values one below the other: three linear layers in one product.
        *_dense("project", 3 * features, features, call["bias"]),
        *_dense("combine", features, features, call["bias"]),
    )


def _attention_flops(call: OpCall) -> Dim:
    """Four dense maps, and two products of positions with positions."""
    positions, features = call.x.dims
    # Heads share the features: their number changes nothing.
    return 8 * positions * features * features + 4 * positions * positions * features


ATTENTION = Op(
    name="attention", family="attention",
    doc="Multi-head self-attention over the positions of a sequence: softmax(Q K' / sqrt(d)) V in each head "
    "(Vaswani et al. 2017, eq. 1).",
    shape=_attention_shape, weights=_attention_weights, flops=_attention_flops,
    torch=Module("archlang.layers.Attention", lambda call: {"features": call.x.dims[1], **call.args}),
    habit=("", "heads", "dropout", "bias"),
    args=(
        Arg("heads", Int(1), doc="heads; they share the features"),
        Arg("bias", Flag(), True, "whether the four dense maps have one"),
        Arg("dropout", Real(0, 1), 0.0, "probability of leaving out a weight, in training"),
        Arg("causal", Flag(), False, "whether a position sees only those before it and itself"),
    ),
    example=flow("[49, 64]", "residual { layer_norm -> attention(4) }"),
)


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
        *_dense("squeeze", hidden, channels, call["bias"]),
        *_dense("excite", channels, hidden, call["bias"]),
    )


def _excite_arguments(call: OpCall) -> Mapping[str, Any]:
    return {"channels": call.x.dims[0], "hidden": _hidden(call), "bias": call["bias"]}


SQUEEZE_EXCITE = Op(
    name="squeeze_excite", family="attention",
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
    # One number is learned for each: a symbolic size would be a symbolic number of parameters.
    for size in call.x.dims:
        known(size, "sizes under a learned position embedding")
    return call.x


POSITION_EMBEDDING = Op(
    name="position_embedding", family="attention", doc="Adds a learned number to every feature at every position.",
    shape=_position_shape, weights=lambda call: (Weight("weight", call.x.dims),),
    torch=Module("archlang.layers.PositionEmbedding", lambda call: {"sizes": call.x.dims}),
    example=flow("[49, 64]", "position_embedding"),
)


def _token_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 2)
    return Tensor((x.dims[0] + 1, known(x.dims[1], "features")))


CLASS_TOKEN = Op(
    name="class_token", family="attention",
    doc="Puts one learned position before a sequence, to be read out by `slice(0, stop = 1)` "
    "(Dosovitskiy et al. 2021).",
    shape=_token_shape, weights=lambda call: (Weight("weight", (call.x.dims[1],)),),
    torch=Module("archlang.layers.ClassToken", lambda call: {"features": call.x.dims[1]}),
    example=flow("[49, 64]", "class_token -> attention(4) -> slice(0, stop = 1) -> flatten"),
)

OPS = (ATTENTION, SQUEEZE_EXCITE, POSITION_EMBEDDING, CLASS_TOKEN)
