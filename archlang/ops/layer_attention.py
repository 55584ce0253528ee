"""Attention over layers: what `attend` and `residual(join = concat)` become in the graph (Bird 2022, section 3).

An operation `attend_KIND` is what `attend(KIND)` makes of the layers. Its first result is what leaves, its second the
attention, [layers]; a plug-in's kind is such an operation too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.kinds import Fault, Flag, Int
from archlang.ops.model import Arg, Module, Op, OpCall, Weight
from archlang.ops.rules import features_of, known, need_divides
from archlang.shapes import Dim, Tensor, product

PREFIX = "attend_"
"""The operation of the aggregator `KIND` is called `attend_KIND`."""

TAPS = ((1, ""),)
FORMS = (
    "vectors: `each { flatten -> linear(n) }`, or for any size of map `each { global_avg_pool -> linear(n) }`",
    "maps of one size: `each { conv(1x1, n) -> adaptive_avg_pool(8x8) }`",
)
"""How layers get a common form, as help."""

_FEATURES = Arg("features", Int(1), None, "features that leave; auto: as many as a layer has")


def places_of(x: Tensor) -> tuple[Dim, ...]:
    """The sizes that are no features: none of a vector, the positions of a sequence, rows and columns of a map."""
    if x.rank <= 2:
        return x.dims[:-1]
    return x.dims[1:]


def with_features(x: Tensor, features: Dim) -> Tensor:
    """`x` with so many features or channels.

    >>> str(with_features(Tensor((3, 8, 8)), 5)), str(with_features(Tensor((3,)), 5))
    ('[5, 8, 8]', '[5]')
    """
    if x.rank <= 2:
        return Tensor((*x.dims[:-1], features))
    return Tensor((features, *x.dims[1:]))


def need_layers(call: OpCall, equal: bool, what: str) -> Tensor:
    """The first of at least two layers, all at the same places; with `equal` also with as many features.

    Raises too-few-layers, unequal-members.
    """
    # The softmax over one layer is 1: attention that can learn nothing is a mistake, not a choice.
    if len(call.inputs) < 2:
        raise Fault(
            "too-few-layers", f"{what} chooses between layers, this is one alone",
            help="read out more layers: `layers { a; b; c }`, or `(a, b, c)` of tensors with names",
        )

    for index, other in enumerate(call.inputs[1:], 1):
        pair = f"layer 0 is {call.x} and layer {index} {other}"
        if other.rank != call.x.rank or places_of(other) != places_of(call.x):
            raise Fault("unequal-members", f"{what} needs layers of a common form, but {pair}", help=FORMS)
        if equal and features_of(other) != features_of(call.x):
            raise Fault("unequal-members", f"{what} needs layers of equal width, but {pair}", help=FORMS)
    return call.x


def _sizes(call: OpCall) -> tuple[int, ...]:
    """The number of features of each layer."""
    return tuple(known(features_of(x), "features under attention") for x in call.inputs)


def _leaving(call: OpCall) -> int:
    """The number of features that leave: those given, or as many as the first layer has."""
    # A recurrent one calls them `hidden`: the features of its state are what leaves.
    given: int | None = call.args.get("features") or call.args.get("hidden")
    if given is not None:
        return given
    return _sizes(call)[0]


def _contraction(entering: int, leaving: int) -> tuple[Weight, ...]:
    """The weights of the linear layer at the end, `contract`: features of all layers to those that leave."""
    return Weight("contract.weight", (leaving, entering)), Weight("contract.bias", (leaving,))


def _places(call: OpCall) -> Dim:
    return product(places_of(call.x))


def _result(call: OpCall) -> tuple[Tensor, ...]:
    """The result, at the places of the layers, and the attention, [layers]."""
    return with_features(call.x, _leaving(call)), Tensor((len(call.inputs),))


def _kind(name: str, doc: str, **more: Any) -> Op:
    """An operation `attend_NAME` on bundles, its attention open to a tap under the path of the stage."""
    more = {"taps": TAPS, "drawn": "attention", **more}
    return Op(name=PREFIX + name, family="layer_attention", doc=doc, internal=True, takes="bundle", **more)


# --- innate-static ---------------------------------------------------------------------------------------------------


def _innate_shape(call: OpCall) -> tuple[Tensor, ...]:
    # One linear layer reads them end to end, whatever the width of each.
    need_layers(call, False, "attention")
    return _result(call)


def _innate_arguments(call: OpCall) -> Mapping[str, Any]:
    return {"sizes": _sizes(call), "features": call["features"], "bypass": call["bypass"]}


INNATE_STATIC = _kind(
    "innate_static",
    "All layers end to end, then one dense map (Bird 2022, figure 5). The attention is the share of each layer's "
    "block in the norm of its weights.",
    shape=_innate_shape, weights=lambda call: _contraction(sum(_sizes(call)), call["features"]),
    flops=lambda call: 2 * sum(_sizes(call)) * _leaving(call) * _places(call),
    torch=Module("archlang.layers.InnateStatic", _innate_arguments),
    args=(
        Arg("features", Int(1), doc="features that leave"),
        Arg("bypass", Flag(), False, "whether its weights start as the mean of x and f(x)"),
    ),
)

# --- static vector ---------------------------------------------------------------------------------------------------


def _static_shape(call: OpCall) -> tuple[Tensor, ...]:
    # Unequal widths contract well to a given one; `auto` would pick the first layer's by its place alone.
    need_layers(call, call["features"] is None, "a static vector")
    return _result(call)


STATIC_VECTOR = _kind(
    "static_vector",
    "Each layer times its weight, then end to end, then a dense map; the weights are learned through a softmax and "
    "start equal (Bird 2022, section 3).",
    shape=_static_shape,
    weights=lambda call: (
        Weight("logits", (len(call.inputs),)), *_contraction(sum(_sizes(call)), _leaving(call))
    ),
    flops=lambda call: 2 * sum(_sizes(call)) * _leaving(call) * _places(call),
    torch=Module("archlang.layers.StaticVector", lambda call: {"sizes": _sizes(call), "features": _leaving(call)}),
    args=(_FEATURES,),
)

# --- self-attention --------------------------------------------------------------------------------------------------


def _self_shape(call: OpCall) -> tuple[Tensor, ...]:
    # Queries, keys and values come of one projection for all layers, and are compared with each other.
    need_layers(call, True, "self-attention")
    need_divides(call["heads"], _sizes(call)[0], "heads must divide the layers' features", "heads")
    layers = len(call.inputs)
    return *_result(call), Tensor((call["heads"], layers, layers))


def _self_weights(call: OpCall) -> tuple[Weight, ...]:
    size = _sizes(call)[0]
    return (
        # Queries, keys and values one below the other: three linear layers in one product.
        Weight("project.weight", (3 * size, size)), Weight("project.bias", (3 * size,)),
        *_contraction(size * len(call.inputs), _leaving(call)),
    )


def _self_flops(call: OpCall) -> Dim:
    """Queries and keys once a layer, values, their sums and the contraction at every place."""
    layers, size, places = len(call.inputs), _sizes(call)[0], _places(call)

    # Queries and keys see the mean over places: their share does not grow with the map, that of the values does.
    scores = 2 * size + layers
    sums = size + layers + _leaving(call)
    return 2 * layers * size * (scores + sums * places)


def _self_arguments(call: OpCall) -> Mapping[str, Any]:
    size = _sizes(call)[0]
    return {"layers": len(call.inputs), "size": size, "heads": call["heads"], "features": _leaving(call)}


SELF_ATTENTION = _kind(
    "self_attention",
    "softmax(Q K' / sqrt(d)) V over the layers in each head, the results end to end, then a dense map (Bird 2022, "
    "section 3; Vaswani et al. 2017, eq. 1). Queries and keys see the mean over a map's places.",
    shape=_self_shape, weights=_self_weights, flops=_self_flops, taps=(*TAPS, (2, "pairs")),
    torch=Module("archlang.layers.SelfAttention", _self_arguments),
    args=(Arg("heads", Int(1), 1, "heads; they share the features"), _FEATURES),
)

# --- recurrent -------------------------------------------------------------------------------------------------------


def _recurrent_shape(call: OpCall) -> tuple[Tensor, ...]:
    need_layers(call, True, "a recurrent network")
    _sizes(call)  # refuses features that are symbolic
    return _result(call)


def _recurrent_weights(call: OpCall) -> tuple[Weight, ...]:
    hidden, size = call["hidden"], _sizes(call)[0]
    return (
        # torch's names and order; an LSTM has four gates.
        Weight("lstm.weight_ih_l0", (4 * hidden, size)), Weight("lstm.weight_hh_l0", (4 * hidden, hidden)),
        Weight("lstm.bias_ih_l0", (4 * hidden,)), Weight("lstm.bias_hh_l0", (4 * hidden,)),
        *_contraction(hidden * len(call.inputs), hidden),
    )


def _recurrent_flops(call: OpCall) -> Dim:
    layers = len(call.inputs)
    hidden: int = call["hidden"]
    return (8 * layers * hidden * (_sizes(call)[0] + hidden) + 2 * layers * hidden * hidden) * _places(call)


def _recurrent_arguments(call: OpCall) -> Mapping[str, Any]:
    return {"layers": len(call.inputs), "size": _sizes(call)[0], "hidden": call["hidden"]}


RECURRENT = _kind(
    "recurrent",
    "An LSTM that reads layer after layer, its states end to end, then a dense map (Bird 2022, section 3). The "
    "attention is the share of each layer's block in the norm of that map's weights.",
    shape=_recurrent_shape, weights=_recurrent_weights, flops=_recurrent_flops,
    torch=Module("archlang.layers.RecurrentAttention", _recurrent_arguments),
    args=(Arg("hidden", Int(1), doc="features of its state, and those that leave"),),
)

# --- mean ------------------------------------------------------------------------------------------------------------


def _mean_shape(call: OpCall) -> tuple[Tensor, ...]:
    return need_layers(call, True, "a mean"), Tensor((len(call.inputs),))


MEAN = _kind(
    "mean", "The mean of the layers: equal attention that nothing learns, for comparison.", shape=_mean_shape,
    torch=Module("archlang.layers.EqualAttention", lambda call: {"layers": len(call.inputs)}),
)

OPS = (INNATE_STATIC, STATIC_VECTOR, SELF_ATTENTION, RECURRENT, MEAN)


def attends(op: Op) -> bool:
    """Tell whether an operation attends to layers; its second result is then the attention, [layers]."""
    return op.name.startswith(PREFIX) and isinstance(op.torch, Module)
