"""The meaning here of an expression of another framework."""

from __future__ import annotations

from archlang.dataclass import dataclass
from archlang.elaborate.habits.habit import Habit

OF_CALLS = frozenset({
    "too-many-arguments", "stage-is-no-tensor", "tensor-is-no-stage", "wrong-kind", "not-callable",
})
"""Kinds of mistakes that a stage called like a function leads to, or a sign between tensors."""

OF_NAMES = frozenset({"undefined-name", "unknown-word", "unknown-stage", "unknown-field"})
OF_SHAPES = frozenset({"wrong-rank", "kernel-too-large", "empty-map", "shape-mismatch", "not-divisible"})


@dataclass(frozen=True)
class Translation:
    """An expression of another framework: its name there, and the text here, None if its arguments have none.

    `is_flow` tells if the text begins with a tensor; otherwise it is a stage. `exact` is False for a guess. `dropped`
    are arguments that have no counterpart, so that the text does without them.
    """

    origin: str
    shown: str
    text: str | None
    habit: Habit | None = None
    is_flow: bool = False
    exact: bool = True
    dropped: tuple[str, ...] = ()
