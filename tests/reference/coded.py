"""Branches of a code (Coded ResNeXt), branch by branch; a code is known by its numbers of rows and columns alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from archlang.syntax import tree
from tests.reference.names import evaluate
from tests.reference.values import Choice, Code, Flowing, Group, Scope, StructureUse, Surprise, Value, Where

if TYPE_CHECKING:
    from tests.reference.machine import Reference

SMALLEST = 1e-8
"""Added to a mean energy (systems.md, section 5): no energy in, none out."""


def declared(m: Reference, expr: tree.Expr, scope: Scope, folder: Path | None) -> object:
    """The value of `code name = ...`."""
    if isinstance(expr, tree.From):
        assert folder is not None, "a text has no neighbours"
        return Code.of([line.rpartition(",")[2] for line in (folder / expr.path).read_text().split()[1:]])

    value = evaluate(m, expr, scope)
    if isinstance(value, Choice):
        return _chosen(value)
    assert isinstance(value, Code)
    return value


def _chosen(choice: Choice) -> Code:
    if choice.name != "design":
        raise Surprise(choice.name)
    classes, branches, _ = choice.get(("classes", "branches", "active"), (None, None, None))
    assert isinstance(classes, int) and isinstance(branches, int)
    return Code(classes, branches)


def given(use: StructureUse) -> tuple[int, float]:
    """How many branches, and the probability of leaving one out."""
    code, drop = Choice(use.name, use.places, use.names).get(("words", "drop"), (None, 0.0))
    assert isinstance(code, Code) and isinstance(drop, int | float)
    return code.branches, drop


def left_out(m: Reference, branches: Group, drop: float) -> Group:
    """Nothing is left out at inference; what chance does has no reference."""
    assert not (drop and m.training), "noise has no reference"
    return branches


def energy_normalized(m: Reference, value: Flowing, where: Where) -> Group:
    """`y_n = T_n / sqrt(1/N sum_i E(T_i))`, E the mean of squares over all of a branch's numbers."""
    assert isinstance(value, Group)
    members = [v for v in value.members if isinstance(v, Value)]
    assert len(members) == len(value.members), "a branch makes one tensor"

    made = m.make("weigh", where.path, tuple(members), lambda use: _normalised([v.data for v in members]))
    return made if isinstance(made, Group) else Group((made,))


def _normalised(branches: list[Tensor]) -> tuple[Tensor, ...]:
    energies = [(t * t).reshape(len(t), -1).mean(1) for t in branches]
    mean = sum(energies[1:], energies[0]) / len(energies)
    root = (mean + SMALLEST).sqrt()
    return tuple(t / root.reshape(-1, *[1] * (t.dim() - 1)) for t in branches)
