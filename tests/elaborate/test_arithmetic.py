"""Static calculation beside Python's, and that of symbolic sizes beside all the numbers that they stand for."""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import product

import pytest

from archlang.elaborate.arithmetic import binary
from archlang.elaborate.functions import call
from archlang.limits import DEFAULT
from archlang.ops.kinds import Fault
from archlang.ops.values import Option, Weighted
from archlang.shapes import Dim, substitute, symbol

COMPARED: dict[str, Callable[[object, object], object]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}
CALCULATED: dict[str, Callable[[object, object], object]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod,
}
NUMBERS = (-3, -1, 0, 1, 2, 7, -2.5, 0.0, 0.5, 2.0)
LOW, HIGH = 2, 6
H, EVEN = symbol("H", LOW, HIGH), symbol("H", LOW, HIGH, divisor=2)


@pytest.mark.parametrize("sign", [*COMPARED, *CALCULATED])
def test_numbers_are_calculated_as_python_does(sign: str) -> None:
    for left, right in product(NUMBERS, NUMBERS):
        if right == 0 and sign in ("//", "%"):
            with pytest.raises(Fault):
                binary(sign, left, right, DEFAULT)
        else:
            wanted = {**COMPARED, **CALCULATED}[sign](left, right)
            made = binary(sign, left, right, DEFAULT)
            assert made == wanted and type(made) is type(wanted), f"{left} {sign} {right}"


def test_powers_are_those_of_python_where_they_are_numbers_of_their_kind() -> None:
    for left, right in product((*NUMBERS, 3, 1.1), (*NUMBERS, 5, -2)):
        try:
            wanted = left**right
        except ZeroDivisionError:
            wanted = None
        # Whole numbers stay whole, and no number is complex.
        whole = isinstance(left, int) and isinstance(right, int)
        if isinstance(wanted, complex) or (whole and isinstance(wanted, float)):
            wanted = int(wanted) if wanted in (1, -1) else None
        if wanted is None:
            with pytest.raises(Fault):
                binary("**", left, right, DEFAULT)
        else:
            made = binary("**", left, right, DEFAULT)
            assert made == wanted and type(made) is type(wanted), f"{left} ** {right}"


@pytest.mark.parametrize(("left", "right", "kind"), [
    (10, 10**8, "number-too-large"), (2, 54, "number-too-large"), (10.0, 400, "number-too-large"),
    (2, H, "unknown-size"), (H, 17, "wrong-kind"), (H, -1, "wrong-kind"), (H, 0.5, "wrong-kind"),
    (True, 2, "wrong-kind"),
])
def test_powers_that_are_refused(left: object, right: object, kind: str) -> None:
    with pytest.raises(Fault) as caught:
        binary("**", left, right, DEFAULT)
    assert caught.value.name == kind


@pytest.mark.parametrize("size", [H, H * 2 - 3, EVEN // 2], ids=str)
def test_a_power_of_a_size_is_that_of_its_numbers(size: Dim) -> None:
    for exponent, number in product(range(4), (2, 4, 6)):
        made = binary("**", size, exponent, DEFAULT)
        assert substitute(made, {"H": number}) == substitute(size, {"H": number}) ** exponent  # type: ignore[arg-type]


def test_whole_numbers_are_divided_exactly_or_not_at_all() -> None:
    for left, right in product(range(-6, 7), (-3, -2, 1, 2, 4)):
        if left % right:
            with pytest.raises(Fault) as caught:
                binary("/", left, right, DEFAULT)
            assert caught.value.name == "inexact-division"
        else:
            assert binary("/", left, right, DEFAULT) == left // right
    assert binary("/", 1.0, 4, DEFAULT) == 0.25


@pytest.mark.parametrize("sign", COMPARED)
@pytest.mark.parametrize("size", [H, EVEN, H * 2, H + 1, EVEN // 2, -1 * H], ids=str)
def test_a_comparison_of_a_size_holds_for_all_its_numbers_or_is_refused(sign: str, size: Dim) -> None:
    values = [substitute(size, {"H": n}) for n in range(LOW, HIGH + 1) if size not in (EVEN, EVEN // 2) or n % 2 == 0]
    for bound, turned in product(range(-8, 14), (False, True)):
        pairs = [(bound, value) if turned else (value, bound) for value in values]
        truths = {COMPARED[sign](left, right) for left, right in pairs}
        left, right = (bound, size) if turned else (size, bound)
        try:
            answers = {binary(sign, left, right, DEFAULT)}
        except Fault as fault:
            assert fault.name == "unknown-size"
            answers = {True, False}
        # What is not told apart for sure may be refused, but what is said must be so.
        assert truths <= answers, f"{left} {sign} {right}"
        if sign not in ("==", "!="):
            assert answers == truths, f"{left} {sign} {right} could be told"


def test_losses_are_added_and_taken_off() -> None:
    one, other = Option("mse", "loss"), Option("bce", "loss")
    made = binary("-", binary("*", 2, one, DEFAULT), binary("*", other, 0.5, DEFAULT), DEFAULT)
    assert made == Weighted(((2, one), (-0.5, other)))
    assert binary("-", one, made, DEFAULT) == Weighted(((1.0, one), (-2, one), (0.5, other)))
    assert binary("+", one, other, DEFAULT) == Weighted(((1.0, one), (1, other)))


def test_functions_are_pythons() -> None:
    assert call("range", [2, 9, 3], DEFAULT) == [2, 5, 8] and call("range", [5, 0, -2], DEFAULT) == [5, 3, 1]
    assert call("min", [3, -1, 2], DEFAULT) == -1 and call("max", [[3, -1, 2]], DEFAULT) == 3
    assert call("len", [[4, 5, 6]], DEFAULT) == 3
