"""What an expression of another framework means here."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.elaborate.habits.habit import Habit


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
