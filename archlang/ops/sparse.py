"""Paths of which an input takes one or a few: the router that chooses them (Tissera 2023, section 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.kinds import Flag, Int
from archlang.ops.model import Arg, Module, Op, OpCall, Setting, Weight
from archlang.ops.rules import flow, known
from archlang.shapes import Dim, Tensor

_ARGS = (
    Arg("hidden", Int(0), 16, "hidden units of the gate; 0: a single dense map"),
    Arg("keep", Int(1), 1, "how many paths an input takes"),
    Arg("standardized", Flag(), False, "whether the scores of every path have mean 0 and deviation 1 over inputs, as "
        "`standardize` makes them: then no path is the largest for all"),
)


def _features(call: OpCall) -> int:
    x = call.x
    return known(x.dims[-1] if x.rank == 2 else x.dims[0], "channels under a router")


def _shape(call: OpCall) -> tuple[Tensor, ...]:
    _features(call)
    return (Tensor((call["outputs"],)),) * 3


def _weights(call: OpCall) -> tuple[Weight, ...]:
    outputs, hidden, features = call["outputs"], call["hidden"], _features(call)
    kept = (
        *(Weight(f"standardize.{name}", (outputs,), trained=False) for name in ("mean", "variance")),
        Weight("standardize.seen", (), trained=False, dtype="int64"),
    ) if call["standardized"] else ()
    if not hidden:
        return Weight("weight", (1, outputs, features)), *kept
    return Weight("squeeze", (1, hidden, features)), Weight("excite", (1, outputs, hidden)), *kept


def _flops(call: OpCall) -> Dim:
    return 2 * sum((w.numel for w in _weights(call) if w.trained), 0)


def _arguments(call: OpCall) -> Mapping[str, Any]:
    return {"outputs": call["outputs"], "features": _features(call),
            **{name: call[name] for name in ("hidden", "keep", "standardized")}}


SPARSE_GATES = Op(
    name="sparse_gates", family="multipath", internal=True, taps=((0, ""), (1, "before")), gives=("", "gates"),
    before=1, sparse=True,
    doc="Weights of paths worked out from the input, the largest kept and divided by their sum; then all of them, and "
    "the relevance scores (Tissera 2023, section 5.3).",
    shape=_shape, weights=_weights, flops=_flops,
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
