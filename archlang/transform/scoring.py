"""The coding loss, added to what a file trains on."""

from __future__ import annotations

from dataclasses import replace

from archlang.syntax.tree import Argument, Binary, Bind, Body, Call, Expr, File, Name, Number, Train


def with_coding_loss(file: File, weight: float) -> File:
    """`loss = f  -->  loss = f + weight * coding_loss(power = 4)`, in a `train` and its steps that read the label."""
    if not weight:
        return file
    declarations = tuple(
        replace(d, body=_body(d.body, weight)) if isinstance(d, Train) and not _has(d) else d for d in file.declarations
    )
    return replace(file, declarations=declarations)


def _has(train: Train) -> bool:
    from archlang.syntax.walk import walk

    return any(isinstance(node, Name) and node.text == "coding_loss" for node in walk(train))


def _body(body: Body, weight: float) -> Body:
    statements = tuple(
        replace(s, value=_sum(s.value, weight)) if isinstance(s, Bind) and s.name == "loss" else s
        for s in body.statements
    )
    return replace(body, statements=statements)


def _sum(loss: Expr, weight: float) -> Expr:
    number = Number(int(weight) if weight == int(weight) else weight)
    return Binary("+", loss, Binary("*", number, Call(Name("coding_loss"), (Argument("power", Number(4)),))))
