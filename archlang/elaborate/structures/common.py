"""Shared by the rules of structural stages: the flows in braces, what may enter, the nodes that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archlang.diagnostics import Label
from archlang.elaborate.bodies import body
from archlang.elaborate.context import Build, chain
from archlang.elaborate.interpret import apply
from archlang.elaborate.operations import no_grid
from archlang.elaborate.values import (
    BundleValue,
    GridValue,
    Place,
    Poison,
    Poisoned,
    Stage,
    StructureStage,
    TensorValue,
    Value,
)
from archlang.ops.kinds import Fault
from archlang.shapes import Dim
from archlang.source import Span
from archlang.syntax.tree import Body

Rule = Callable[[Build, StructureStage, Value, Span, Place], Value]
"""What a structural stage makes of a value: its modules live in the place, the span is where the value stands."""


def braces(stage: StructureStage) -> Body:
    """The braces of a stage that has some."""
    assert stage.body is not None, "the evaluator reports missing braces"
    return stage.body


def inside(b: Build, stage: StructureStage, tree: Body, value: Value, at: Span, place: Place) -> Value:
    """Return what a flow in the braces makes of a value. Raises `Poisoned`."""
    result = body(b, tree, stage.env.applied(value, place, at))
    if isinstance(result, Poison):
        raise Poisoned
    return result


def members_of(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> tuple[Value, ...]:
    """The members of the bundle that must flow in."""
    # A grid is a bundle by its class, and has no members.
    if isinstance(value, GridValue):
        raise no_grid(b, stage, stage.structure.name, value, at, place)
    if isinstance(value, BundleValue):
        return value.members

    raise b.refuse("expected-bundle", f"`{stage.structure.name}` works on a bundle, this is one tensor", stage.span,
                   secondary=(Label(at, f"this is {value.type}"),), notes=chain(place),
                   help=("`fork(n)` makes parallel copies of a tensor, `parallel { a; b }` several branches",
                         "`layers { a; b }` hands out the result of every step"))


def tensor_in(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> TensorValue:
    """The one tensor that must flow in."""
    if isinstance(value, TensorValue):
        return value
    if isinstance(value, GridValue):
        raise no_grid(b, stage, stage.structure.name, value, at, place)

    raise b.refuse("expected-tensor", f"`{stage.structure.name}` takes one tensor, a bundle flows in", stage.span,
                   secondary=(Label(at, f"this is {value.type}"),), notes=chain(place),
                   help="bring the members together first (sum, mean, concat), or work on each: `each { ... }`")


def applied(b: Build, stage: Stage, value: TensorValue, at: Span, place: Place) -> Value:
    """Return what a stage makes of a tensor. Raises `Poisoned`."""
    result = apply(b, stage, value, at, place)
    if isinstance(result, Poison):
        raise Poisoned
    return result


def node_of(b: Build, stage: StructureStage, op: str, args: Mapping[str, Any], inputs: tuple[TensorValue, ...],
          place: Place, name: str, rows: Dim | None = None) -> tuple[TensorValue, ...]:
    """Append a node of an operation that files do not write themselves, named inside the place."""
    try:
        return b.emit(b.catalogue.ops[op], args, inputs, (*place.path, place.unique(name)), place, stage.span, rows)
    except Fault as fault:
        # These operations are written nowhere, so that an input by its number would say nothing to a reader.
        if fault.input is not None and not fault.label:
            fault.label = ", ".join(str(v.type) for v in inputs[-2:])
        raise b.fault(fault, stage.span, stage.given, place) from None


def collected(count: int, make: Callable[[int], Value]) -> Value:
    """All members made, so that the mistakes of each are found; then the first failure counts."""
    members: list[Value] = []
    for i in range(count):
        try:
            members.append(make(i))
        except Poisoned:
            continue

    if len(members) < count:
        raise Poisoned
    return BundleValue(tuple(members))
