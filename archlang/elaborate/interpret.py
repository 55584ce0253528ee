"""The two dispatchers of elaboration: `evaluate` for expressions, `apply` for stages.

A flow is an expression, and a stage holds flows: the rules of each kind need the other kind. They meet here and nowhere
else. Each rule is found in `Build.rules`, which `build` fills; so no module of rules has to import another.
"""

from __future__ import annotations

from collections.abc import Callable

from archlang.elaborate.context import Build
from archlang.elaborate.scope import misplaced
from archlang.elaborate.values import (
    POISON,
    BundleValue,
    Env,
    Flowing,
    OpenWord,
    Place,
    Poison,
    Poisoned,
    Stage,
    TensorValue,
)
from archlang.ops.kinds import Fault, Kind, StageKind
from archlang.source import Span
from archlang.syntax.tree import Expr

STAGE = StageKind()


def evaluate(b: Build, expr: Expr, env: Env, expect: Kind | None = None) -> object:
    """Return the value of an expression: static, a tensor, a bundle or a stage.

    `expect` is the kind that the surroundings want: it gives bare words their meaning. Raises `Poisoned` once every
    mistake in the expression is reported.
    """
    value = b.rules.expressions[type(expr)](b, expr, env, expect)
    # A rule may hand on the poison that a name is bound to: whoever asked for a value must not go on with it.
    if isinstance(value, Poison):
        raise Poisoned
    if expect is not None:
        return settled(b, value, expect, expr.span)
    return value


def settled(b: Build, value: object, expect: Kind, at: Span) -> object:
    """Give words that were left open the meaning that the kind wants where they land, at `at`. Raises `Poisoned`."""
    # `[flip, crop(4)]` holds words too, and each is settled by the kind of the list's items.
    if isinstance(value, list):
        return [settled(b, item, getattr(expect, "item", expect), at) for item in value]
    if not isinstance(value, OpenWord):
        return value

    # Where neither a word nor a setting is wanted, a stage is let through, for a message about what it is.
    wants_stage = expect.stages or not (expect.words or expect.role)
    is_stage = wants_stage and "stage" in value.readings
    is_setting = expect.role in value.readings
    is_word = value.text in expect.words
    if not (is_stage or is_setting or is_word):
        raise misplaced(b, value, expect, at)
    return evaluate(b, value.expr, value.env, expect)


def known(b: Build, expr: Expr, env: Env, expect: Kind | None = None) -> object:
    """Return the same value, but poison where `evaluate` raises: to go on and find more mistakes."""
    try:
        return evaluate(b, expr, env, expect)
    except Poisoned:
        return POISON


def apply(b: Build, stage: Stage, value: Flowing, at: Span, place: Place) -> Flowing:
    """Pass a value, which stands at `at` in the text, through one stage; its nodes get names in `place`.

    Raises `Poisoned` or returns poison after a mistake.
    """
    b.tick(stage.span, place)
    rule = b.rules.stages[type(stage)]
    if b.watcher is None:
        return rule(b, stage, value, at, place)

    b.watcher.begins(stage.span)
    nodes_before = len(b.graph)
    result = rule(b, stage, value, at, place)
    if isinstance(value, TensorValue | BundleValue) and isinstance(result, TensorValue | BundleValue):
        b.watcher.passed(stage.span, value.type, result.type, range(nodes_before, len(b.graph)))
    return result


def guarded(b: Build, span: Span, env: Env, make: Callable[[], object]) -> object:
    """Return what `make` gives; report its fault at `span`, with the blocks that led there."""
    try:
        return b.counted(make(), span)
    except Fault as fault:
        raise b.fault(fault, span, None, env.place) from None
