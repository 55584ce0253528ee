"""Numbers as expressions of a class's parameters: found on all of its uses, and right for every one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from torch import nn

from archlang.ops.values import Size

FACTORS = (2, 3, 4, 5, 6, 8, 16, 32)
"""Whole numbers that a parameter is multiplied with or divided by."""

class _Missing:
    """Stands for a number of a part that is not there: any expression gives it."""


MISSING = _Missing()

Column = Sequence[object]
"""The values of one thing over all uses of a class."""


def plain(value: object, target: type = nn.Module) -> object:
    """A value as source has it: a size or tuple of equal numbers is one number where a module of torch takes both.

    >>> plain((3, 3)), plain((1, 7)), plain(Size((2, 2)))
    (3, (1, 7), 2)
    """
    if isinstance(value, Size):
        value = tuple(value)
    if isinstance(value, list):
        value = tuple(value)
    if not isinstance(value, tuple) or not value or not isinstance(value[0], int):
        return value

    takes_both = target.__module__.startswith("torch.nn.modules.") and target is not nn.LayerNorm
    if takes_both and len(set(map(repr, value))) == 1:
        return value[0]
    return value


def same(one: object, other: object) -> bool:
    """Tell whether two values are equal and of one kind: 1 is not `True`, and not 1.0.

    >>> same((1, 2), (1, 2)), same(1, True), same(2, 2.0)
    (True, False, False)
    """
    return one is MISSING or other is MISSING or (type(one) is type(other) and one == other)


def constant(column: Column) -> bool:
    """Tell whether a column holds one value."""
    present = [value for value in column if value is not MISSING]
    return all(same(value, present[0]) for value in present)


def expression(column: Column, names: Mapping[str, Column], exact: bool = False) -> str | None:
    """The expression of names that gives a column in every use, the simplest first; None where there is none.

    With `exact` a name itself.

    >>> expression([64, 128], {"c": [16, 32]}), expression([1, 2, 3], {"k": [3, 5, 7]})
    ('4 * c', 'k // 2')
    """
    for name, values in names.items():
        if all(map(same, column, values)):
            return name
    # Only the uses that have the number count.
    rows = [n for n, value in enumerate(column) if value is not MISSING]
    column = [column[n] for n in rows]
    present = {name: [values[n] for n in rows] for name, values in names.items()}
    if _tuples(column):
        return _of_parts(column, present, exact)
    if exact:
        return None

    whole = {name: values for name, values in present.items() if _whole(values)}
    for text, made in _forms(whole):
        if list(made) == column and _whole(column):
            return text
    if _whole(column):
        return _straight(column, whole)
    return _root(column, whole)


def words(text: str) -> list[str]:
    """The names in an expression, each once.

    >>> words("(width // 2, 3 * c, width)")
    ['width', 'c']
    """
    return list(dict.fromkeys(re.findall(r"[A-Za-z_]\w*", text)))


def _tuples(column: Column) -> bool:
    lengths = {len(value) for value in column if isinstance(value, tuple)}
    return len(lengths) == 1 and 0 not in lengths and all(isinstance(value, tuple) for value in column)


def _of_parts(column: Column, names: Mapping[str, Column], exact: bool) -> str | None:
    """The expressions of tuples, part by part.

    >>> _of_parts([(3, 64), (3, 32)], {"c": [64, 32]}, False)
    '(3, c)'
    """
    texts: list[str] = []
    for part in zip(*(value for value in column if isinstance(value, tuple)), strict=True):
        text: str | None = repr(part[0])
        if not constant(part):
            text = expression(part, names, exact)
        elif not isinstance(part[0], int | float):
            text = None
        if text is None:
            return None
        texts.append(text)
    if len(texts) == 1:
        return f"({texts[0]},)"
    return f"({', '.join(texts)})"


def _straight(column: Column, names: Mapping[str, Column]) -> str | None:
    """The straight line of one name that a column is on, for a name of three values and more.

    >>> _straight([3, 4, 5], {"depth": [20, 26, 32]}), _straight([7, 9, 11], {"n": [2, 3, 4]})
    ('(depth - 2) // 6', '2 * n + 3')
    """
    numbers = [int(str(value)) for value in column]
    for name, values in names.items():
        places = [int(str(value)) for value in values]
        if len(set(places)) < 3:
            continue
        end = next(n for n, place in enumerate(places) if place != places[0])
        slope = Fraction(numbers[end] - numbers[0], places[end] - places[0])
        shift = (numbers[0] - slope * places[0]) * slope.denominator
        if slope <= 0 or shift.denominator != 1:
            continue

        line = [slope.numerator * place + int(shift) for place in places]
        if [value * slope.denominator for value in numbers] == line:
            return _line(name, slope, int(shift))
    return None


def _line(name: str, slope: Fraction, shift: int) -> str:
    """The source of a straight line."""
    text = name
    if slope.numerator != 1:
        text = f"{slope.numerator} * {name}"
    if shift:
        sign = "+"
        if shift < 0:
            sign = "-"
        text = f"{text} {sign} {abs(shift)}"
    if slope.denominator == 1:
        return text
    return f"({text}) // {slope.denominator}"


def _root(column: Column, names: Mapping[str, Column]) -> str | None:
    """The root of a name, or one divided by it, that a column is.

    >>> _root([8.0, 4.0], {"width": [64, 16]}), _root([0.5, 0.25], {"width": [4, 16]})
    ('width ** 0.5', 'width ** -0.5')
    """
    for name, values in names.items():
        if len(set(values)) < 2 or any(int(str(value)) < 1 for value in values):
            continue
        places = [int(str(value)) for value in values]
        for text, made in ((f"{name} ** 0.5", [place**0.5 for place in places]),
                           (f"{name} ** -0.5", [place**-0.5 for place in places]),
                           (f"1 / {name}", [1 / place for place in places])):
            if made == list(column):
                return text
    return None


def condition(column: Column, names: Mapping[str, Column]) -> str | None:
    """The comparison of names that is true where a column is; None where there is none.

    >>> condition([True, False], {"in_channels": [64, 64], "c": [32, 16], "stride": [1, 1]})
    'in_channels != 4 * c'
    """
    whole = {name: [int(str(v)) for v in values] for name, values in names.items() if _whole(values)}
    tests: list[tuple[str, list[bool]]] = []
    for name, values in whole.items():
        tests.append((f"{name} != 1", [value != 1 for value in values]))
    for first, values in whole.items():
        others = [(second, numbers) for second, numbers in whole.items() if second != first]
        others += [form for form in _forms(whole) if first not in form[0].split() and form[0][:1].isdigit()]
        tests += [(f"{first} != {second}", [a != b for a, b in zip(values, numbers, strict=True)])
                  for second, numbers in others]

    # The usual one first: two numbers that differ.
    tests.sort(key=lambda test: (not test[0].startswith("in_channels"), test[0].endswith("!= 1")))
    for text, truth in tests:
        if truth == list(column):
            return text
    for first_text, truth in tests:
        for second_text, other in tests:
            if [a or b for a, b in zip(truth, other, strict=True)] == list(column) and truth != other:
                return f"{second_text} or {first_text}"
    return None


def _whole(values: Column) -> bool:
    return all(type(value) is int for value in values)


def _forms(names: Mapping[str, Column]) -> Iterator[tuple[str, list[int]]]:
    """Expressions of one name and a factor, then of two names."""
    numbers: dict[str, list[int]] = {name: [int(str(v)) for v in values] for name, values in names.items()}
    for name, values in numbers.items():
        # A name that never changes says nothing of what does.
        if len(set(values)) < 2:
            continue
        for factor in FACTORS:
            yield f"{factor} * {name}", [factor * v for v in values]
            yield f"{name} // {factor}", [v // factor for v in values]
        yield f"{name} - 1", [v - 1 for v in values]
        yield f"{name} + 1", [v + 1 for v in values]

    ordered = list(numbers.items())
    for n, (first, values) in enumerate(ordered):
        for second, others in ordered[n + 1 :]:
            yield f"{first} * {second}", [a * b for a, b in zip(values, others, strict=True)]
            yield f"{first} + {second}", [a + b for a, b in zip(values, others, strict=True)]
