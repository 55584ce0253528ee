"""Recurrent layers over the positions of a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.kinds import Fault, Flag, Int, Real, TensorKind, Words
from archlang.ops.model import Arg, Module, Op, OpCall, Weight
from archlang.ops.rules import flow, known, need_rank
from archlang.ops.whole import need_lengths
from archlang.shapes import Dim, Tensor

# torch keeps the matrices of a cell's gates one below the other, as rows of one weight.
GATES = {"lstm": 4, "gru": 3}


def _ways(call: OpCall) -> int:
    """The number of directions in which the sequence is read."""
    if call["bidirectional"]:
        return 2
    return 1


def _shape(call: OpCall) -> Tensor | tuple[Tensor, ...]:
    """[features] with `give = last`, else [positions, features]; both directions' states end to end.

    With `give = states` the last states of all layers and directions, [layers, hidden], and the cells where there are.
    """
    x = need_rank(call, 2)
    known(x.dims[1], "features")
    if call["lengths"] is not None:
        need_lengths(call, call["lengths"].index, x.dims[0], "a recurrent layer")
    for name in ("state", "cell"):
        _check_start(call, name)

    # torch only warns, and drops nothing: a network would not be the one that was written.
    if call["dropout"] and call["layers"] == 1:
        raise Fault("out-of-range", "dropout lies between layers: with one layer there is none", argument="dropout")

    if call["give"] == "states":
        last = Tensor((call["layers"] * _ways(call), call["hidden"]))
        if "cell" in call.args:
            return last, last
        return last

    leaving = _ways(call) * call["hidden"]
    if call["give"] == "last":
        return Tensor((leaving,))
    return Tensor((x.dims[0], leaving))


def _check_start(call: OpCall, name: str) -> None:
    """Raise shape-mismatch where states that a layer starts with are not as many as it has."""
    start = None
    if name in call.args:
        start = call.tensor(name)
    if start is None:
        return

    count, hidden = call["layers"] * _ways(call), call["hidden"]
    fitting: tuple[Dim, ...] = (count, hidden)
    # A single state may come as a vector.
    if count == 1 and start.rank == 1:
        fitting = (hidden,)
    if start.dims != fitting:
        raise Fault("shape-mismatch", f"these start {count} states of {hidden} features, {Tensor(fitting)}",
                    input=call[name].index, label=f"this is {start}")


def _cells(call: OpCall) -> list[tuple[str, int]]:
    """Each cell's suffix in torch's names, and the features that enter it."""
    # Every layer but the first reads the states of both directions below it.
    entering = [known(call.x.dims[1], "features")] + [_ways(call) * call["hidden"]] * (call["layers"] - 1)
    ways = ("", "_reverse")[: _ways(call)]

    cells = []
    for layer, size in enumerate(entering):
        for way in ways:
            cells.append((f"l{layer}{way}", size))
    return cells


def _recurrent(name: str, doc: str) -> Op:
    gates = GATES[name]

    def weights(call: OpCall) -> tuple[Weight, ...]:
        rows = gates * call["hidden"]
        weights: list[Weight] = []
        for suffix, entering in _cells(call):
            weights.append(Weight(f"weight_ih_{suffix}", (rows, entering)))
            weights.append(Weight(f"weight_hh_{suffix}", (rows, call["hidden"])))
            # Two biases of one sum, as cuDNN has them: one would do, but the names in `state_dict` are torch's.
            if call["bias"]:
                weights += [Weight(f"bias_ih_{suffix}", (rows,)), Weight(f"bias_hh_{suffix}", (rows,))]
        return tuple(weights)

    def flops(call: OpCall) -> Dim:
        """Two for every weight of a matrix at every position."""
        hidden: int = call["hidden"]
        return 2 * call.x.dims[0] * sum(gates * hidden * (entering + hidden) for _, entering in _cells(call))

    def arguments(call: OpCall) -> Mapping[str, Any]:
        return {
            "features": call.x.dims[1], "hidden": call["hidden"], "layers": call["layers"],
            "bidirectional": call["bidirectional"], "give": call["give"],
            "bias": call["bias"], "dropout": call["dropout"],
        }

    start = [Arg("state", TensorKind(), None, "where the states start, [hidden] or [layers, hidden] of all layers and "
                 "directions; auto: zeros")]
    # A gated recurrent unit has no cells beside its states.
    if name == "lstm":
        start.append(Arg("cell", TensorKind(), None, "the same of the cells; auto: zeros"))

    return Op(
        name=name, family="recurrent", doc=doc, whole=("lengths",), shape=_shape, weights=weights, flops=flops,
        gives=("sequence",),
        torch=Module(f"archlang.layers.{name.upper()}", arguments),
        habit=("", "hidden", "layers", "bias"),
        args=(
            Arg("hidden", Int(1), doc="features of the state"),
            # The weights of each layer are listed one by one: an unbounded number would hold up the check of a file.
            Arg("layers", Int(1, 64), 1, "cells on top of each other"),
            Arg("bidirectional", Flag(), False, "whether a second one reads from the end, and both states leave"),
            Arg("give", Words(("last", "all", "states")), "all", "the state after the last position, after each one, "
                "or the last ones of all layers and directions (of an LSTM a bundle: states, cells)"),
            Arg("bias", Flag(), True, "whether the cells have one"),
            Arg("dropout", Real(0, 1), 0.0, "probability of leaving out a number between layers, in training"),
            Arg("lengths", TensorKind(), None, "how many positions of each sample count, [1], from 1 on; states past "
                "them are zeros, and the last one is that of the last that counts; auto: all"),
            *start,
        ),
        example=flow("[49, 64]", f"{name}(32, give = last) -> linear(10)"),
    )


OPS = (
    _recurrent("lstm", "Long short-term memory (Hochreiter and Schmidhuber 1997) over a sequence's positions."),
    _recurrent("gru", "Gated recurrent units (Cho et al. 2014) over a sequence's positions."),
)
