"""Structural stages: what makes parallel values, works on each of them, routes between them, brings them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from archlang.diagnostics import Label
from archlang.graph.apply import Flowing, apply, body
from archlang.graph.context import Build, chain
from archlang.graph.values import (
    POISON,
    BundleValue,
    Env,
    Given,
    OpStage,
    Place,
    Poison,
    Poisoned,
    Stage,
    StructureStage,
    TensorValue,
    Value,
)
from archlang.ops.kinds import Fault
from archlang.ops.values import Option
from archlang.source import Span
from archlang.syntax.tree import Body


def structure(b: Build, stage: StructureStage, value: Flowing, at: Span, place: Place, name: str) -> Flowing:
    """Pass a value through a structural stage, whose modules live under `name`."""
    if not stage.structure.available:
        read_only(b, stage)
        message = f"`{stage.structure.name}` is part of the language, but this version cannot compile it yet"
        raise b.refuse("not-available", message, stage.span)
    if isinstance(value, Poison):
        read_only(b, stage)
        return POISON
    return _RULES[stage.structure.name](b, stage, value, at, place.enter(name))


def read_only(b: Build, stage: StructureStage) -> None:
    """Read the flows in the braces for mistakes, once."""
    if stage.body is None or id(stage.body) in b.surveyed:
        return
    b.surveyed.add(id(stage.body))
    with b.survey():
        for tree in flows(stage.body):
            body(b, tree, Env(stage.env, {}, POISON, Place()))


def flows(tree: Body) -> list[Body]:
    """A body as one body a flow."""
    return [replace(tree, flows=(flow,)) for flow in tree.flows] if len(tree.flows) > 1 else [tree]


def _braces(stage: StructureStage) -> Body:
    assert stage.body is not None, "the evaluator reports missing braces"
    return stage.body


def _inside(b: Build, stage: StructureStage, tree: Body, value: Value, place: Place) -> Value:
    result = body(b, tree, Env(stage.env, {}, value, place))
    if isinstance(result, Poison):
        raise Poisoned
    return result


def _members(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> tuple[Value, ...]:
    if isinstance(value, BundleValue):
        return value.members
    raise b.refuse("expected-bundle", f"`{stage.structure.name}` works on a bundle, this is one tensor", stage.span,
                   secondary=(Label(at, f"this is {value.type}"),), notes=chain(place.frames),
                   help="`fork(n)` makes parallel copies of a tensor, `parallel { a; b }` several branches")


def _tensor(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> TensorValue:
    if isinstance(value, TensorValue):
        return value
    raise b.refuse("expected-tensor", f"`{stage.structure.name}` takes one tensor, a bundle flows in", stage.span,
                   secondary=(Label(at, f"this is {value.type}"),), notes=chain(place.frames),
                   help="bring the members together first (sum, mean, concat), or work on each: `each { ... }`")


# --- one rule for each structure -------------------------------------------------------------------------------------


def _each(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    tree = _braces(stage)
    members = _members(b, stage, value, at, place)

    def make(i: int) -> Value:
        return _inside(b, stage, tree, members[i], place.member("each", i, len(members)))

    return _collect(len(members), make)


def _shared(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    tree = _braces(stage)
    members = _members(b, stage, value, at, place)
    if len({m.type for m in members}) > 1:
        raise b.refuse("unequal-members", "weights can be shared by equal members only", stage.span,
                       secondary=(Label(at, f"this is {value.type}"),), notes=chain(place.frames),
                       help="`each { ... }` gives every member its own weights")

    def make(i: int) -> Value:
        inner = replace(place.member("shared", i, len(members)), path=place.path, taken={})
        return _inside(b, stage, tree, members[i], inner)

    return _collect(len(members), make)


def _parallel(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    branches = flows(_braces(stage))

    def make(i: int) -> Value:
        return _inside(b, stage, branches[i], value, place.member("parallel", i, len(branches)))

    return _collect(len(branches), make)


def _layers(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    steps = flows(_braces(stage))
    results: list[Value] = []
    for i, tree in enumerate(steps):
        value = _inside(b, stage, tree, value, place.member("layers", i, len(steps)))
        results.append(value)
    return BundleValue(tuple(results))


def _fork(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    tensor = _tensor(b, stage, value, at, place)
    count: int = stage.given["n"]
    router: Option | None = stage.given["router"]
    if router is None:
        return BundleValue((tensor,) * count)
    return _routed(b, stage, (tensor,), count, router, place)


def _route(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    members = _members(b, stage, value, at, place)
    for member in members:
        _tensor(b, stage, member, at, place)
    count = stage.given["to"] or len(members)
    return _routed(b, stage, members, count, stage.given["router"], place)  # type: ignore[arg-type]  # all tensors


def _residual(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    tree = _braces(stage)
    tensor = _tensor(b, stage, value, at, place)
    result = _inside(b, stage, tree, tensor, place)
    if not isinstance(result, TensorValue):
        message = "`residual` adds what enters to what its flow makes: this flow makes a bundle"
        raise b.refuse("expected-tensor", message, tree.span, f"this is {result.type}", notes=chain(place.frames))
    mix = stage.given["mix"]
    if mix is None:
        return _node(b, stage, "add", {}, (tensor, result), place, "add")[0]
    beta = mix.args["beta"] if isinstance(mix, Option) else None
    return _node(b, stage, "mix", {"beta": beta}, (tensor, result), place, "mix")[0]


_RULES: dict[str, Callable[[Build, StructureStage, Value, Span, Place], Value]] = {
    "each": _each, "shared": _shared, "parallel": _parallel, "layers": _layers, "fork": _fork, "route": _route,
    "residual": _residual,
}


# --- routers ---------------------------------------------------------------------------------------------------------


def _routed(b: Build, stage: StructureStage, inputs: tuple[TensorValue, ...], count: int, router: Option,
            place: Place) -> Value:
    if router.name == "cross_prediction":
        return _cross_prediction(b, stage, inputs, count, router, place)
    if len({v.type for v in inputs}) > 1:
        types = ", ".join(str(v.type) for v in inputs)
        raise b.refuse("unequal-members", f"`{router.name}` sums its inputs, so they must be equal", stage.span,
                       f"these are {types}", notes=chain(place.frames))
    if router.name == "cross_stitch":
        return BundleValue(_node(b, stage, "stitch", {"outputs": count}, inputs, place, "stitch"))
    gates = _gates(b, stage, inputs, count, router, place)
    made = _node(b, stage, "combine", {"column": None, "outputs": count}, (gates, *inputs), place, "combine")
    return BundleValue(made)


def _cross_prediction(b: Build, stage: StructureStage, inputs: tuple[TensorValue, ...], count: int, router: Option,
                      place: Place) -> Value:
    """Every input predicts every output: `Y_j = act(sum_i g_ij U_ij)` (Tissera 2023, eq. 3.1, 3.6)."""
    gates = _gates(b, stage, inputs, count, router, place)
    total = len(inputs) * count
    outputs: list[Value] = []
    predicted = [
        [
            _predict(b, stage, router.args["stage"], value, place.member("route", i * count + j, total, str(i), str(j)))
            for j in range(count)
        ]
        for i, value in enumerate(inputs)
    ]
    for j in range(count):
        column = tuple(row[j] for row in predicted)
        joined = _node(b, stage, "combine", {"column": j, "outputs": count}, (gates, *column), place, "combine")[0]
        act = router.args["act"] or OpStage(b.catalogue.ops["relu"], Given({}), "relu", span=stage.span)
        outputs.append(_applied(b, act, joined, stage.span, place))  # type: ignore[arg-type]  # a stage, by its kind
    return BundleValue(tuple(outputs))


def _predict(b: Build, stage: StructureStage, mapping: object, value: TensorValue, place: Place) -> TensorValue:
    result = _applied(b, mapping, value, stage.span, place)  # type: ignore[arg-type]  # a stage, by its kind
    if not isinstance(result, TensorValue):
        message = "a cross-prediction predicts one tensor, this flow makes a bundle"
        raise b.refuse("expected-tensor", message, stage.span)
    return result


def _applied(b: Build, stage: Stage, value: TensorValue, at: Span, place: Place) -> Value:
    result = apply(b, stage, value, at, place)
    if isinstance(result, Poison):
        raise Poisoned
    return result


def _gates(b: Build, stage: StructureStage, inputs: tuple[TensorValue, ...], count: int, router: Option,
           place: Place) -> TensorValue:
    args = {"hidden": router.args["hidden"], "outputs": count}
    return _node(b, stage, "gates", args, inputs, place, "gates")[0]


def _node(b: Build, stage: StructureStage, op: str, args: Mapping[str, Any], inputs: tuple[TensorValue, ...],
          place: Place, name: str) -> tuple[TensorValue, ...]:
    try:
        return b.emit(b.catalogue.ops[op], args, inputs, (*place.path, place.unique(name)), place, stage.span)
    except Fault as fault:
        if fault.input is not None and not fault.label:
            fault.label = ", ".join(str(v.type) for v in inputs[-2:])
        raise b.fault(fault, stage.span, stage.given, place.frames) from None


def _collect(count: int, make: Callable[[int], Value]) -> Value:
    """All members made, so that the mistakes of each are found; then the first failure counts."""
    made: list[Value] = []
    for i in range(count):
        try:
            made.append(make(i))
        except Poisoned:
            continue
    if len(made) < count:
        raise Poisoned
    return BundleValue(tuple(made))
