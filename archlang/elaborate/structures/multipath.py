"""Routers: `fork` and `route`, and what cross-connections, cross-predictions and cross-stitches become."""

from __future__ import annotations

from collections.abc import Callable

from archlang.diagnostics import Label
from archlang.elaborate.context import Build, chain
from archlang.elaborate.layers import through_router
from archlang.elaborate.structures.common import Rule, applied, members_of, node_of, tensor_in
from archlang.elaborate.values import BundleValue, Given, OpStage, Place, StructureStage, TensorValue, Value
from archlang.ops.values import Option
from archlang.shapes import Bundle
from archlang.source import Span


def _fork(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    count: int = stage.given["n"]
    b.tick(stage.span, place, count)  # copies make no nodes, and still a bundle of so many members
    router: Option | None = stage.given["router"]
    if router is not None and isinstance(value, BundleValue):
        message = f"a one-to-many connector has one input, {len(value.members)} flow in"
        raise b.refuse("router-inputs", message, stage.span, secondary=(Label(at, f"this is {value.type}"),),
                       notes=chain(place), help=f"between bundles: `route({router.name}, to = {count})`")

    tensor = tensor_in(b, stage, value, at, place)
    if router is None:
        return BundleValue((tensor,) * count)
    return _routed(b, stage, (tensor,), count, router, at, place)


def _route(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    members = members_of(b, stage, value, at, place)
    if not all(isinstance(member, TensorValue) for member in members):
        raise b.refuse("expected-tensor", "`route` works on a bundle of tensors, this one holds bundles", stage.span,
                       secondary=(Label(at, f"this is {value.type}"),), notes=chain(place),
                       help="`each { route(...) }` works on each of them")
    count = stage.given["to"] or len(members)
    b.tick(stage.span, place, count)
    return _routed(b, stage, members, count, stage.given["router"], at, place)  # type: ignore[arg-type]  # all tensors


def _routed(b: Build, stage: StructureStage, inputs: tuple[TensorValue, ...], count: int, router: Option,
            at: Span, place: Place) -> Value:
    # One role for all routers: which of them connect paths is known here, which choose experts in `patch_experts`.
    connect = CONNECTING.get(router.name)
    if connect is None:
        message = f"`{router.name}` chooses between experts, it does not connect paths"
        raise b.refuse("router-inputs", message, stage.given.spans["router"], notes=chain(place),
                       help=f"`experts(n, {router.name}(...)) {{ ... }}` takes it; between paths: `cross_connection`")
    entering = ", ".join(str(value.type) for value in inputs)
    return through_router(b, router, stage.given.spans["router"], entering, place,
                          lambda inner: connect(b, stage, inputs, count, router, at, inner))


def _sums_equal(b: Build, stage: StructureStage, inputs: tuple[TensorValue, ...], router: Option, at: Span,
                place: Place) -> None:
    """Refuse inputs of several types to a router that sums them. Raises `Poisoned`."""
    types = tuple(value.type for value in inputs)
    if len(set(types)) > 1:
        raise b.refuse("unequal-members", f"`{router.name}` sums its inputs, so they must be equal", stage.span,
                       secondary=(Label(at, f"this is {Bundle(types)}"),), notes=chain(place))


def _cross_stitch(b: Build, stage: StructureStage, inputs: tuple[TensorValue, ...], count: int, router: Option,
                  at: Span, place: Place) -> Value:
    """Every output is a learned sum of all inputs (Misra et al. 2016, eq. 1)."""
    _sums_equal(b, stage, inputs, router, at, place)
    return BundleValue(node_of(b, stage, "stitch", {"outputs": count}, inputs, place, "stitch"))


def _cross_connection(b: Build, stage: StructureStage, inputs: tuple[TensorValue, ...], count: int, router: Option,
                      at: Span, place: Place) -> Value:
    """Every output is the sum of all inputs, weighted by their gates for it (Tissera 2023, eq. 3.7)."""
    _sums_equal(b, stage, inputs, router, at, place)
    gates = _gates(b, stage, inputs, count, router, place)
    # `column` None: each input is one tensor for all outputs, not a prediction for each of them.
    sums = node_of(b, stage, "combine", {"column": None, "outputs": count}, (gates, *inputs), place, "combine")
    return BundleValue(sums)


def _cross_prediction(b: Build, stage: StructureStage, inputs: tuple[TensorValue, ...], count: int, router: Option,
                      at: Span, place: Place) -> Value:
    """Every input predicts every output: `Y_j = act(sum_i g_ij U_ij)` (Tissera 2023, eq. 3.1, 3.6)."""
    gates = _gates(b, stage, inputs, count, router, place)
    total = len(inputs) * count

    # U_ij, the prediction of input i for output j (eq. 3.1).
    predicted: list[list[TensorValue]] = []
    for i, value in enumerate(inputs):
        row = []
        for j in range(count):
            member = place.member("route", i * count + j, total, str(i), str(j))
            row.append(_predict(b, stage, router.args["stage"], value, member))
        predicted.append(row)

    # Y_j, the sum of column j by its gates g_ij (eq. 3.6).
    outputs: list[Value] = []
    for j in range(count):
        column = tuple(row[j] for row in predicted)
        joined = node_of(b, stage, "combine", {"column": j, "outputs": count}, (gates, *column), place, "combine")[0]
        act = router.args["act"] or OpStage(b.catalogue.ops["relu"], Given({}), "relu", span=stage.span)
        outputs.append(applied(b, act, joined, stage.span, place))  # type: ignore[arg-type]  # a stage, by its kind
    return BundleValue(tuple(outputs))


def _predict(b: Build, stage: StructureStage, mapping: object, value: TensorValue, place: Place) -> TensorValue:
    result = applied(b, mapping, value, stage.span, place)  # type: ignore[arg-type]  # a stage, by its kind
    if not isinstance(result, TensorValue):
        message = "a cross-prediction predicts one tensor, this flow makes a bundle"
        raise b.refuse("expected-tensor", message, stage.span)
    return result


def _gates(b: Build, stage: StructureStage, inputs: tuple[TensorValue, ...], count: int, router: Option,
           place: Place) -> TensorValue:
    args = {"hidden": router.args["hidden"], "outputs": count}
    return node_of(b, stage, "gates", args, inputs, place, "gates")[0]


CONNECTING: dict[str, Callable[..., Value]] = {
    "cross_connection": _cross_connection, "cross_prediction": _cross_prediction, "cross_stitch": _cross_stitch,
}
"""Routers that connect paths: a further one is a function here. The others choose between experts."""

RULES: dict[str, Rule] = {"fork": _fork, "route": _route}
