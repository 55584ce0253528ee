"""Signs between tensors, read as the operations that they mean: `a + b` is `a -> add(b)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archlang.elaborate.habits.habit import whole_number
from archlang.elaborate.habits.translation import Translation
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import Binary, Expr, Name, Number, Unary

MERGING = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
"""Signs between tensors, and the operations that they mean."""

_BINDING = (*MERGING, "**")


def joined_by_sign(
    expr: Binary,
    source: Callable[[Expr], str | None],
    is_step: Callable[[Expr], bool],
    rank_of: Callable[[Expr], int | None],
) -> Translation | None:
    """Read a chain of one sign between tensors: `a + b + c` is `a -> add(b, c)`.

    Args:
        expr: the chain.
        source: the text of an expression that is a tensor, None for others.
        is_step: tells if an expression is a stage of this language.
        rank_of: the axes of a tensor, None where they are not known.
    """
    sign = expr.operator
    terms: list[Expr] = []
    rest: Expr = expr
    while isinstance(rest, Binary) and rest.operator == sign:
        terms.insert(0, rest.right)
        rest = rest.left
    terms.insert(0, rest)

    if sign not in _BINDING:
        return None
    sources = [source(term) for term in terms]
    tensors = [one for one in sources if one is not None]
    if not tensors:
        return None

    if sign == "-" and sources[0] is not None and all(is_step(term) for term in terms[1:]):
        steps = [print_flat(term) for term in terms[1:]]  # the point of the arrow was forgotten
        return Translation("Python", sign, " -> ".join([sources[0], *steps]), is_flow=True)

    # `sub` and `mul` are of two: the order of a longer chain is better kept by names.
    if sign in MERGING and len(tensors) == len(terms) and (sign == "+" or len(terms) == 2):
        text: str | None = f"{tensors[0]} -> {MERGING[sign]}({', '.join(tensors[1:])})"
    elif sign in MERGING and len(tensors) == len(terms):
        steps = [f"{MERGING[sign]}({tensor})" for tensor in tensors[1:]]
        text = " -> ".join([tensors[0], *steps])
    else:
        text = _scaled(sign, terms, sources) or _shifted(sign, terms, sources, rank_of)
    return Translation("Python", sign, text, is_flow=True)


def _scaled(sign: str, terms: Sequence[Expr], sources: Sequence[str | None]) -> str | None:
    """A tensor times a number, or divided by one."""
    if len(terms) != 2:
        return None

    for source, other in ((sources[0], terms[1]), (sources[1], terms[0])):
        if source is None or not isinstance(other, Number | Name | Unary | Binary):
            continue
        factor = print_flat(other)
        if isinstance(other, Binary):  # an arrow or a sign of its own binds weaker
            factor = f"({factor})"
        if sign == "*":
            return f"{source} -> scale({print_flat(other)})"
        if sign == "**" and other is terms[1]:
            return f"{source} -> pow({print_flat(other)})"
        if sign == "/" and other is terms[1]:
            return f"{source} -> scale(1.0 / {factor})"
        if sign == "/" and isinstance(other, Number) and other.value == 1:
            return f"{source} -> reciprocal"
    return None


def _shifted(
    sign: str, terms: Sequence[Expr], sources: Sequence[str | None], rank_of: Callable[[Expr], int | None]
) -> str | None:
    """A tensor and a number, added, or one less the other."""
    if len(terms) != 2 or sign not in ("+", "-"):
        return None
    at = 0 if sources[0] is not None else 1
    number, rank = terms[1 - at], rank_of(terms[at])
    if rank is None or not isinstance(number, Number):
        return None

    if sign == "-" and at == 1:
        return f"{sources[at]} -> neg -> shift({number.value})"
    value = number.value
    if sign == "-":
        value = -value
    return f"{sources[at]} -> shift({value})"


def compared(
    sign: str, source: str | None, limit: Expr, is_step: Callable[[Expr], bool]
) -> Translation | None:
    """Read a tensor compared with a number: the mask of the numbers above it, or of those below.

    With a stage behind the sign, an arrow was meant.
    """
    if source is not None and sign == ">" and is_step(limit):
        return Translation("Python", sign, f"{source} -> {print_flat(limit)}", is_flow=True)
    if source is None or not isinstance(limit, Number | Unary | Name):
        return None
    bound = print_flat(limit)
    if sign == ">":
        inner = "" if whole_number(limit) == 0 else f"({bound})"
        return Translation("Python", sign, f"{source} -> above{inner or '(0)'}", is_flow=True)
    if isinstance(limit, Name):
        return None
    below = bound.removeprefix("-") if bound.startswith("-") else f"-{bound}"
    if whole_number(limit) == 0:
        below = "0"
    return Translation("Python", sign, f"{source} -> neg -> above({below})", is_flow=True)
