"""Numbers as expressions of a class's parameters: found on all of its uses, and right for every one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
    if exact:
        return None

    # Only the uses that have the number count.
    rows = [n for n, value in enumerate(column) if value is not MISSING]
    column = [column[n] for n in rows]
    present = {name: [values[n] for n in rows] for name, values in names.items()}
    whole = {name: values for name, values in present.items() if _whole(values)}
    if not _whole(column):
        return None
    for text, made in _forms(whole):
        if list(made) == column:
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
