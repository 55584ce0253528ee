"""Attention in heads: over positions, to another sequence, in windows of maps; and how it sees positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.kinds import Fault, Flag, Int, Real, SettingKind, SizeOf, TensorKind, Words
from archlang.ops.model import Arg, Module, Op, OpCall, Setting, Weight
from archlang.ops.rules import flow, known, need_divides, need_rank
from archlang.ops.values import Option, Size
from archlang.ops.whole import need_mask, need_over
from archlang.shapes import Dim, Tensor, at_least


def dense(name: str, leaving: int, entering: int, bias: bool) -> tuple[Weight, ...]:
    """The weights of a linear layer inside a module: [out features, in features], and [out features]."""
    weight = Weight(f"{name}.weight", (leaving, entering))
    if not bias:
        return (weight,)
    return weight, Weight(f"{name}.bias", (leaving,))


# --- how attention sees positions ------------------------------------------------------------------------------------


def _encoding(name: str, doc: str, *args: Arg, use: str = "", check: Any = None) -> Setting:
    example = flow("[49, 64]", f"attention(4, causal = true, positions = {use or name})")
    if check is None:
        return Setting(name, "encoding", doc, args, example)
    return Setting(name, "encoding", doc, args, example, check=check)


def _buckets_fit(args: Mapping[str, Any]) -> None:
    """Raise `Fault` where the buckets cannot be shared out among near and far."""
    count, distance = args["count"], args["distance"]
    # Half of them are for each direction, and half of those for one distance each.
    if count % 4:
        raise Fault("not-divisible", f"4 must divide the number of buckets, this is {count}", argument="count")
    if distance <= count // 2:
        raise Fault("out-of-range", f"{count} buckets reach {count // 2} positions by themselves: the distance from "
                    "which on all share one lies beyond", argument="distance")


SETTINGS = (
    _encoding(
        "rotary", "Queries and keys are turned by angles that grow with the position, so that their products depend on "
        "the distance (Su et al. 2021, eq. 34).",
        Arg("base", Real(1, above=True), 10000.0, "the slowest angle is about one over it a position"),
        Arg("features", Int(2), None, "how many features of each head are turned, the first ones; auto: all"),
        Arg("pairs", Words(("neighbours", "halves")), "neighbours", "which two features turn together: 2i and 2i + 1 "
            "(RoFormer, LLaMA), or i and i + half (GPT-NeoX, transformers' LLaMA)"),
        use="rotary(base = 10000)",
    ),
    _encoding(
        "alibi", "Scores fall with the distance, in each head by a slope of its own that is not learned: 2^(-8/h), "
        "2^(-16/h) and so on (Press et al. 2022).",
    ),
    _encoding(
        "relative", "A learned number for each distance, in each head, is added to the scores (Raffel et al. 2020, "
        "Liu et al. 2021). Distances before and behind differ.",
        Arg("distance", Int(1), doc="the distance from which on all share one number"),
        use="relative(48)",
    ),
    _encoding(
        "buckets", "A learned number for each bucket of distances, in each head, is added to the scores: one bucket "
        "for each near distance, wider ones farther away (Raffel et al. 2020, T5).",
        Arg("count", Int(4), 32, "buckets; without `causal` half of them are for each direction"),
        Arg("distance", Int(2), 128, "the distance from which on all share one bucket"), check=_buckets_fit,
    ),
)


# --- over positions --------------------------------------------------------------------------------------------------


def _head_features(call: OpCall) -> int:
    """The features of a head: given, or the tensor's shared out. Raises not-divisible."""
    features = known(call.x.dims[1], "features")
    given: int | None = call["head_features"]
    if given is not None:
        return given
    need_divides(call["heads"], features, "heads must divide the features", "heads")
    return features // int(call["heads"])


def _kv_heads(call: OpCall) -> int:
    kv_heads: int | None = call["kv_heads"]
    if kv_heads is None:
        return int(call["heads"])
    return kv_heads


def _qkv_bias(call: OpCall) -> bool:
    given: bool | None = call["qkv_bias"]
    if given is None:
        return bool(call["bias"])
    return given


def _attention_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 2)
    head = _head_features(call)
    need_divides(_kv_heads(call), call["heads"], "heads of keys must divide the heads", "kv_heads")
    keys = _memory(call)
    _check_mask(call, keys)
    _check_added(call, keys)
    _check_encoding(call, head)
    return Tensor(x.dims)


def _memory(call: OpCall) -> Tensor:
    """The sequence that keys and values are of. Raises `Fault` where other arguments rule it out."""
    memory = call.tensor("memory")
    if memory is None:
        return call.x

    need_rank(call, 2, index=call["memory"].index)
    known(memory.dims[1], "features")
    # Which position of one sequence is before which of the other, nobody said.
    for name, words in (("causal", "before"), ("window", "near"), ("positions", "at a distance from")):
        if call[name]:
            raise Fault("conflicting-arguments", f"a position is not {words} one of another sequence, the memory",
                        argument=name)
    return memory


def _check_mask(call: OpCall, keys: Tensor) -> None:
    """Raise `Fault` for a mask that is none, or is over other positions."""
    mask = need_mask(call, "mask", "attention")
    if mask is None:
        return

    over: tuple[Dim, ...] = (keys.dims[0],)
    if mask.rank == 2:
        over = (call.x.dims[0], keys.dims[0])
    need_over(mask, Tensor(over), "attention", call["mask"].index)


def _check_added(call: OpCall, keys: Tensor) -> None:
    """Raise `Fault` for numbers that are not over the scores."""
    added = call.tensor("added")
    wanted = Tensor((call.x.dims[0], keys.dims[0]))
    if added is None or added.dims in (wanted.dims, (call["heads"], *wanted.dims)):
        return
    raise Fault("shape-mismatch", f"numbers over the scores are {wanted} for all heads alike, or "
                f"{Tensor((call['heads'], *wanted.dims))}", input=call["added"].index, label=f"this is {added}")


def _check_encoding(call: OpCall, head: int) -> None:
    """Raise `Fault` where features cannot be turned in pairs."""
    encoding: Option | None = call["positions"]
    if encoding is None or encoding.name != "rotary":
        return

    turned = encoding.args["features"] or head
    if not isinstance(turned, int) or turned % 2:
        raise Fault("not-divisible", f"features turn in pairs: {turned} in each head is odd", argument="positions")
    if turned > head:
        raise Fault("out-of-range", f"{turned} features are turned, a head has {head}", argument="positions")


def _attention_weights(call: OpCall) -> tuple[Weight, ...]:
    features, head, bias = known(call.x.dims[1], "features"), _head_features(call), _qkv_bias(call)
    inner, shared = call["heads"] * head, _kv_heads(call) * head

    # Queries, keys and values one below the other: three linear layers in one product.
    maps = dense("project", inner + 2 * shared, features, bias)
    memory = call.tensor("memory")
    if memory is not None:
        entering = known(memory.dims[1], "features")
        maps = (*dense("project", inner, features, bias), *dense("remember", 2 * shared, entering, bias))
    return *maps, *dense("combine", features, inner, call["bias"]), *_encoding_weights(call)


def _encoding_weights(call: OpCall) -> tuple[Weight, ...]:
    """The weights of an encoding of positions: a number for each distance or bucket, in each head."""
    encoding: Option | None = call["positions"]
    if encoding is None or encoding.name not in ("relative", "buckets"):
        return ()

    count = encoding.args.get("count")
    if encoding.name == "relative":
        distance = encoding.args["distance"]
        assert isinstance(distance, int)
        # Behind a position nothing is seen with `causal`.
        count = distance + 1
        if not call["causal"]:
            count += distance
    assert isinstance(count, int)
    return (Weight("positions.weight", (count, call["heads"])),)


def _attention_flops(call: OpCall) -> Dim:
    """Dense maps of both sequences, and two products of positions with positions."""
    head, keys = _head_features(call), _memory(call)
    positions, features = call.x.dims
    inner, shared = int(call["heads"]) * head, _kv_heads(call) * head

    maps = 4 * positions * features * inner + 4 * keys.dims[0] * keys.dims[1] * shared
    return maps + 4 * positions * keys.dims[0] * inner


_PLAIN = ("heads", "bias", "dropout", "causal")


def _attention_arguments(call: OpCall) -> Mapping[str, Any]:
    given: dict[str, Any] = {"features": call.x.dims[1], **{name: call[name] for name in _PLAIN}}
    further = ("kv_heads", "head_features", "qkv_bias", "scale", "window", "positions")
    given |= {name: call[name] for name in further if call[name] is not None}

    memory = call.tensor("memory")
    if memory is not None:
        given["memory_features"] = memory.dims[1]
    return given


ATTENTION = Op(
    name="attention", family="attention", whole=("mask",), gives=("sequence",),
    doc="Every position as a mix of all positions that it sees, or of those of another sequence: "
    "softmax(Q K' / sqrt(d)) V in each head (Vaswani et al. 2017, eq. 1). A position that sees none gets the bias of "
    "the last dense map.",
    shape=_attention_shape, weights=_attention_weights, flops=_attention_flops,
    torch=Module("archlang.layers.Attention", _attention_arguments),
    habit=("", "heads", "dropout", "bias"),
    args=(
        Arg("heads", Int(1), doc="heads; they share the features"),
        Arg("bias", Flag(), True, "whether the dense maps have one"),
        Arg("dropout", Real(0, 1), 0.0, "probability of leaving out a weight, in training"),
        Arg("causal", Flag(), False, "whether a position sees only those before it and itself"),
        Arg("mask", TensorKind(), None, "which positions are seen: [positions] for all alike, or [positions, seen "
            "positions], of range 2; auto: all"),
        Arg("added", TensorKind(), None, "numbers that are added to the scores, [positions, seen positions] for all "
            "heads alike or [heads, positions, seen positions]; auto: none"),
        Arg("memory", TensorKind(), None, "the sequence that is seen, of any features; auto: the one that flows in"),
        Arg("kv_heads", Int(1), None, "heads of keys and values, each for a group of heads (Ainslie et al. 2023); "
            "auto: as many as heads"),
        Arg("window", Int(1), None, "how many positions back are seen, the position itself counted, and without "
            "`causal` as many ahead; auto: all"),
        Arg("positions", SettingKind("encoding"), None, "how distances count: rotary, alibi, relative, buckets; auto: "
            "not at all"),
        Arg("head_features", Int(1), None, "features of a head; auto: its share of the features"),
        Arg("qkv_bias", Flag(), None, "whether the maps to queries, keys and values have one; auto: as `bias`"),
        Arg("scale", Real(), None, "the factor of the scores; auto: 1 / sqrt(d)"),
    ),
    example=flow("[49, 64]", "residual { layer_norm -> attention(4) }"),
)


# --- distances by themselves -----------------------------------------------------------------------------------------


def _scores_shape(call: OpCall) -> Tensor:
    x, encoding = need_rank(call, 2), call["positions"]
    if encoding.name == "rotary":
        raise Fault("wrong-kind", "`rotary` turns queries and keys, and adds nothing to scores", argument="positions")
    return Tensor((call["heads"], x.dims[0], x.dims[0]))


POSITION_SCORES = Op(
    name="position_scores", family="attention", shape=_scores_shape, weights=_encoding_weights,
    doc="What an encoding of positions adds to the scores of a sequence, by itself: several layers of attention share "
    "its numbers, each as `added` (Raffel et al. 2020, T5).",
    torch=Module("archlang.layers.PositionScores", lambda call: {
        "heads": call["heads"], "positions": call["positions"], "causal": call["causal"],
    }),
    args=(
        Arg("heads", Int(1), doc="heads of the attention"),
        Arg("positions", SettingKind("encoding"), doc="how distances count: alibi, relative, buckets"),
        Arg("causal", Flag(), False, "whether what lies ahead is never seen, and has no numbers"),
    ),
    example="input x: [49, 64]\nnear = x -> position_scores(4, buckets)\n"
    "output x -> 2 * residual { layer_norm -> attention(4, added = near) }",
)


# --- in windows of maps ----------------------------------------------------------------------------------------------


def _window_shape(call: OpCall) -> Tensor:
    x, window, shift = need_rank(call, 3), call["window"], call["shift"]
    need_divides(call["heads"], known(x.dims[0], "channels"), "heads must divide the channels", "heads")

    for size, cells, by in zip(x.dims[1:], window, shift, strict=True):
        if at_least(size, cells) is False:
            raise Fault("empty-map", f"a window of {window} does not fit into {x}", argument="window")
        need_divides(cells, size, "windows tile the map", "window")
        # Shifted by a whole window, the windows would lie where they were.
        if by >= cells:
            raise Fault("out-of-range", f"a shift is smaller than the window {window}, this is {shift}",
                        argument="shift")
    return x


def _places(window: Size) -> int:
    """The number of distances between two places of a window: rows and columns, before and behind."""
    rows, columns = window
    return (2 * rows - 1) * (2 * columns - 1)


def _window_weights(call: OpCall) -> tuple[Weight, ...]:
    channels = known(call.x.dims[0], "channels")
    qkv_bias = _qkv_bias(call)
    return (
        Weight("positions", (_places(call["window"]), call["heads"])),
        *dense("project", 3 * channels, channels, qkv_bias), *dense("combine", channels, channels, call["bias"]),
    )


def _window_flops(call: OpCall) -> Dim:
    """Four dense maps at every place, and two products of each window's places with each other."""
    channels, height, width = call.x.dims
    rows, columns = map(int, call["window"])
    return height * width * (8 * channels * channels + 4 * channels * rows * columns)


def _window_arguments(call: OpCall) -> Mapping[str, Any]:
    given: dict[str, Any] = {
        "channels": call.x.dims[0], "heads": call["heads"], "window": tuple(call["window"]),
        "shift": tuple(call["shift"]), "bias": call["bias"], "qkv_bias": _qkv_bias(call), "dropout": call["dropout"],
    }
    if call["scale"] is not None:
        given["scale"] = call["scale"]
    return given


WINDOW_ATTENTION = Op(
    name="window_attention", family="attention",
    doc="Attention among the places of each window of a map, with a learned number for each distance in a window "
    "(Liu et al. 2021, Swin, eq. 4). Shifted windows wrap around the map's edges; what is not near there is not seen.",
    shape=_window_shape, weights=_window_weights, flops=_window_flops,
    torch=Module("archlang.layers.WindowAttention", _window_arguments),
    args=(
        Arg("heads", Int(1), doc="heads; they share the channels"),
        Arg("window", SizeOf(2), doc="rows and columns of a window; they tile the map"),
        Arg("shift", SizeOf(2, low=0), Size((0, 0)), "how far the windows are shifted down and right"),
        Arg("bias", Flag(), True, "whether the dense maps have one"),
        Arg("qkv_bias", Flag(), None, "whether the maps to queries, keys and values have one; auto: as `bias`"),
        Arg("dropout", Real(0, 1), 0.0, "probability of leaving out a weight, in training"),
        Arg("scale", Real(), None, "the factor of the scores; auto: 1 / sqrt(d)"),
    ),
    example=flow("[8, 8, 8]", "residual { layer_norm -> window_attention(2, 4x4, shift = 2) }"),
)

OPS = (ATTENTION, POSITION_SCORES, WINDOW_ATTENTION)
