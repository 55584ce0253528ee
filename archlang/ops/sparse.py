"""Paths of which an input takes one or a few: the router that chooses them (Tissera 2023, section 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.kinds import Flag, Int, Real, Words
from archlang.ops.model import Arg, Module, Op, OpCall, Setting, Weight
from archlang.ops.multipath import router_features
from archlang.ops.rules import flow
from archlang.shapes import Dim, Tensor

_ARGS = (
    Arg("hidden", Int(0), 16, "hidden units of the gate; 0: a single dense map"),
    Arg("keep", Int(1), 1, "how many paths an input takes"),
    Arg("capacity", Real(0, above=True), None, "how many inputs of a batch a path takes at most, in units of its even "
        "share, keep * inputs / paths; those that come later are turned away, and lose its weight; auto: any number"),
    Arg("shares", Words(("held", "divided", "whole")), "held", "what the kept weights are: `divided` by their sum, "
        "which has a gradient (Mixtral, GShard); the same, the sum `held` as a number, so that a single path still "
        "teaches its gate; or `whole`, their shares of all paths (Switch)"),
    Arg("standardized", Flag(), False, "whether the scores of every path have mean 0 and deviation 1 over inputs, as "
        "`standardize` makes them: then no path is the largest for all"),
)


def _shape(call: OpCall) -> tuple[Tensor, ...]:
    """The weights that are kept, all weights, and the relevance scores: [paths] each."""
    router_features(call)  # refuses a symbolic number of them
    paths = Tensor((call["outputs"],))
    return paths, paths, paths


def _statistics(call: OpCall) -> tuple[Weight, ...]:
    """The buffers of the module's `standardize`, where scores are standardised."""
    if not call["standardized"]:
        return ()
    return (
        Weight("standardize.mean", (call["outputs"],), trained=False),
        Weight("standardize.variance", (call["outputs"],), trained=False),
        Weight("standardize.seen", (), trained=False, dtype="int64"),
    )


def _weights(call: OpCall) -> tuple[Weight, ...]:
    outputs, hidden, features = call["outputs"], call["hidden"], router_features(call)
    # The leading 1 is the number of inputs: the weights are those of a dense router with a single one.
    if not hidden:
        return Weight("weight", (1, outputs, features)), *_statistics(call)
    return Weight("squeeze", (1, hidden, features)), Weight("excite", (1, outputs, hidden)), *_statistics(call)


def _flops(call: OpCall) -> Dim:
    # Statistics are buffers, with which nothing is multiplied in a product.
    return 2 * sum((w.numel for w in _weights(call) if w.trained), 0)


def _arguments(call: OpCall) -> Mapping[str, Any]:
    return {
        "outputs": call["outputs"], "features": router_features(call), "hidden": call["hidden"],
        "keep": call["keep"], "capacity": call["capacity"], "shares": call["shares"],
        "standardized": call["standardized"],
    }


def _line(args: Mapping[str, Any]) -> str:
    line = f"gates, the {args['keep']} largest"
    if args["capacity"] is not None:
        line += f", room for {args['capacity']:g} of the even share"
    return line


SPARSE_GATES = Op(
    name="sparse_gates", family="multipath", internal=True, taps=((0, ""), (1, "before")), gives=("", "gates"),
    # At inference a path of weight 0 is left out of the calculation.
    before=1, sparse=True, line=_line,
    doc="Weights of paths worked out from the input, the largest kept and divided by their sum; then all of them, and "
    "the relevance scores (Tissera 2023, section 5.3).",
    shape=_shape, weights=_weights, flops=_flops,
    # Which inputs a path has room for depends on those before them in the batch.
    rows=lambda call: call["capacity"] is None,
    torch=Module("archlang.layers.SparseGates", _arguments),
    args=(*_ARGS, Arg("outputs", Int(1), doc="paths there are")),
)

OPS = (SPARSE_GATES,)

SETTINGS = (
    Setting(
        "sparse_connection", "router", "Sends each input to one path or a few, chosen by a gate that it works out "
        "for itself; at inference the others are not calculated (Tissera 2023, section 5.3).", _ARGS,
        flow("[3, 32, 32]", "experts(4, sparse_connection(keep = 1)) { conv(3x3, 8) -> batch_norm -> relu }"),
    ),
)
