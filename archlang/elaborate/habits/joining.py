"""Texts of flows put together: a tensor and its stage, the arguments of a stage, a stage and how often it repeats."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.elaborate.habits.habit import value_text
from archlang.elaborate.habits.translation import Translation
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import Argument, Binary, Body, Call, Expr, Flow, Name, Number, Parens

_TOGETHER = {
    "reduce(width) -> reduce(features)": "global_avg_pool",
    "reduce(height) -> reduce(features)": "global_avg_pool",
    " -> permute([features, positions]) -> permute([features, positions])": "",
}
"""Steps one behind the other that are one, or none: the places of a map axis by axis, axes exchanged and back."""

REPEATED = "* n"
"""`Translation.shown` for a repetition with its number behind, or in a call."""


def repetition(expr: Expr) -> Translation | None:
    """Read `(flow) * 3`, `repeat(3) { flow }` and `repeat(3, stage)`; None for any other expression."""
    repeated: Expr
    match expr:
        case Binary(operator="*", left=Parens(inner=Flow()) as repeated, right=Number() as count):
            return Translation("Python", REPEATED, f"{print_flat(count)} * {print_flat(repeated)}")
        case Call(callee=Name(text="repeat" | "Repeat"), arguments=(Argument(value=Number() as count),),
                  body=Body(flows=(repeated,))):
            return Translation("Python", REPEATED, f"{print_flat(count)} * ({print_flat(repeated)})")
        case Call(callee=Name(text="repeat" | "Repeat"), body=None,
                  arguments=(Argument(value=Number() as count), Argument(value=Call() as repeated))):
            return Translation("Python", REPEATED, f"{print_flat(count)} * {print_flat(repeated)}")
    return None


def joined(source: str | None, stage: str | None) -> str | None:
    if source is None or stage is None:
        return None
    text = f"{source} -> {stage}"
    for twice, once in _TOGETHER.items():
        text = text.replace(twice, once)
    return text


def in_parentheses(arguments: Sequence[Argument]) -> str:
    if not arguments:
        return ""

    texts = []
    for argument in arguments:
        value = value_text(argument.value)
        if argument.name is not None:
            value = f"{argument.name} = {value}"
        texts.append(value)
    return f"({', '.join(texts)})"
