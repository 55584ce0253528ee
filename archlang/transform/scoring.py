"""The coding loss, added to what a file trains on."""

from __future__ import annotations

from dataclasses import replace

from archlang.syntax.tree import Argument, Binary, Bind, Body, Call, Expr, File, Name, Number, Train
from archlang.syntax.walk import walk

LOSS = "coding_loss"


def with_coding_loss(file: File, weight: float) -> File:
    """`loss = f  -->  loss = f + weight * coding_loss(power = 4)`, in a `train` and its steps that read the label."""
    if not weight:
        return file

    declarations = []
    for declaration in file.declarations:
        if isinstance(declaration, Train) and not _has_loss(declaration):
            declaration = replace(declaration, body=_body(declaration.body, weight))
        declarations.append(declaration)
    return replace(file, declarations=tuple(declarations))


def _has_loss(train: Train) -> bool:
    """Tell whether the coding loss is there already."""
    return any(isinstance(node, Name) and node.text == LOSS for node in walk(train))


def _body(body: Body, weight: float) -> Body:
    """A body whose `loss` has one more term."""
    statements = tuple(
        replace(s, value=_sum(s.value, weight)) if isinstance(s, Bind) and s.name == "loss" else s
        for s in body.statements
    )
    return replace(body, statements=statements)


def _sum(loss: Expr, weight: float) -> Expr:
    """`loss + weight * coding_loss(power = 4)`."""
    # `6`, not `6.0`, as one would write it.
    number = Number(weight)
    if weight == int(weight):
        number = Number(int(weight))
    coding = Call(Name(LOSS), (Argument("power", Number(4)),))
    return Binary("+", loss, Binary("*", number, coding))
