"""Calculation with static values, as the language document has it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from tests.reference.values import Group, OpUse, Rows, Surprise, Value, Word

_PLAIN: dict[str, Callable[..., object]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod,
    "**": operator.pow,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}
_FIELDS = {
    1: ("features",), 2: ("positions", "features"), 3: ("channels", "height", "width"),
    4: ("channels", "depth", "height", "width"),
}
ROUNDING: dict[str, Callable[..., int]] = {"round": round, "floor": math.floor, "ceil": math.ceil}
FUNCTIONS = ("range", "len", "min", "max", "size", "round_to", *ROUNDING)


def calculate(sign: str, left: object, right: object) -> object:
    """`left sign right`: `/` of whole numbers is exact, lists are joined by `+`."""
    if sign in ("==", "!="):
        return (left == right) is (sign == "==")
    if sign == "/":
        if isinstance(left, int) and isinstance(right, int):
            if left % right:
                raise Surprise(f"{left} / {right} leaves a remainder")
            return left // right
        return left / right  # type: ignore[operator]
    if sign == "**" and isinstance(left, int) and isinstance(right, int) and right < 0:
        raise Surprise(f"{left} ** {right} is no whole number")
    if sign not in _PLAIN:
        raise Surprise(f"`{sign}` is not expected here")
    if sign == "+" and (isinstance(left, str) or isinstance(right, str)):
        return f"{left}{right}"
    return _PLAIN[sign](left, right)


def function(name: str, values: list[object]) -> object:
    """The functions of the language."""
    if name == "range":
        return list(range(*values))  # type: ignore[call-overload]
    if name == "size":
        return Rows(values)  # type: ignore[arg-type]
    if name == "len":
        held = values[0]
        return len(held.members if isinstance(held, Group) else held)  # type: ignore[arg-type]
    if name in ROUNDING:
        return ROUNDING[name](values[0])
    if name == "round_to":
        return _round_to(*values)  # type: ignore[arg-type]
    numbers = values[0] if isinstance(values[0], list) else values
    return (min if name == "min" else max)(numbers)


def _round_to(value: float, divisor: int) -> int:
    """The nearest multiple, halves up; the next one where that is less than nine tenths of the value."""
    below = math.floor(value / divisor) * divisor
    nearest = below if value - below < divisor / 2 else below + divisor
    return max(divisor, nearest if nearest >= 0.9 * value else nearest + divisor)


def field(value: object, name: str) -> object:
    """`value.name`."""
    if isinstance(value, Group) and name == "count":
        return len(value.members)
    if name in ("branches", "classes") and hasattr(value, name):
        return getattr(value, name)
    if isinstance(value, Value):
        sizes = value.sizes
        found = dict(zip(_FIELDS[len(sizes)], sizes, strict=True))
        if len(sizes) == 2:
            found |= {"channels": sizes[0], "length": sizes[1]}
        if name in found:
            return found[name]
        if name == "size" and len(sizes) >= 3:
            return Rows(sizes[1:])
    raise Surprise(f"no field `{name}`")


def rows(value: object, rank: int) -> tuple[int, ...]:
    """A size of `rank` numbers; a single number counts for all."""
    if isinstance(value, Rows):
        return tuple(value)
    if isinstance(value, int):
        return (value,) * rank
    raise Surprise(f"{value} is no size")


def word(value: object) -> str:
    """The text of a bare word."""
    if isinstance(value, Word):
        return value.text
    if isinstance(value, OpUse) and not value.places and not value.names:
        return value.name  # `gelu(approximate = tanh)`: a word there, a stage elsewhere
    raise Surprise(f"{value} is no word")


_AXES = {
    1: {"features": 0, "channels": 0},
    2: {"positions": 0, "features": 1, "channels": 0, "length": 1},
    3: {"channels": 0, "height": 1, "width": 2},
    4: {"channels": 0, "depth": 1, "height": 2, "width": 3},
}


def axis(value: object, rank: int) -> int:
    """The dimension of a batch that a word or an index means for samples of this rank."""
    index = value % rank if isinstance(value, int) else _AXES[rank][word(value)]
    return index + 1
