"""A pair of layers in shares: `f(w) -> each channel by itself -> g(c)  -->  n times f(w / n) -> ... -> g(c)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archlang.ops import CATALOGUE
from archlang.syntax.tree import Argument, As, Binary, Call, Expr, Parens
from archlang.transform.sequence import arguments_of, bare, stage_name

WIDTHS = {"linear": 0, "conv": 1, "conv1d": 1, "conv3d": 1}
"""The layers of a pair, each with the place of its width among the arguments."""

BY_CHANNEL = ("batch_norm", "dropout", "drop_channels", "depthwise_conv", "depthwise_conv1d", "depthwise_conv3d",
              "max_pool", "max_pool1d", "max_pool3d", "avg_pool", "avg_pool1d", "avg_pool3d", "upsample")
"""Operations beside activations that work on each channel by itself."""

ACROSS = ("softmax", "log_softmax", "glu")
"""Activations that see several channels at once."""


@dataclass(frozen=True)
class LayerPair:
    """The steps of a flow from `start` to before `stop`."""

    start: int
    stop: int


def splittable(steps: Sequence[Expr]) -> LayerPair | None:
    """The pair of layers in a flow that can be split, with what stands between; None where there is none."""
    layers = [i for i, step in enumerate(steps) if stage_name(bare(step)) in WIDTHS]
    if len(layers) != 2:
        return None

    first, last = layers
    # A group sees some channels of its own, and a share would hold half of one.
    if any(argument.name == "groups" for i in layers for argument in arguments_of(bare(steps[i]))):
        return None
    if not all(_by_channel(step) for step in steps[first + 1 : last]):
        return None
    if _width(steps[first]) is None:
        return None
    return LayerPair(first, last + 1)


def shared_out(steps: Sequence[Expr], count: Expr) -> list[Expr]:
    """The steps with the width of the pair divided by the number of shares."""
    start = next(i for i, step in enumerate(steps) if stage_name(bare(step)) in WIDTHS)
    first = bare(steps[start])
    at = _width(first)
    assert isinstance(first, Call) and at is not None, "`splittable` found a width"

    width = arguments_of(first)[at].value
    # `a + b / n` would divide `b` alone.
    if isinstance(width, Binary):
        width = Parens(width)

    arguments = list(arguments_of(first))
    arguments[at] = Argument(arguments[at].name, Binary("/", width, count))
    call = replace(first, arguments=tuple(arguments))
    return [*steps[:start], _in_place(steps[start], call), *steps[start + 1 :]]


def _width(step: Expr) -> int | None:
    """The place of a layer's width among its arguments."""
    call = bare(step)
    for i, argument in enumerate(arguments_of(call)):
        if argument.name in ("features", "channels"):
            return i
        if argument.name is None and i == WIDTHS[stage_name(call)]:
            return i
    return None


def _by_channel(step: Expr) -> bool:
    """Tell whether a step works on each channel by itself."""
    name = stage_name(bare(step))
    op = CATALOGUE.ops.get(name)
    activation = op is not None and op.family == "activation" and name not in ACROSS
    return activation or name in BY_CHANNEL


def _in_place(step: Expr, call: Call) -> Expr:
    """A step with another call in it, its name by `as` and its parentheses kept."""
    if isinstance(step, Parens):
        return replace(step, inner=_in_place(step.inner, call))
    if isinstance(step, As):
        return replace(step, step=_in_place(step.step, call))
    return call
