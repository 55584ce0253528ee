"""A piece of Python as a tree of this language, so that one reader and one table serve both.

What Python has and the tree has not is said by a function of torch that means the same: `a @ b` is
`torch.matmul(a, b)`, `x[:, 0]` is `torch.select(x, 1, 0)`.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence

from archlang.syntax.tree import (
    Argument,
    Binary,
    Body,
    Call,
    Expr,
    Field,
    If,
    Index,
    ListOf,
    Name,
    Number,
    Parens,
    SizeLiteral,
    Text,
    Truth,
    TupleOf,
    Unary,
)

LONGEST = 2_000
"""Characters of a piece that Python's parser is given."""

DEEPEST = 30
"""Brackets inside each other, and nodes inside each other, that are read."""

LARGEST = 10**15
"""Numbers that are read: larger ones are mistakes of their own."""

_SIZE = re.compile(r"(?<![\w.])(\d{1,6}(?:x\d{1,6}){1,2})(?!\w)")
_OPERATORS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.And: "and", ast.Or: "or",
    ast.USub: "-", ast.UAdd: "+", ast.Not: "not",
}


class _Unreadable(Exception):
    """The piece holds something that no tree of this language can say."""


def python_module(text: str) -> ast.Module | None:
    """The statements of a text, or None if it is no Python, or too long or deep to be read."""
    # A chain of signs nests without brackets: its length bounds it.
    if len(text) > LONGEST or _depth(text) > DEEPEST:
        return None
    try:
        with warnings.catch_warnings():  # about escapes and comparisons of the reader's text
            warnings.simplefilter("ignore")
            return ast.parse(_with_names_for_sizes(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def python_value(text: str) -> Expr | None:
    """A single expression of Python as a tree of this language; None if it is none, or has no such tree."""
    module = python_module(text.strip())
    match module:
        case ast.Module(body=[ast.Expr(value=value)]):
            return tree_of(value)
    return None


def tree_of(node: ast.expr) -> Expr | None:
    """The tree of a node of Python's."""
    try:
        return _tree(node, DEEPEST)
    except _Unreadable:
        return None


def _depth(text: str) -> int:
    deepest = depth = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _with_names_for_sizes(text: str) -> str:
    """`3x3` as a name that Python can read."""
    return _SIZE.sub(r"_size_\1", text)


def _tree(node: ast.AST, room: int) -> Expr:
    if not room:
        raise _Unreadable
    match node:
        case ast.Constant(value=value):
            return _constant(value)
        case ast.Name(id=name):
            if name.startswith("_size_"):
                return SizeLiteral(tuple(int(part) for part in name.removeprefix("_size_").split("x")))
            if name in ("true", "false"):
                return Truth(name == "true")
            return Name(name)
        case ast.Attribute(value=value, attr=name):
            return Field(_tree(value, room - 1), name)
        case ast.Tuple(elts=items):
            return TupleOf(_all(items, room))
        case ast.List(elts=items):
            return ListOf(_all(items, room))
        case ast.Call():
            return _call(node, room)
        case ast.Subscript():
            return _subscript(node, room)
        case ast.IfExp(test=test, body=then, orelse=otherwise):
            test_tree, first, second = _all((test, then, otherwise), room)
            return If(test_tree, Body(flows=(first,)), Body(flows=(second,)))
        case ast.JoinedStr(values=parts):
            return _joined(parts, room)
    return _signs(node, room)


def _all(nodes: Sequence[ast.AST], room: int) -> tuple[Expr, ...]:
    return tuple(_tree(node, room - 1) for node in nodes)


def _constant(value: object) -> Expr:
    if isinstance(value, bool):
        return Truth(value)
    if value is None:
        return Name("None")
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, int | float) and abs(value) <= LARGEST:
        return Number(value, repr(value))
    raise _Unreadable  # bytes, `...`, complex numbers


def _call(node: ast.Call, room: int) -> Expr:
    arguments = [Argument(None, _tree(value, room - 1)) for value in node.args]
    for keyword in node.keywords:
        if keyword.arg is None:
            raise _Unreadable
        arguments.append(Argument(keyword.arg, _tree(keyword.value, room - 1)))

    # `super().forward(x)`, `range(3)`: names say what they are later.
    return Call(_tree(node.func, room - 1), tuple(arguments))


def _signs(node: ast.AST, room: int) -> Expr:
    match node:
        case ast.BinOp(op=ast.MatMult(), left=left, right=right):
            return _torch("matmul", *_all((left, right), room))
        case ast.BinOp(op=sign, left=left, right=right) if type(sign) in _OPERATORS:
            first, second = _all((left, right), room)
            return Binary(_OPERATORS[type(sign)], _grouped(first), _grouped(second))  # type: ignore[arg-type]
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _OPERATORS:
            return Unary(_OPERATORS[type(sign)], _grouped(_tree(operand, room - 1)))  # type: ignore[arg-type]
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _OPERATORS:
            first, second = _all((left, right), room)
            return Binary(_OPERATORS[type(sign)], first, second)  # type: ignore[arg-type]
        case ast.BoolOp(op=sign, values=[first_value, *others]):
            whole = _tree(first_value, room - 1)
            for other in others:
                whole = Binary(_OPERATORS[type(sign)], whole, _tree(other, room - 1))  # type: ignore[arg-type]
            return whole
    raise _Unreadable


def _grouped(expr: Expr) -> Expr:
    """Sums in parentheses: Python's tree has none, and the text of this one shows what binds."""
    if isinstance(expr, Binary) and expr.operator in ("+", "-"):
        return Parens(expr)
    return expr


def _joined(parts: Sequence[ast.expr], room: int) -> Expr:
    """An f-string as a sum of texts and values, which is how a name behind `as` is calculated."""
    pieces: list[Expr] = []
    for part in parts:
        if isinstance(part, ast.FormattedValue):
            pieces.append(_tree(part.value, room - 1))
        else:
            pieces.append(_tree(part, room - 1))
    if not pieces:
        return Text("")

    whole = pieces[0]
    for piece in pieces[1:]:
        whole = Binary("+", whole, piece)
    return Parens(whole)


# --- parts of tensors ------------------------------------------------------------------------------------------------


def _torch(name: str, *values: Expr) -> Call:
    return Call(Field(Name("torch"), name), tuple(Argument(None, value) for value in values))


def _subscript(node: ast.Subscript, room: int) -> Expr:
    value = _tree(node.value, room - 1)
    parts: list[ast.expr] = [node.slice]
    if isinstance(node.slice, ast.Tuple):
        parts = node.slice.elts
    elif not isinstance(node.slice, ast.Slice):
        return Index(value, _tree(node.slice, room - 1))
    if isinstance(value, Field) and value.name == "shape":
        return value  # `x.shape[2:]`: sizes are told one by one

    # From behind: a part that takes one index away moves the axes after it.
    behind = len(parts)
    start = next((at for at, part in enumerate(parts) if _is_ellipsis(part)), behind)
    for at in reversed(range(len(parts))):
        if _is_ellipsis(parts[at]):
            continue
        dim = at
        if at > start:
            dim = at - behind
        value = _part(value, dim, parts[at], room)
    return value


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _part(value: Expr, dim: int, part: ast.expr, room: int) -> Expr:
    """One axis of an index: all of it, a range, a single place, or a new axis."""
    axis = _number(dim)
    match part:
        case ast.Slice(lower=None, upper=None, step=None):
            return value
        case ast.Slice(lower=lower, upper=upper, step=step):
            bounds = [Name("None") if bound is None else _tree(bound, room - 1) for bound in (lower, upper, step)]
            return _torch("slice_axis", value, axis, *bounds)
        case ast.Constant(value=None):
            return _torch("unsqueeze", value, axis)
    return _torch("select", value, axis, _tree(part, room - 1))


def _number(value: int) -> Expr:
    if value < 0:
        return Unary("-", Number(-value, str(-value)))
    return Number(value, str(value))
