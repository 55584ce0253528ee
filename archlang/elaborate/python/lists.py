"""List comprehensions of numbers, written out: a list of this language holds its items one by one."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from archlang.elaborate.python.reading import python_module

MOST = 32
"""Items that are written out."""

_LARGEST = 10**9


def written_out(text: str) -> str | None:
    """The list of a comprehension over numbers, such as `[2 ** i for i in range(4)]`; None for any other text.

    >>> written_out("[8 * 2 ** i for i in range(3)]")
    '[8, 16, 32]'
    """
    match python_module(text.strip()):
        case ast.Module(body=[ast.Expr(value=ast.ListComp(elt=item, generators=[loop]))]):
            return _list(item, loop)
        case ast.Module(body=[ast.Expr(value=ast.Call(func=ast.Name(id="list"), args=[inner], keywords=[]))]):
            if (numbers := _numbers(inner, {})) is not None:
                return _text(numbers)
    return None


def _list(item: ast.expr, loop: ast.comprehension) -> str | None:
    values = _numbers(loop.iter, {})
    if values is None or loop.ifs or not isinstance(loop.target, ast.Name):
        return None

    items = []
    for value in values:
        number = _number(item, {loop.target.id: value})
        if number is None:
            return None
        items.append(number)
    return _text(items)


def _text(numbers: list[int]) -> str | None:
    if not 1 <= len(numbers) <= MOST:
        return None
    return f"[{', '.join(str(number) for number in numbers)}]"


def _numbers(node: ast.expr, known: Mapping[str, int]) -> list[int] | None:
    """The numbers that a loop goes through: those of `range`, or of a list that is written out."""
    match node:
        case ast.Call(func=ast.Name(id="range"), args=bounds, keywords=[]) if 1 <= len(bounds) <= 3:
            read = [_number(bound, known) for bound in bounds]
            if None in read or (len(read) == 3 and read[2] == 0):
                return None
            return list(_first(iter(range(*[number for number in read if number is not None]))))
        case ast.List(elts=items) | ast.Tuple(elts=items):
            values = [_number(item, known) for item in items[: MOST + 1]]
            if None in values:
                return None
            return [number for number in values if number is not None]
    return None


def _first(numbers: Iterator[int]) -> Iterator[int]:
    for _ in range(MOST + 1):
        try:
            yield next(numbers)
        except StopIteration:
            return


def _number(node: ast.expr, known: Mapping[str, int]) -> int | None:
    """The value of a whole number: written, known, or worked out by one of the small signs."""
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool) and abs(value) <= _LARGEST:
            return value
        case ast.Name(id=name):
            return known.get(name)
        case ast.BinOp(left=left, op=sign, right=right):
            first, second = _number(left, known), _number(right, known)
            if first is None or second is None:
                return None
            return _worked_out(sign, first, second)
    return None


def _worked_out(sign: ast.operator, first: int, second: int) -> int | None:
    result: int | None = None
    match sign:
        case ast.Add():
            result = first + second
        case ast.Sub():
            result = first - second
        case ast.Mult():
            result = first * second
        case ast.FloorDiv() if second > 0:
            result = first // second
        case ast.Pow() if 0 <= second <= 30 and abs(first) <= 1_000:
            result = first**second
    # A number beyond all sizes is no width, and its digits would be endless.
    if result is None or abs(result) > _LARGEST:
        return None
    return result
