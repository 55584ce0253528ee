"""Readers of operations on every number by itself: activations, noise, and tensors that pass as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from archlang.importing.held import Held, Known, Ref
from archlang.importing.layouts import merged, rows, unrolled
from archlang.importing.reader import AXES, NoWordError, StepReader, origin
from archlang.importing.steps import Static, Word

SAME = (
    "relu", "relu6", "silu", "mish", "hardswish", "hardsigmoid", "sigmoid", "tanh", "selu", "abs", "neg", "sign",
    "square", "exp", "log", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "floor", "round",
)
"""Operations that both sides call the same and that take nothing else."""

PASSED = (
    "contiguous", "clone", "alias", "detach", "lift_fresh_copy", "lift_fresh", "to", "_to_copy", "type_as", "float",
    "positive", "identity", "requires_grad",
)
"""Operations that leave every number as it is."""


def pointwise(r: StepReader, ref: Ref, op: str, args: Mapping[str, Static] | None = None) -> Ref:
    """A step that works on each number by itself: the axes may stay as they are turned."""
    made = r.step(op, (ref.value,), r.sizes[ref.value], args)
    return ref.on(made.value)


def first_of(call: Mapping[str, Any]) -> Any:
    """The tensor, which torch declares as `self` or as `input`."""
    return call.get("self", call.get("input"))


def _same(r: StepReader, call: Mapping[str, Any], op: str) -> Ref:
    return pointwise(r, r.loose(first_of(call)), op)


def _passed(r: StepReader, call: Mapping[str, Any]) -> Held:
    held: Held = first_of(call)
    return held


def _argument(
    r: StepReader, call: Mapping[str, Any], op: str, name: str, ours: str, default: float,
    fixed: Mapping[str, float] = {},
) -> Ref:
    """An activation with one number; `fixed` are further ones that must be what the language has."""
    # torch has more numbers here than the language, which takes the usual ones.
    for other, wanted in fixed.items():
        if call[other] != wanted:
            raise NoWordError(f"its `{other}` is {call[other]}, and only {wanted} is known")
    args: dict[str, Static] = {}
    if call[name] != default:
        args[ours] = float(call[name])
    return pointwise(r, r.loose(first_of(call)), op, args)


def _gelu(r: StepReader, call: Mapping[str, Any]) -> Ref:
    args: dict[str, Static] = {}
    if call["approximate"] != "none":
        args["approximate"] = Word(call["approximate"])
    return pointwise(r, r.loose(call["self"]), "gelu", args)


def _clamped(r: StepReader, call: Mapping[str, Any], low: str | None, high: str | None) -> Ref:
    # An operation with one bound has no word for the other.
    least, most = call.get(low or ""), call.get(high or "")
    for bound in (least, most):
        if bound is not None and not isinstance(bound, int | float):
            raise NoWordError("its bounds are tensors")

    # The usual pair of bounds has a name of its own.
    ref = r.loose(first_of(call))
    if least == 0 and most == 6:
        return pointwise(r, ref, "relu6")
    args: dict[str, Static] = {}
    if least is not None:
        args["low"] = least
    if most is not None:
        args["high"] = most
    return pointwise(r, ref, "clamp", args)


def _prelu(r: StepReader, call: Mapping[str, Any]) -> Ref:
    weight = call["weight"]
    if not isinstance(weight, Known):
        raise NoWordError("its slopes are calculated from the input")

    value = r.plain(r.tensor(call["self"]))
    # One slope for all is what the language has unless it is told.
    args: dict[str, Static] = {}
    if weight.shape != (1,):
        args["params"] = Word("channels")
    return r.step("prelu", (value,), r.sizes[value], args, {"weight": origin(weight)})


def _pow(r: StepReader, call: Mapping[str, Any]) -> Ref:
    exponent = call["exponent"]
    if not isinstance(exponent, int | float):
        raise NoWordError("its power is a tensor")
    ref = r.loose(call["self"])
    if exponent == 2:
        return pointwise(r, ref, "square")
    return pointwise(r, ref, "pow", {"p": exponent})


def softmax(r: StepReader, call: Mapping[str, Any], op: str) -> Ref:
    ref = merged(r, r.loose(call["self"]))
    axis = r.axis(ref, call["dim"])
    if len(r.sizes[ref.value]) in AXES:
        made = r.step(op, (ref.value,), r.sizes[ref.value], {"axis": r.word(ref, axis)})
        return ref.on(made.value)

    # Axes of larger tensors have no words: they become rows of what the softmax is over.
    if call["dim"] % len(ref.dims) != len(ref.dims) - 1:
        raise NoWordError("it runs over an axis that is neither named nor the last one")
    value, laid = rows(r, ref)
    made = r.step(op, (value,), r.sizes[value], {"axis": Word("features")})
    return unrolled(r, made.value, laid)


def _dropout(r: StepReader, call: Mapping[str, Any], op: str) -> Held:
    """Noise that only training sees: it stands in the exported graph of a model in evaluation mode, too."""
    held: Held = first_of(call)
    if not call["p"] or not isinstance(held, Ref):
        return held
    return pointwise(r, held, op, {"p": float(call["p"])})


def _glu(r: StepReader, call: Mapping[str, Any]) -> Ref:
    ref = r.tensor(call["self"])
    value = r.plain(ref)
    plain = Ref.of(value, range(len(ref.order)))
    axis = r.axis(plain, call["dim"])
    sizes = list(r.sizes[value])
    sizes[axis] //= 2
    return r.step("glu", (value,), sizes, {"axis": r.word(plain, axis)})


READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    **{name: partial(_same, op=name) for name in SAME},
    **dict.fromkeys(PASSED, _passed),
    "gelu": _gelu,
    "leaky_relu": partial(_argument, op="leaky_relu", name="negative_slope", ours="negative_slope", default=0.01),
    "elu": partial(_argument, op="elu", name="alpha", ours="alpha", default=1.0, fixed={"scale": 1, "input_scale": 1}),
    "celu": partial(_argument, op="celu", name="alpha", ours="alpha", default=1.0),
    "softplus": partial(_argument, op="softplus", name="beta", ours="beta", default=1.0, fixed={"threshold": 20}),
    "hardtanh": partial(_clamped, low="min_val", high="max_val"),
    "clamp": partial(_clamped, low="min", high="max"),
    "clip": partial(_clamped, low="min", high="max"),
    "clamp_min": partial(_clamped, low="min", high=None),
    "clamp_max": partial(_clamped, low=None, high="max"),
    "prelu": _prelu,
    "pow": _pow,
    "softmax": partial(softmax, op="softmax"),
    "_softmax": partial(softmax, op="softmax"),
    "log_softmax": partial(softmax, op="log_softmax"),
    "glu": _glu,
    "dropout": partial(_dropout, op="dropout"),
    "feature_dropout": partial(_dropout, op="drop_channels"),
}
