"""The tightness of expressions: which of them need parentheses inside which."""

from __future__ import annotations

import archlang.syntax.tree as tree
from archlang.syntax.tree import Expr

FLOW, NAMED, OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, POWER, AT, OPERAND, BASE = range(13)
"""Levels of tightness, from loose to tight, in the order of the rules of the grammar."""

BINARY: dict[str, tuple[int, int, int]] = {
    "or": (OR, OR, AND), "and": (AND, AND, NOT), "at": (AT, OPERAND, OPERAND), "**": (POWER, AT, SIGN),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), (COMPARE, SUM, SUM)),
    **dict.fromkeys(("+", "-"), (SUM, SUM, PRODUCT)),
    **dict.fromkeys(("*", "/", "//", "%"), (PRODUCT, PRODUCT, SIGN)),
}  # fmt: skip
"""Of each operator: its level, and the levels that its left and its right side must have at least."""


def level(node: Expr) -> int:
    """The level of an expression. It needs parentheses where a tighter one must stand."""
    match node:
        case tree.Flow(steps=(step,)):  # a program may make such a flow; it is printed as its step
            return level(step)
        case tree.Flow():
            return FLOW
        case tree.As():
            return NAMED
        case tree.Binary(operator=operator):
            return BINARY[operator][0]
        case tree.Unary(operator="not"):
            return NOT
        case tree.Unary():
            return SIGN
        case tree.Number(value=value) if value < 0:  # printed with its sign
            return SIGN
        case tree.Number() | tree.Text() | tree.Truth() | tree.SizeLiteral() | tree.If() | tree.For():
            return OPERAND

    return BASE  # names, calls, brackets: whatever may be called, indexed or asked for a field


def shows_braces(node: Expr) -> bool:
    """Return whether braces stand in an expression outside all other brackets, so that it cannot be a head."""
    stack: list[Expr] = [node]

    while stack:
        match stack.pop():
            case tree.Call(body=tree.Body()) | tree.If() | tree.For():
                return True
            case tree.Flow(steps=steps):
                stack.extend(steps)
            case tree.Binary(left=left, right=right):
                stack.extend((left, right))
            case tree.Call(callee=inner) | tree.Unary(operand=inner) | tree.As(step=inner):
                stack.append(inner)
            case tree.Field(value=inner) | tree.Index(value=inner):
                stack.append(inner)
    return False
