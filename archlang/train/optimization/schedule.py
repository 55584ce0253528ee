"""Learning rates as plain functions of time: the epochs or steps into a phase give the next step's rate.

A curve gets the rate that it starts at, the time `at` since its origin, its length `epochs`, and its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import cos, pi
from typing import Any

from archlang.diagnostics import ArchError, error
from archlang.graph.plan import Phase
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import ScheduleFacts
from archlang.ops.values import Option, Weighted

Curve = Callable[[float, float, float, Mapping[str, Any]], float]


def constant(start: float, at: float, epochs: float, args: Mapping[str, Any]) -> float:
    """The same rate throughout, or until the last `cooldown` epochs, in which it falls evenly to 0.

    >>> [constant(1.0, at, 10, {"cooldown": 4}) for at in (0, 6, 7, 9)]
    [1.0, 1.0, 0.75, 0.25]
    """
    cooldown = float(args.get("cooldown", 0.0))
    if not cooldown:
        return start
    return start * min(1.0, (epochs - at) / cooldown)


def poly(start: float, at: float, epochs: float, args: Mapping[str, Any]) -> float:
    """`to + (start - to) (1 - at / epochs)^power`; `to` is a rate.

    >>> [round(poly(1.0, at, 4, {"power": 2.0}), 4) for at in (0, 1, 2, 4)]
    [1.0, 0.5625, 0.25, 0.0]
    """
    to = float(args.get("to", 0.0))
    left: float = (1 - at / epochs) ** float(args.get("power", 0.9))
    return to + (start - to) * left


def cosine(start: float, at: float, epochs: float, args: Mapping[str, Any]) -> float:
    """`to + (start - to) (1 + cos(pi at / epochs)) / 2` (Loshchilov and Hutter 2017, eq. 5); `to` is a rate.

    >>> [round(cosine(1.0, at, 4, {}), 3) for at in (0, 1, 2, 4)]
    [1.0, 0.854, 0.5, 0.0]
    """
    to = float(args.get("to", 0.0))
    return to + (start - to) * (1 + cos(pi * at / epochs)) / 2


def steps(start: float, at: float, epochs: float, args: Mapping[str, Any]) -> float:
    """The rate times `by` at each of the epochs `at`.

    >>> [steps(1.0, at, 10, {"at": (4, 8), "by": 0.5}) for at in (3.9, 4, 9)]
    [1.0, 0.5, 0.25]
    """
    # A fraction of an epoch counts: the factor comes with the first step of its epoch.
    passed = sum(at >= epoch for epoch in args.get("at", ()))
    by = float(args.get("by", 0.1))
    return start * float(by**passed)


def linear(start: float, at: float, epochs: float, args: Mapping[str, Any]) -> float:
    """A straight line from the start to the rate `to` (0) at the end."""
    to = float(args.get("to", 0.0))
    return start + (to - start) * at / epochs


def restarts(start: float, at: float, epochs: float, args: Mapping[str, Any]) -> float:
    """Cosines one after the other, the first `first` long, each `times` as long as the one before (SGDR).

    >>> [round(restarts(1.0, at, 7, {"first": 1, "times": 2}), 3) for at in (0, 0.5, 1, 2, 3, 5)]
    [1.0, 0.5, 1.0, 0.5, 1.0, 0.5]
    """
    length, times = float(args["first"]), float(args.get("times", 1.0))
    if times == 1.0:
        at %= length  # at once: the loop would take as many turns as there were restarts
    while at >= length:
        at -= length
        length *= times
    return cosine(start, at, length, args)


def one_cycle(start: float, at: float, epochs: float, args: Mapping[str, Any]) -> float:
    """By half a cosine from a small rate up to `start`, by another down to a smaller one (Smith and Topin 2019).

    >>> args = {"rise": 0.5, "start": 10, "end": 100}
    >>> [round(one_cycle(1.0, at, 4, args), 3) for at in (0, 1, 2, 3, 4)]
    [0.1, 0.55, 1.0, 0.5, 0.001]
    """
    first, up = start / float(args["start"]), float(args["rise"]) * epochs

    if at < up:
        return cosine(first, at, up, {"to": start})
    # A rise that takes the whole phase leaves nothing to come down in.
    return cosine(start, at - up, max(epochs - up, 1e-9), {"to": first / float(args["end"])})


CURVES: Mapping[str, Curve] = {
    "constant": constant,
    "poly": poly,
    "cosine": cosine,
    "steps": steps,
    "linear": linear,
    "restarts": restarts,
    "one_cycle": one_cycle,
}
"""Curves by the names that files use; `ops/settings_optimising.py` states their arguments and facts."""


def rate(lr: Weighted | None, base: float, at: float, epochs: float) -> float:
    """The learning rate `at` epochs (a fraction counts the steps within one) into a phase of so many epochs.

    In a phase that counts steps, both are steps.

    `base` is the optimiser's rate; the curve, or sum of curves, starts at it times its factor. A curve's `warmup`
    raises the rate from near zero over its first epochs, then the curve takes the rest of the phase.

    >>> half = Weighted(((0.5, Option("constant", "schedule", {"warmup": 2})),))
    >>> [rate(half, 0.1, at, 10) for at in (0, 1, 2, 9)]
    [0.0, 0.025, 0.05, 0.05]
    """
    if lr is None:
        return base
    return sum(_curve(base * factor, option, at, epochs) for factor, option in lr.terms)


def check(phases: Sequence[Phase]) -> None:
    """Raises `ArchError`: bad-phase for a warm-up as long as its phase, not-available for an unknown curve."""
    problems = []
    for phase in phases:
        if phase.lr is None:
            continue
        for _, option in phase.lr.terms:
            if option.name not in CURVES:
                message = f"the curve `{option.name}` is not part of this version"
                problems.append(error("not-available", message, phase.span))
            elif _warmup(option) >= phase.length > 0:
                message = f"the warm-up of `{phase.name}` is as long as the phase"
                problems.append(error("bad-phase", message, phase.span))
            elif _warmup(option) + float(option.args.get("cooldown") or 0) > phase.length > 0:  # type: ignore[arg-type]
                message = f"the warm-up and the cool-down of `{phase.name}` are longer than the phase"
                problems.append(error("bad-phase", message, phase.span))
    if problems:
        raise ArchError(problems)


def _curve(start: float, option: Option, at: float, epochs: float) -> float:
    """The rate of one curve, its warm-up included."""
    warmup = _warmup(option)
    if at < warmup:
        return start * at / warmup

    args = {name: value for name, value in option.args.items() if value is not None}
    # A cosine spends the epochs that are left after the warm-up; those of `steps` count from the phase's start.
    origin = warmup
    if facts_of(option, ScheduleFacts).from_start:
        origin = 0.0
    return CURVES[option.name](start, at - origin, epochs - origin, args)


def _warmup(option: Option) -> float:
    value: Any = option.args.get("warmup") or 0
    return float(value)
