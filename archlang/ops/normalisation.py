"""Normalisations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.kinds import Fault, Flag, Int, Real, Words
from archlang.ops.model import Arg, Module, Op, OpCall, Weight, each_channel
from archlang.ops.rules import LINES, features_of, flow, known, need_at_least, need_divides, need_rank
from archlang.ops.values import Option
from archlang.shapes import Dim, Tensor, at_least, product

EPS = Arg("eps", Real(0, above=True), 1e-5, "added to the variance")
AFFINE = Arg("affine", Flag(), True, "whether a scale and a shift are learned")


def _constant(value: float) -> Option | None:
    """The initialiser of a scale; None where torch's own start, 1, is meant."""
    if value == 1:
        return None
    return Option("constant", "initialiser", {"value": value})


def _affine(call: OpCall, sizes: tuple[Dim, ...], init: Option | None = None) -> tuple[Weight, ...]:
    """The learned scale and shift, each of these sizes; none with `affine = false`."""
    if not call["affine"]:
        return ()
    return Weight("weight", sizes, init=init), Weight("bias", sizes)


def _running(call: OpCall, features: int) -> tuple[Weight, ...]:
    """The running statistics, as torch's norms name them; none with `running = false`."""
    if not call["running"]:
        return ()
    return (
        Weight("running_mean", (features,), trained=False),
        Weight("running_var", (features,), trained=False),
        # torch counts batches even where the momentum is fixed and nobody reads the count.
        Weight("num_batches_tracked", (), trained=False, dtype="int64"),
    )


def _batch_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 1, 2, 3, 4, words=LINES)
    known(x.dims[0], "channels")

    # Without running statistics a single sample is normalised by its own places, of which there must be some.
    if not call["running"] and at_least(product(x.dims[1:]), 2) is not True:
        raise Fault(
            "empty-map", "a single sample of one place a channel has no variance of its own", argument="running",
            help="keep the running statistics, or take `layer_norm`, which does not depend on the batch",
        )
    return x


def _batch_weights(call: OpCall) -> tuple[Weight, ...]:
    features = known(call.x.dims[0], "channels")
    return *_affine(call, (features,), _constant(call["scale"])), *_running(call, features)


def _batch_arguments(call: OpCall) -> Mapping[str, Any]:
    """The arguments that torch's batch and instance norms share."""
    return {
        "num_features": call.x.dims[0], "eps": call["eps"], "momentum": call["momentum"],
        "affine": call["affine"], "track_running_stats": call["running"],
    }


BATCH_NORM = Op(
    name="batch_norm", family="normalisation", reads="line",
    doc="Every channel with mean 0 and variance 1 over the batch and all places, then scaled and shifted "
    "(Ioffe and Szegedy 2015). In evaluation mode it uses the running mean and variance.",
    shape=_batch_shape, weights=_batch_weights, centres=each_channel, batched=True,
    # Without running statistics a sample's result depends on its batch in evaluation mode, too.
    rows=lambda call: bool(call["running"]),
    # `BatchNorm1d` takes vectors and lines; there is no `BatchNorm0d`.
    torch=Module(lambda call: f"torch.nn.BatchNorm{max(1, call.x.rank - 1)}d", _batch_arguments),
    habit=("", "eps", "momentum", "affine", "running"),
    args=(
        Arg("scale", Real(), 1.0, "where the learned scale starts; 0 lets a residual branch start silent"),
        EPS,
        Arg("momentum", Real(0, 1), 0.1, "weight of a batch in the running statistics"),
        AFFINE,
        Arg("running", Flag(), True, "whether running statistics are kept and used in evaluation mode"),
    ),
    example=flow("[3, 32, 32]", "conv(3x3, 64) -> batch_norm -> relu"),
)


def _by_features(call: OpCall) -> bool:
    return bool(call["over"] == "features")


def _normalised(call: OpCall) -> tuple[int, ...]:
    """The sizes that mean and variance are over, and that the scale and the shift have."""
    if not _by_features(call):
        return tuple(known(size, "sizes under a layer norm over `all`") for size in call.x.dims)
    return (known(features_of(call.x), "features"),)


def _layer_shape(call: OpCall) -> Tensor:
    need_rank(call, 1, 2, 3, 4)
    _normalised(call)  # refuses sizes that are symbolic
    return call.x


def _layer_weights(call: OpCall) -> tuple[Weight, ...]:
    return _affine(call, _normalised(call))


def _over_channels(call: OpCall) -> bool:
    """Tell whether the norm runs over the channels of a map: torch's layer norm takes the last axes alone."""
    return call.x.rank >= 3 and _by_features(call)


def _layer_target(call: OpCall) -> str:
    if _over_channels(call):
        return "archlang.layers.ChannelNorm"
    return "torch.nn.LayerNorm"


def _layer_arguments(call: OpCall) -> Mapping[str, Any]:
    sizes, eps, affine = _normalised(call), call["eps"], call["affine"]
    if _over_channels(call):
        return {"channels": sizes[0], "eps": eps, "affine": affine}
    return {"normalized_shape": sizes, "eps": eps, "elementwise_affine": affine}


def _layer_centres(call: OpCall) -> int | None:
    """Over the features of a sequence, the mean of every position goes; a bias of a line's channels with it."""
    if _by_features(call) and call.x.rank == 2:
        return 0
    return None


LAYER_NORM = Op(
    name="layer_norm", family="normalisation", reads="sequence",
    doc="Every sample by itself with mean 0 and variance 1 (Ba et al. 2016): over the features of each position, "
    "over the channels of each place of a map, or over all numbers of the sample.",
    shape=_layer_shape, weights=_layer_weights, torch=Module(_layer_target, _layer_arguments),
    habit=("", "eps", "affine"),
    centres=_layer_centres,
    args=(Arg("over", Words(("features", "all")), "features", "what mean and variance are taken over"), EPS, AFFINE),
    example=flow("[49, 64]", "layer_norm"),
)


def _rms_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 1, 2, 3, 4)
    known(features_of(x), "features")
    return x


def _rms_target(call: OpCall) -> str:
    # torch's runs over the last axis, where a map has its columns.
    if call.x.rank >= 3:
        return "archlang.layers.ChannelRMSNorm"
    return "torch.nn.RMSNorm"


def _rms_arguments(call: OpCall) -> Mapping[str, Any]:
    features, eps, affine = features_of(call.x), call["eps"], call["affine"]
    if call.x.rank >= 3:
        return {"channels": features, "eps": eps, "affine": affine}
    return {"normalized_shape": features, "eps": eps, "elementwise_affine": affine}


def _rms_weights(call: OpCall) -> tuple[Weight, ...]:
    if not call["affine"]:
        return ()
    return (Weight("weight", (features_of(call.x),)),)


RMS_NORM = Op(
    name="rms_norm", family="normalisation", reads="sequence",
    doc="Every position, or place of a map, over the root of its mean square, times a learned scale: "
    "w x / sqrt(mean(x^2) + eps) (Zhang and Sennrich 2019, eq. 4). The mean stays.",
    shape=_rms_shape, weights=_rms_weights, torch=Module(_rms_target, _rms_arguments),
    habit=("", "eps", "affine"),
    args=(
        Arg("eps", Real(0, above=True), 1e-6, "added to the mean square"),
        Arg("affine", Flag(), True, "whether a scale is learned"),
    ),
    example=flow("[49, 64]", "rms_norm"),
)


def _group_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 1, 2, 3, 4, words=LINES)
    channels = known(x.dims[0], "channels")
    need_divides(call["groups"], channels, "groups must divide the channels", "groups")

    # The variance of one number is 0: every result would be the shift, whatever came in.
    values = channels // call["groups"] * product(x.dims[1:])
    need_at_least(values, 2, "empty-map", "a group of one number has no variance", "groups")
    return x


def _group_weights(call: OpCall) -> tuple[Weight, ...]:
    return _affine(call, (call.x.dims[0],))


def _group_centres(call: OpCall) -> int | None:
    """A group of one channel takes that channel's own mean off; a larger one leaves differences of means."""
    if call["groups"] == call.x.dims[0]:
        return 0
    return None


GROUP_NORM = Op(
    name="group_norm", family="normalisation", reads="line",
    doc="Every group of channels of a sample with mean 0 and variance 1 (Wu and He 2018).",
    shape=_group_shape, weights=_group_weights,
    centres=_group_centres,
    torch=Module("torch.nn.GroupNorm", lambda call: {
        "num_groups": call["groups"], "num_channels": call.x.dims[0], "eps": call["eps"], "affine": call["affine"],
    }),
    habit=("groups", "", "eps", "affine"),
    args=(Arg("groups", Int(1), doc="groups that the channels are cut into"), EPS, AFFINE),
    example=flow("[32, 16, 16]", "group_norm(8)"),
)


def _instance_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 2, 3, 4, words=LINES)
    known(x.dims[0], "channels")
    need_at_least(product(x.dims[1:]), 2, "empty-map", "an instance norm over a single place has no variance")
    return x


def _instance_weights(call: OpCall) -> tuple[Weight, ...]:
    features = known(call.x.dims[0], "channels")
    return *_affine(call, (features,)), *_running(call, features)


INSTANCE_NORM = Op(
    name="instance_norm", family="normalisation", reads="line",
    doc="Every channel of a sample with mean 0 and variance 1 over its places (Ulyanov et al. 2016).",
    shape=_instance_shape, weights=_instance_weights, centres=each_channel,
    torch=Module(lambda call: f"torch.nn.InstanceNorm{call.x.rank - 1}d", _batch_arguments),
    habit=("", "eps", "momentum", "affine", "running"),
    args=(
        EPS,
        Arg("momentum", Real(0, 1), 0.1, "weight of a batch in the running statistics"),
        # Both are off where nothing is said, as in torch.
        Arg("affine", Flag(), False, "whether a scale and a shift are learned"),
        Arg("running", Flag(), False, "whether running statistics are kept and used in evaluation mode"),
    ),
    example=flow("[32, 16, 16]", "instance_norm"),
)


def _standard_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 1)
    known(x.dims[0], "clusters")
    return x


STANDARDIZE = Op(
    name="standardize", family="normalisation", gives=("standardised",),
    doc="The relevance of each cluster with mean 0 and deviation 1, nothing learned: what neural mixture EM makes "
    "distributions of (Tissera 2023, eq. 4.11). In evaluation by running statistics.",
    shape=_standard_shape, centres=each_channel,
    weights=lambda call: (
        Weight("mean", call.x.dims, trained=False), Weight("variance", call.x.dims, trained=False),
        # How many batches the statistics have seen: the first one replaces their start instead of averaging with it.
        Weight("seen", (), trained=False, dtype="int64"),
    ),
    torch=Module("archlang.layers.Standardize", lambda call: {
        "clusters": call.x.dims[0], "statistics": call["statistics"], "momentum": call["momentum"]}),
    args=(
        Arg("statistics", Words(("running", "batch")), "running", "in training: running statistics that the batch has "
            "just moved, or the batch's own"),
        Arg("momentum", Real(0, 1, above=True), 0.1, "weight of the newest batch in the running statistics"),
    ),
    example=flow("[64]", "linear(10) -> standardize"),
)

OPS = (BATCH_NORM, LAYER_NORM, RMS_NORM, GROUP_NORM, INSTANCE_NORM, STANDARDIZE)
