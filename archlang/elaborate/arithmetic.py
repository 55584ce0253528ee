"""Static calculation: numbers, symbolic sizes, lists and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from archlang.elaborate.powers import power
from archlang.elaborate.values import OpenWord
from archlang.limits import Limits
from archlang.ops.kinds import Fault, describe
from archlang.ops.values import CodeValue, Extents, Option, Placed, Size, Weighted, sized
from archlang.shapes import Dim, Poly, at_least, divides

Number = int | float
_STATIC = (int, float, Poly, str, type(None), list, tuple, Extents, Option, Weighted, Placed, CodeValue, OpenWord)
"""What has a value while a network is compiled, and so can be compared."""


def binary(operator: str, left: object, right: object, limits: Limits) -> object:
    """`left operator right` for static values. Raises `Fault`: wrong-kind, division-by-zero, inexact-division, ...

    Where one of both is at fault, the fault's `input` is 0 for the left one and 1 for the right one.

    >>> from archlang.limits import DEFAULT
    >>> binary("//", 7, 2, DEFAULT), binary("+", [1], [2], DEFAULT), binary("/", 6, 3, DEFAULT)
    (3, [1, 2], 2)
    """
    _no_fraction_beside_symbol(left, right)

    # Operators that take other values than numbers come first.
    if operator in ("==", "!="):
        return _equal(left, right) is (operator == "==")
    if operator == "at":
        return _placed(left, right)
    if isinstance(left, Option | Weighted) or isinstance(right, Option | Weighted):
        return _weighted(operator, left, right)
    if operator == "+" and isinstance(left, list) and isinstance(right, list):
        return shortened([*left, *right], limits)

    if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
        return _text(left, right, limits)

    _both_numbers(operator, left, right)
    if operator in ("<", "<=", ">", ">="):
        return _compare(operator, left, right)
    return bounded(_calculate(operator, left, right), limits)


def _both_numbers(operator: str, left: object, right: object) -> None:
    """Raise wrong-kind where one of both is no number."""
    for value in (left, right):
        if is_number(value):
            continue
        help: tuple[str, ...] = ()
        if operator == "*":
            help = ("a repeated stage is written with its number first: `3 * stage`",)
        raise Fault("wrong-kind", f"`{operator}` works on numbers, this is {describe(value)}", help=help)


def unary(operator: str, value: object) -> object:
    """`-value`, `+value`, `not value`."""
    if operator == "not":
        return not truth(value)
    if not is_number(value):
        raise Fault("wrong-kind", f"`{operator}` works on numbers, this is {describe(value)}")
    if operator == "+":
        return value
    return -value  # type: ignore[operator]  # a number, checked above


def truth(value: object) -> bool:
    """A test's answer. Raises `Fault` for anything but `true` and `false`."""
    if not isinstance(value, bool):
        raise Fault("wrong-kind", f"a test is true or false, this is {describe(value)}")
    return value


def bounded(value: object, limits: Limits) -> object:
    """The value itself, if it is not larger than numbers may be."""
    # Sizes are multiplied freely; without a limit a short file could fill the memory with one number.
    if isinstance(value, int) and abs(value) > limits.integer:
        raise Fault("number-too-large", f"this number has {len(str(abs(value)))} digits; {limits.integer} is the limit")
    # A product of two sums has as many terms as both have together multiplied: a few lines would be enough.
    if isinstance(value, Poly) and (len(value.terms) > 64 or any(len(m) > 16 for m, _ in value.terms)):
        raise Fault("expression-too-long", "this symbolic size has too many terms")
    if isinstance(value, float) and not isfinite(value):
        raise Fault("number-too-large", "this number is not finite")
    return value


def is_static(value: object) -> bool:
    """Tell whether a value is known while a network is compiled, with all its items."""
    if isinstance(value, list | tuple):
        return all(map(is_static, value))
    return isinstance(value, _STATIC)


def _no_fraction_beside_symbol(left: object, right: object) -> None:
    """Raise wrong-kind at a number with a point beside a symbolic size, which stands for whole numbers alone."""
    for index, (one, other) in enumerate(((left, right), (right, left))):
        if isinstance(one, float) and isinstance(other, Poly):
            message = f"a whole number is wanted beside the symbolic size {other}, this is {one}"
            raise Fault("wrong-kind", message, input=index)


def is_number(value: object) -> bool:
    """Tell a number or a symbolic size."""
    # To Python `true` is the number 1; here it is none.
    return isinstance(value, int | float | Poly) and not isinstance(value, bool)


def _calculate(operator: str, left: object, right: object) -> object:
    match operator:
        case "+": return left + right  # type: ignore[operator]
        case "-": return left - right  # type: ignore[operator]
        case "*": return left * right  # type: ignore[operator]
        case "**": return power(left, right)  # type: ignore[arg-type]

    # What is left divides: `/`, `//` and `%`.
    if isinstance(right, Poly):
        raise Fault("unknown-size", f"a division by the symbolic size {right} is not known")
    if right == 0:
        raise Fault("division-by-zero", "this divides by zero")
    if operator == "/":
        return _exact(left, right)
    if isinstance(left, Poly) and not isinstance(right, int):
        raise Fault("wrong-kind", "a symbolic size is divided by whole numbers only")
    if operator == "//":
        return left // right  # type: ignore[operator]
    return left % right  # type: ignore[operator]


def _exact(left: object, right: object) -> object:
    """Divide numbers; of whole ones the result is whole, so that sizes stay sizes. Raises `Fault`."""
    if isinstance(left, float) or isinstance(right, float):
        if isinstance(left, Poly):
            raise Fault("wrong-kind", "a symbolic size is divided by whole numbers only")
        return left / right  # type: ignore[operator]

    # Both are whole now: each float has been dealt with, and a symbolic divisor by `_calculate`.
    size: Dim = left  # type: ignore[assignment]
    by: int = right  # type: ignore[assignment]
    exact = divides(by, size)
    # Of a symbolic size the answer may depend on the symbol.
    if exact is None:
        raise Fault("unknown-size", f"whether {by} divides {size} is not known",
                    help="say so where the input is declared: `where H % 2 == 0`")
    if not exact:
        raise Fault("inexact-division", f"{size} / {by} leaves a remainder", help="`//` rounds down")
    return size // by


def _equal(left: object, right: object) -> bool:
    """Tell whether two static values are equal. Raises `Fault`: wrong-kind of others, unknown-size."""
    for index, value in enumerate((left, right)):
        if isinstance(value, _STATIC):
            continue
        # Not simply unequal: whoever compares a tensor with a number expects an answer that only a sample can give.
        message = f"`==` and `!=` compare static values while compiling, and this is {describe(value)}"
        raise Fault("wrong-kind", message, input=index, help=_compared_instead(value))

    for index, (one, other) in enumerate(((left, right), (right, left))):
        if isinstance(one, Size | Extents) and is_number(other):
            help = f"of a square `{sized((other,) * len(one))}`; one of its numbers is `a.size[0]`"  # type: ignore[arg-type]
            raise Fault("wrong-kind", f"a number is compared with the size {one}", input=1 - index, help=help)

    # 2 equals 2.0, but `true` is no 1 and the text "2" no 2: others are equal within their type only.
    if is_number(left) and is_number(right):
        return _equal_numbers(left, right)
    if isinstance(left, Size | Extents) and isinstance(right, Size | Extents):
        return _equal_items(left, right)
    if isinstance(left, list) and isinstance(right, list):
        return _equal_items(left, right)
    return type(left) is type(right) and left == right


def _compared_instead(value: object) -> tuple[str, ...]:
    """Say what of a tensor or stage can be compared."""
    if getattr(value, "is_tensor", False):
        return ("its sizes can be compared: `x.channels == 3`, `x.size == 8x8`",)
    return ()


def _equal_items(left: Sequence[object], right: Sequence[object]) -> bool:
    """Compare item by item; two that certainly differ decide, whatever is not known of the others."""
    if len(left) != len(right):
        return False

    undecided: Fault | None = None
    for one, other in zip(left, right, strict=True):
        try:
            if not _equal(one, other):
                return False
        except Fault as fault:
            undecided = undecided or fault
    if undecided is not None:
        # The place of an item is not that of the list it stands in.
        undecided.input = None
        raise undecided
    return True


def _equal_numbers(left: object, right: object) -> bool:
    if isinstance(left, Poly) or isinstance(right, Poly):
        if left == right:
            return True

        # Sizes differ for certain where the one is at least 1 larger for all values of their symbols.
        difference = left - right  # type: ignore[operator]
        if at_least(difference, 1) or at_least(-difference, 1):
            return False
        raise Fault("unknown-size", f"whether {left} equals {right} is not known")
    return left == right


def _compare(operator: str, left: object, right: object) -> bool:
    # Each comparison becomes `left > right` or `left >= right`: of sizes, a difference of at least 1 or 0.
    if operator in ("<=", "<"):
        left, right = right, left
    strict = operator in ("<", ">")
    difference = left - right  # type: ignore[operator]

    if isinstance(difference, Poly):
        known = at_least(difference, strict)
        if known is None:
            raise Fault("unknown-size", f"whether {left} is larger than {right} is not known",
                        help="bound the symbol where the input is declared: `where H >= 32`")
        return known

    if strict:
        return bool(difference > 0)
    return bool(difference >= 0)


def _weighted(operator: str, left: object, right: object) -> Weighted:
    """Add, subtract or scale settings, as losses are: the sum stays a list of weights and settings."""
    if operator == "*":
        factor, term = right, left
        if is_number(left):
            factor, term = left, right
        # No symbolic size: a weight is needed as a number.
        if isinstance(factor, int | float) and not isinstance(factor, bool):
            return _scaled(factor, term)

    if isinstance(left, Option | Weighted) and isinstance(right, Option | Weighted):
        if operator == "+":
            return Weighted((*_terms(left), *_terms(right)))
        if operator == "-":
            return Weighted((*_terms(left), *_scaled(-1, right).terms))
    raise Fault("wrong-kind", f"`{operator}` does not join {describe(left)} and {describe(right)}",
                help="a weighted sum reads `a + 0.01 * b`")


def _scaled(factor: float, value: object) -> Weighted:
    return Weighted(tuple((factor * weight, option) for weight, option in _terms(value)))


def _terms(value: object) -> tuple[tuple[float, Option], ...]:
    if isinstance(value, Weighted):
        return value.terms
    if isinstance(value, Option):
        return ((1.0, value),)
    raise Fault("wrong-kind", f"{describe(value)} is no term of a weighted sum")


def _placed(left: object, right: object) -> Placed:
    if not isinstance(left, Size) or not isinstance(right, tuple) or isinstance(right, Size):
        raise Fault("wrong-kind", "`at` joins a size and a place, such as `3x1 at (1, 2)`")
    if len(left) != len(right) or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in right):
        first = ", ".join("1" for _ in left)
        message = f"the place of {left} is {len(left)} whole numbers, each counted from 1"
        raise Fault("wrong-kind", message, help=(f"`{left} at ({first})` begins in the first corner",))
    return Placed(left, tuple(right))


def _text(left: object, right: object, limits: Limits) -> str:
    """Join texts, or a text and a whole number, whose digits it gets."""
    for value in (left, right):
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Fault("wrong-kind", f"a text is joined with texts and whole numbers, this is {describe(value)}")

    joined = f"{left}{right}"
    if len(joined) > limits.string:
        raise Fault("string-too-long", f"a text may have {limits.string} characters, this would have {len(joined)}")
    return joined


def shortened(values: list[object], limits: Limits) -> list[object]:
    """The list itself, if it is no longer than lists may be. Raises `Fault` (number-too-large)."""
    # A list is gone through by `for`, which makes at least a node of each item.
    if len(values) > limits.nodes:
        raise Fault("number-too-large", f"a list may hold {limits.nodes} values, this would be {len(values)}")
    return values
