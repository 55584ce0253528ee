"""Attention over layers: `attend(kind)` becomes the operation of its kind, `attend_KIND`."""

from __future__ import annotations

from archlang.diagnostics import Label
from archlang.elaborate.context import Build, chain
from archlang.elaborate.structures.common import Rule, members_of
from archlang.elaborate.values import Place, StructureStage, TensorValue, Value
from archlang.ops.kinds import Fault
from archlang.ops.layer_attention import PREFIX
from archlang.ops.model import Op
from archlang.ops.values import Option
from archlang.source import Span


def _attend(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    members = members_of(b, stage, value, at, place)
    if not all(isinstance(member, TensorValue) for member in members):
        raise b.refuse("expected-tensor", "`attend` works on a bundle of tensors, this one holds bundles", stage.span,
                       secondary=(Label(at, f"this is {value.type}"),), notes=chain(place),
                       help="`each { attend(...) }` works on each of them")

    kind: Option = stage.given["by"]
    op = b.catalogue.ops[PREFIX + kind.name]
    path = (*place.path, place.unique(kind.name))
    try:
        args = _arguments(op, kind)
        results = b.emit(op, args, members, path, place, stage.span)  # type: ignore[arg-type]  # all are tensors
    except Fault as fault:
        # The operation's arguments are those of the kind: they all stand inside the one argument `by`.
        where = stage.span
        if fault.argument:
            where = stage.given.spans.get("by", stage.span)
        labels = []
        if at != where:
            labels.append(Label(at, f"this is {value.type}"))
        raise b.fault(fault, where, None, place, labels) from None
    return results[0]


def _arguments(op: Op, kind: Option) -> dict[str, object]:
    """The setting's arguments, and the defaults of those that only the operation has."""
    defaults = {arg.name: arg.default for arg in op.args}
    return {**defaults, **kind.args}


RULES: dict[str, Rule] = {"attend": _attend}
