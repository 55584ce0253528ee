"""Parallel parts: `each`, `shared`, `parallel`, `layers`, and the bypass `residual`."""

from __future__ import annotations

from dataclasses import replace

from archlang.diagnostics import Label
from archlang.elaborate.context import COPY, Build, chain
from archlang.elaborate.structures.branches import branches_of
from archlang.elaborate.structures.common import Rule, braces, collected, inside, members_of, node_of, tensor_in
from archlang.elaborate.structures.patch_experts import shared_by_patches
from archlang.elaborate.values import BundleValue, GridValue, Place, StructureStage, TensorValue, Value
from archlang.ops.layer_attention import places_of
from archlang.ops.rules import features_of
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
    if isinstance(value, GridValue):
        return shared_by_patches(b, stage, value, at, place)

    members = members_of(b, stage, value, at, place)
    if len({member.type for member in members}) > 1:
        raise b.refuse("unequal-members", "weights can be shared by equal members only", stage.span,
                       secondary=(Label(at, f"this is {value.type}"),), notes=chain(place),
                       help=("`each { ... }` gives every member its own weights",
                             "members of other heights and widths share the weights of a layer: `layer head = ...`, "
                             "and `each { head }`"))

    def make(i: int) -> Value:
        # One path and no name taken: the nodes of all members are called alike, and so share their weights.
        inner = replace(place.member("shared", i, len(members)), path=place.path, taken={})
        return inside(b, stage, tree, members[i], at, inner)

    return collected(len(members), make)


def _parallel(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    branches = branches_of(b, stage, value, place)

    def make(i: int) -> Value:
        return branches[i].made(b, value, at, place.member("parallel", i, len(branches)))

    return collected(len(branches), make)


def _layers(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    steps = branches_of(b, stage, value, place)
    results: list[Value] = []
    for i, step in enumerate(steps):
        value = step.made(b, value, at, place.member("layers", i, len(steps)))
        # What enters the next layer stands where this one's flow does.
        at = step.tree.span
        if step.tree.flows:
            at = step.tree.flows[0].span
        results.append(value)
    return BundleValue(tuple(results))


def _residual(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    tree = braces(stage)
    _one_way(b, stage, place)
    tensor = tensor_in(b, stage, value, at, place)
    result = inside(b, stage, tree, tensor, at, place)
    joining = stage.given["join"] == "concat"
    what = "`residual` adds what enters to what its flow makes"
    if joining:
        what = "`residual` joins what enters and what its flow makes"
    if not isinstance(result, TensorValue):
        message = f"{what}: this flow makes a bundle"
        raise b.refuse("expected-tensor", message, tree.span, f"this is {result.type}", notes=chain(place))

    # Joined, only the places must agree: a dense map makes of both channels what it needs.
    fits = result.type == tensor.type
    if joining:
        fits = places_of(result.type) == places_of(tensor.type)
    if not fits or result.type.rank != tensor.type.rank:
        message = f"{what}, but {tensor.type} and {result.type} differ"
        raise b.refuse("shape-mismatch", message, tree.span, f"this makes {result.type}", notes=chain(place),
                       secondary=(Label(at, f"{tensor.type} enters"),), help=_to_fit(tensor, result))

    # A flow of an `if` that is not taken makes nothing: x + x would double it, silently.
    if result.port == tensor.port:
        message = "`residual` would merge what enters with itself: its flow passes its input through"
        raise b.refuse("same-twice", message, tree.span, notes=chain(place), help=COPY)
    return _brought_together(b, stage, tensor, result, place)


def _to_fit(tensor: TensorValue, result: TensorValue) -> tuple[str, ...]:
    """Say how a residual flow comes to fit what enters, or a shortcut to fit the flow."""
    wanted, made = tensor.type.dims, result.type.dims
    # A sequence has its features behind, and its positions are nobody's to change here.
    if len(wanted) <= 2 and wanted[:-1] == made[:-1]:
        return (f"end the flow with {wanted[-1]} features: `-> linear({wanted[-1]})`",)
    if len(wanted) == 2 and wanted[1] == made[1]:
        return (f"end the flow with {wanted[0]} channels of a line: `-> conv1d(1, {wanted[0]})`, or with so many "
                f"positions of a sequence",)
    # Equal places and unequal types: the channels differ.
    if places_of(tensor.type) == places_of(result.type):
        return (f"end the flow with {tensor.type.dims[0]} channels, or let a shortcut change them: "
                f"`std.resnet (projection)`, as in `body -> add(in -> projection({result.type.dims[0]}))`",)
    return ("a flow with strides needs a shortcut that has them too: `body -> add(in -> projection(c, stride = 2))`",)


def _one_way(b: Build, stage: StructureStage, place: Place) -> None:
    """`mix` and `join = concat` are two ways to bring x and f(x) together."""
    if stage.given["mix"] is not None and stage.given["join"] == "concat":
        other = (Label(stage.given.spans["mix"], "x and f(x) are mixed"),)
        raise b.refuse("conflicting-arguments", "`mix` and `join = concat` exclude each other",
                       stage.given.spans["join"], "x and f(x) are joined", secondary=other, notes=chain(place),
                       help="a mix is a weighted sum; joined, a dense map of both decides")


def _brought_together(b: Build, stage: StructureStage, x: TensorValue, fx: TensorValue, place: Place) -> Value:
    """x + f(x), their mix, or attention over the two (Bird 2022, section 2: concatenation, then contraction)."""
    if stage.given["join"] == "concat":
        args = {"features": features_of(fx.type), "bypass": True}
        return node_of(b, stage, "attend_innate_static", args, (x, fx), place, "join")[0]

    mix = stage.given["mix"]
    if mix is None:
        return node_of(b, stage, "add", {}, (x, fx), place, "add")[0]
    beta = None  # learned, unless it is given
    if isinstance(mix, Option):
        beta = mix.args["beta"]
    return node_of(b, stage, "mix", {"beta": beta}, (x, fx), place, "mix")[0]


RULES: dict[str, Rule] = {
    "each": _each, "shared": _shared, "parallel": _parallel, "layers": _layers, "residual": _residual,
}
