"""Functions of each number by itself, beside the activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archlang.ops.kinds import Fault, Real
from archlang.ops.model import Arg, Function, Op, OpCall
from archlang.ops.rules import flow
from archlang.shapes import Tensor


def _same(call: OpCall) -> Tensor:
    return call.x


def _plain(name: str, doc: str, before: str = "") -> Op:
    return Op(
        name=name, family="element-wise", doc=doc, shape=_same, torch=Function(f"torch.{name}"),
        example=flow("[32, 16, 16]", f"{before}{name}"),
    )


def _with(name: str, doc: str, example: str, arguments: Callable[[OpCall], Mapping[str, Any]], *args: Arg,
          shape: Callable[[OpCall], Tensor] = _same) -> Op:
    return Op(
        name=name, family="element-wise", doc=doc, shape=shape, torch=Function(f"torch.{name}", arguments), args=args,
        example=flow("[32, 16, 16]", example),
    )


def _clamp_shape(call: OpCall) -> Tensor:
    low, high = call["low"], call["high"]
    if low is None and high is None:
        message = "`clamp` needs a smallest number, a largest one, or both: `clamp(low = 0, high = 6)`"
        raise Fault("missing-argument", message)
    if low is not None and high is not None and low > high:
        raise Fault("out-of-range", f"no number lies between {low} and {high}", argument="high")
    return call.x


OPS = (
    _plain("abs", "The number without its sign."),
    _plain("neg", "Minus the number."),
    _plain("sign", "-1, 0 or 1; its gradient is 0."),
    _plain("square", "The number times itself."),
    _plain("exp", "e to the power of the number."),
    _plain("log", "The natural logarithm; of 0 minus infinity, of a negative number no number.", "softplus -> "),
    _plain("sqrt", "The square root; of a negative number no number.", "relu -> "),
    _plain("rsqrt", "One over the square root.", "softplus -> "),
    _plain("reciprocal", "One over the number.", "softplus -> "),
    _plain("sin", "The sine, of an angle in radians."),
    _plain("cos", "The cosine, of an angle in radians."),
    _plain("floor", "The largest whole number that is no larger; its gradient is 0."),
    _plain("round", "The nearest whole number, a half to the even one; its gradient is 0."),
    _with("pow", "The number to a power; a negative number to a power that is no whole number is no number.", "pow(2)",
          lambda call: {"exponent": call["p"]}, Arg("p", Real(), doc="the power")),
    _with("clamp", "The number itself between two bounds, the nearer bound outside.", "clamp(low = 0, high = 6)",
          lambda call: {"min": call["low"], "max": call["high"]},
          Arg("low", Real(), None, "the smallest number; auto: no bound"),
          Arg("high", Real(), None, "the largest number; auto: no bound"), shape=_clamp_shape),
)
