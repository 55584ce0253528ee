"""The text to write where a number with a point stands and a whole one is wanted: `round(64 * width)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archlang.dataclass import dataclass
from archlang.diagnostics import Fix
from archlang.elaborate.placing import SHORT
from archlang.ops.kinds import Fault
from archlang.ops.values import show
from archlang.syntax.tree import Expr, For, ListOf, Parens


@dataclass(frozen=True)
class Rounding:
    """Help for a number with a point; the edit only where rounding changes nothing, so that the meaning stays."""

    help: tuple[str, ...] = ()
    fix: Fix | None = None

    def more(self) -> dict[str, Any]:
        """The arguments of `Build.refuse`."""
        return {"help": self.help, "fix": self.fix}


NO_ROUNDING = Rounding()


def whole(expr: Expr, value: object, accepts: Callable[[object], object] | None = None) -> Rounding:
    """Return what makes a whole number of `value`, which `expr` gave, if `accepts` would take that.

    `accepts` raises `Fault` for what it does not take.
    """
    if not isinstance(value, float):
        return NO_ROUNDING
    if accepts is not None:
        try:
            accepts(max(1, round(value)))
        except (Fault, OverflowError, ValueError):
            return NO_ROUNDING

    # `(64 * width)` has its parentheses already.
    while isinstance(expr, Parens):
        expr = expr.inner
    text = expr.span.text
    if not text or len(text) > SHORT or "\n" in text:
        text = "..."

    if value.is_integer() and text != "...":
        return Rounding((f"`round({text})` is the whole number {show(int(value))}",), Fix(expr.span, f"round({text})"))
    ways = f"`round({text})`, `floor({text})`, `ceil({text})`, or `round_to({text}, 8)` for a multiple of 8"
    return Rounding((f"make it whole: {ways}",))


def whole_items(expr: Expr, value: object, item: Callable[[object], object]) -> Rounding:
    """The same for the first item of a list that is no whole number, where the list is written out."""
    if not isinstance(expr, ListOf) or not isinstance(value, list) or len(value) != len(expr.items):
        return NO_ROUNDING
    for part, number in zip(expr.items, value, strict=True):
        # The items of a loop have one place together, of which no single one can be rounded.
        if isinstance(number, float) and not isinstance(part, For):
            return whole(part, number, item)
    return NO_ROUNDING
