"""Comparing words and stages while compiling."""

from __future__ import annotations

from archlang.elaborate import arithmetic
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import evaluate
from archlang.elaborate.values import BlockValue, NamedStage, OpenWord, OpStage, Stage
from archlang.ops.kinds import SettingKind
from archlang.ops.values import Option


def same_word(b: Build, left: object, right: object) -> bool:
    """Compare words, of which at least one is open: with another one by what is written, else by the other's role."""
    if not isinstance(left, OpenWord):
        left, right = right, left
    assert isinstance(left, OpenWord)

    if isinstance(right, OpenWord | str):
        return left.text == str(right)
    if isinstance(right, Option) and right.role in left.readings:
        return bool(evaluate(b, left.expr, left.env, SettingKind(right.role)) == right)
    return False


def same_stage(left: object, right: object) -> bool | None:
    """Compare operations by their names and arguments, as in `act == sin`; None where neither is one."""
    stages = [_bare(value) for value in (left, right)]
    if not all(isinstance(stage, Stage | BlockValue) for stage in stages):
        return None

    operations = [stage for stage in stages if isinstance(stage, OpStage)]
    if len(operations) < 2:
        # A block or a flow is certainly no single operation; whether two of them do the same is not worked out.
        if operations:
            return False
        return None

    one, other = operations
    if one.op.name != other.op.name:
        return False
    # Tensors and stages among the arguments have no static value to compare.
    static = all(arithmetic.is_static(value) for stage in operations for value in stage.given.values.values())
    if not static:
        return None
    return one.given.values == other.given.values


def _bare(value: object) -> object:
    """A stage without the name that a scope or `as` calls it by."""
    while isinstance(value, NamedStage):
        value = value.stage
    return value
