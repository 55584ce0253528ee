"""Parallel parts: `each`, `shared`, `parallel`, `layers`, and the bypass `residual`."""

from __future__ import annotations

from dataclasses import replace

from archlang.diagnostics import Label
from archlang.graph.context import Build, chain
from archlang.graph.structural import Rule, braces, collected, flows, inside, members_of, node_of, tensor_in
from archlang.graph.values import BundleValue, Place, StructureStage, TensorValue, Value
from archlang.ops.values import Option
from archlang.source import Span


def _each(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    tree = braces(stage)
    members = members_of(b, stage, value, at, place)

    def make(i: int) -> Value:
        return inside(b, stage, tree, members[i], at, place.member("each", i, len(members)))

    return collected(len(members), make)


def _shared(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    tree = braces(stage)
    members = members_of(b, stage, value, at, place)
    if len({m.type for m in members}) > 1:
        raise b.refuse("unequal-members", "weights can be shared by equal members only", stage.span,
                       secondary=(Label(at, f"this is {value.type}"),), notes=chain(place),
                       help="`each { ... }` gives every member its own weights")

    def make(i: int) -> Value:
        inner = replace(place.member("shared", i, len(members)), path=place.path, taken={})
        return inside(b, stage, tree, members[i], at, inner)

    return collected(len(members), make)


def _parallel(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    branches = flows(braces(stage))

    def make(i: int) -> Value:
        return inside(b, stage, branches[i], value, at, place.member("parallel", i, len(branches)))

    return collected(len(branches), make)


def _layers(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    steps = flows(braces(stage))
    results: list[Value] = []
    for i, tree in enumerate(steps):
        value = inside(b, stage, tree, value, at, place.member("layers", i, len(steps)))
        at = tree.flows[0].span if tree.flows else tree.span
        results.append(value)
    return BundleValue(tuple(results))


def _residual(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    tree = braces(stage)
    tensor = tensor_in(b, stage, value, at, place)
    result = inside(b, stage, tree, tensor, at, place)
    if not isinstance(result, TensorValue):
        message = "`residual` adds what enters to what its flow makes: this flow makes a bundle"
        raise b.refuse("expected-tensor", message, tree.span, f"this is {result.type}", notes=chain(place))
    if result.type != tensor.type:
        message = f"`residual` adds what enters to what its flow makes, but {tensor.type} and {result.type} differ"
        raise b.refuse("shape-mismatch", message, tree.span, f"this makes {result.type}", notes=chain(place),
                       secondary=(Label(at, f"{tensor.type} enters"),))
    mix = stage.given["mix"]
    if mix is None:
        return node_of(b, stage, "add", {}, (tensor, result), place, "add")[0]
    beta = mix.args["beta"] if isinstance(mix, Option) else None
    return node_of(b, stage, "mix", {"beta": beta}, (tensor, result), place, "mix")[0]


RULES: dict[str, Rule] = {
    "each": _each, "shared": _shared, "parallel": _parallel, "layers": _layers, "residual": _residual,
}
