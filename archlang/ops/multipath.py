"""Routing, residual mixing and a network's inputs in the graph; files write structures, not these names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.ops.kinds import Fault, Int, Real
from archlang.ops.model import Arg, Function, Module, Op, OpCall, Weight
from archlang.ops.rules import features_of, known, need_equal, need_members
from archlang.shapes import Dim, Tensor


def router_features(call: OpCall) -> int:
    """Return what a gate sees of the first input: its channels or features, as a number. Raises symbolic-parameters."""
    return known(features_of(call.x), "channels under a router")


def _gates_shape(call: OpCall) -> Tensor:
    need_members(call, "a router")
    router_features(call)  # refuses a symbolic number of them
    return Tensor((len(call.inputs), call["outputs"]))


def _gates_weights(call: OpCall) -> tuple[Weight, ...]:
    """The linear layers of all gates, squeeze and excite (eq. 3.4-3.5); a single one without hidden units (eq. 3.9)."""
    inputs, outputs, hidden, features = len(call.inputs), call["outputs"], call["hidden"], router_features(call)
    if not hidden:
        return (Weight("weight", (inputs, outputs, features)),)
    return Weight("squeeze", (inputs, hidden, features)), Weight("excite", (inputs, outputs, hidden))


def _gates_flops(call: OpCall) -> Dim:
    # A gate sees means over places: each weight counts once a sample, whatever the map's size.
    return 2 * sum((w.numel for w in _gates_weights(call)), 0)


def _gates_arguments(call: OpCall) -> Mapping[str, Any]:
    return {
        "inputs": len(call.inputs), "outputs": call["outputs"], "features": router_features(call),
        "hidden": call["hidden"],
    }


GATES = Op(
    name="gates", family="multipath", internal=True, takes="bundle", taps=((0, ""),), drawn="gates", gives=("gates",),
    copies=True,  # each input has a gate of its own, so that plain copies of one tensor get different weights
    doc="The gates of a router: for each input, one weight for each output, worked out from the input itself; "
    "those of one input sum to 1 (Tissera 2023, eq. 3.3-3.5; without hidden units eq. 3.9).",
    shape=_gates_shape, weights=_gates_weights, flops=_gates_flops,
    torch=Module("archlang.layers.Gates", _gates_arguments),
    args=(
        Arg("hidden", Int(0), 16, "hidden units of each gate; 0: a single dense map"),
        Arg("outputs", Int(1), doc="tensors that leave the router"),
    ),
)


def _combine_shape(call: OpCall) -> Tensor | tuple[Tensor, ...]:
    """One tensor an output, each as the members are; with `column`, that one alone."""
    gates, *members = call.inputs
    # The first input is no member: the rule for members must not compare it with them.
    x = need_members(OpCall(tuple(members), call.args), "a router")
    if gates != Tensor((len(members), call["outputs"])):
        text = f"gates {gates} do not fit {len(members)} inputs and {call['outputs']} outputs"
        raise Fault("router-inputs", text)

    if call["column"] is not None:
        return x
    return (x,) * int(call["outputs"])


def _combine_flops(call: OpCall) -> Dim:
    """Each number of each input once for every output, multiplied and added."""
    # `inputs[0]` is the gates; the members follow.
    return 2 * call.inputs[1].elements * (len(call.inputs) - 1) * len(call.outputs)


COMBINE = Op(
    name="combine", family="multipath", internal=True, takes="bundle", drawn="sum", weighted=True, copies=True,
    doc="What leaves a router: each output is the sum of all inputs, weighted by their gates (Tissera 2023, eq. 3.7); "
    "with `column`, that output alone (the sum in eq. 3.6).",
    shape=_combine_shape, flops=_combine_flops,
    torch=Function("archlang.layers.combine", lambda call: {"column": call["column"]}),
    args=(
        Arg("column", Int(0), None, "the output wanted; auto: all of them"),
        Arg("outputs", Int(1), doc="tensors that leave the router"),
    ),
)


def _stitch_shape(call: OpCall) -> tuple[Tensor, ...]:
    return (need_members(call, "cross_stitch"),) * int(call["outputs"])


STITCH = Op(
    name="stitch", family="multipath", internal=True, takes="bundle", drawn="sum", copies=True,
    doc="Each output is a sum of all inputs; its weights are learned and do not depend on them "
    "(Misra et al. 2016, eq. 1).",
    shape=_stitch_shape,
    weights=lambda call: (Weight("weight", (len(call.inputs), call["outputs"])),),
    flops=lambda call: 2 * call.x.elements * len(call.inputs) * call["outputs"],
    torch=Module("archlang.layers.Stitch", lambda call: {"inputs": len(call.inputs), "outputs": call["outputs"]}),
    args=(Arg("outputs", Int(1), doc="tensors that leave"),),
)

def _mix_weights(call: OpCall) -> tuple[Weight, ...]:
    """A learned beta is kept before its sigmoid, as one number."""
    if call["beta"] is None:
        return (Weight("logit", ()),)
    return ()


MIX = Op(
    name="mix", family="multipath", internal=True,
    doc="beta f(x) + (1 - beta) x of the inputs x and f(x); beta is learned through a sigmoid, or fixed.",
    shape=lambda call: need_equal(call, "residual"),
    weights=_mix_weights,
    torch=Module("archlang.layers.Mix", lambda call: {"beta": call["beta"]}),
    args=(Arg("beta", Real(0, 1), None, "auto: learned"),),
)

INPUT = Op(
    name="input", family="multipath", internal=True, drawn="end",
    doc="An input of the network; its type is that of the declaration.",
    shape=lambda call: call.y, torch=Module("torch.nn.Identity"),
)

OPS = (INPUT, GATES, COMBINE, STITCH, MIX)
