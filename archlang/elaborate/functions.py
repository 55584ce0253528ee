"""The functions of the language, which work on static values: `range(3)`, `round(64 * width)`."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor

from archlang.elaborate.arithmetic import bounded, is_number
from archlang.limits import Limits
from archlang.ops.kinds import Fault, describe
from archlang.ops.values import Extents, Size, show, sized
from archlang.shapes import Dim, Poly, at_least, divides

ROUNDING = ("round", "floor", "ceil", "round_to")


def call(name: str, values: list[object], limits: Limits) -> object:
    """The value of a function of the language. Raises `Fault` (wrong-kind, out-of-range, number-too-large, ...).

    >>> from archlang.limits import DEFAULT
    >>> call("ceil", [2.1], DEFAULT), call("round_to", [19.2, 8], DEFAULT)
    (3, 24)
    """
    return bounded(_FUNCTIONS[name](name, values, limits), limits)


def _range(name: str, values: list[object], limits: Limits) -> list[object]:
    if not 1 <= len(values) <= 3 or not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        help = ""
        if len(values) == 1 and isinstance(values[0], list | tuple):
            help = "this is a list: `for` goes through it as it is, and its places are `range(len(list))`"
        raise Fault("wrong-kind", "`range` takes one to three whole numbers: end, or start, end and step", help=help)
    if len(values) == 3 and values[2] == 0:
        raise Fault("out-of-range", "the step of a `range` is not 0")

    # Counted before it is written out: `range(1000000000)` would fill the memory.
    numbers = range(*values)  # type: ignore[call-overload]  # whole numbers, checked above
    if len(numbers) > limits.nodes:
        raise Fault("number-too-large", f"a list may hold {limits.nodes} values, this would be {len(numbers)}")
    return list(numbers)


def _len(name: str, values: list[object], limits: Limits) -> int:
    members: object = None
    if len(values) == 1:
        members = getattr(values[0], "members", values[0])  # those of a bundle
    if not isinstance(members, list | tuple):
        raise Fault("wrong-kind", "`len` takes one list, size or bundle")
    return len(members)


def _extreme(name: str, values: list[object], limits: Limits) -> object:
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    if not values or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        raise Fault("wrong-kind", f"`{name}` takes numbers, or one list of numbers")
    if name == "min":
        return min(values)  # type: ignore[type-var]
    return max(values)  # type: ignore[type-var]


def _size(name: str, values: list[object], limits: Limits) -> Size | Extents:
    whole = all(isinstance(v, int | Poly) and not isinstance(v, bool) for v in values)
    if not 1 <= len(values) <= 3 or not whole:
        raise Fault("wrong-kind", "`size` takes one to three whole numbers: rows and columns, depth first")
    for value in values:
        if at_least(value, 0) is False:  # type: ignore[arg-type]  # a size, checked above
            raise Fault("out-of-range", f"the numbers of a size are at least 0, this is {value}")
    return sized(values)  # type: ignore[arg-type]


# --- whole numbers ---------------------------------------------------------------------------------------------------


def _rounded(name: str, values: list[object], limits: Limits) -> Dim:
    """Round to a whole number; halves go to the even neighbour, as in Python and torch."""
    if len(values) != 1 or not is_number(values[0]):
        raise Fault("wrong-kind", f"`{name}` takes one number{_instead(values)}")

    value = values[0]
    # Every symbolic size is a whole number already.
    if isinstance(value, int | Poly):
        return value
    assert isinstance(value, float)
    bounded(value, limits)
    if name == "floor":
        return floor(value)
    if name == "ceil":
        return ceil(value)
    return round(value)


def _round_to(name: str, values: list[object], limits: Limits) -> Dim:
    """Round to the nearest multiple, at least one of it, and never below 90 % of the number.

    This is how MobileNets and their successors make widths divisible (Sandler et al. 2018, `make_divisible`).
    """
    if len(values) != 2 or not all(is_number(value) for value in values):
        message = "`round_to` takes a number and what divides the result, as in `round_to(64 * width, 8)`"
        raise Fault("wrong-kind", f"{message}{_instead(values)}")

    value, divisor = values
    if not isinstance(divisor, int) or divisor < 1:
        message = f"`round_to` rounds to multiples of a whole number of at least 1, not {show(divisor)}"
        raise Fault("out-of-range", message)
    if isinstance(value, Poly):
        return _exact_multiple(value, divisor)
    bounded(value, limits)
    if value <= 0:  # type: ignore[operator]  # a number, checked above
        raise Fault("out-of-range", f"`round_to` takes a number above 0, this is {show(value)}")

    multiple = max(divisor, int(value + divisor / 2) // divisor * divisor)  # type: ignore[operator]
    if multiple < 0.9 * value:  # type: ignore[operator]
        multiple += divisor
    return multiple


def _exact_multiple(size: Poly, divisor: int) -> Dim:
    """Return a symbolic size that is a multiple already: which way another one is rounded depends on its symbols."""
    if divides(divisor, size) and at_least(size, divisor):
        return size
    raise Fault("unknown-size", f"what {size} is as a multiple of {divisor} is not known",
                help=f"bound the symbol where the input is declared, such as `where H % {divisor} == 0`")


def _instead(values: list[object]) -> str:
    if len(values) == 1 and not is_number(values[0]):
        return f", this is {describe(values[0])}"
    return ""


_FUNCTIONS: dict[str, Callable[[str, list[object], Limits], object]] = {
    "range": _range, "len": _len, "min": _extreme, "max": _extreme, "size": _size, "round": _rounded,
    "floor": _rounded, "ceil": _rounded, "round_to": _round_to,
}
