"""Attention over layers: `attend(kind)` becomes the operation of its kind, `attend_KIND`."""

from __future__ import annotations

from archlang.diagnostics import Label
from archlang.elaborate.context import Build, chain
from archlang.elaborate.structures.common import Rule, members_of
from archlang.elaborate.values import Place, StructureStage, TensorValue, Value
from archlang.ops.kinds import Fault
from archlang.ops.layer_attention import PREFIX
from archlang.ops.values import Option
from archlang.source import Span


def _attend(b: Build, stage: StructureStage, value: Value, at: Span, place: Place) -> Value:
    members = members_of(b, stage, value, at, place)
    if not all(isinstance(member, TensorValue) for member in members):
        raise b.refuse("expected-tensor", "`attend` works on a bundle of tensors, this one holds bundles", stage.span,
                       secondary=(Label(at, f"this is {value.type}"),), notes=chain(place),
                       help="`each { attend(...) }` works on each of them")
    kind: Option = stage.given["by"]
    path = (*place.path, place.unique(kind.name))
    try:
        made = b.emit(b.catalogue.ops[PREFIX + kind.name], _arguments(b, kind), members, path, place, stage.span)  # type: ignore[arg-type]  # all are tensors
    except Fault as fault:
        where = stage.given.spans.get("by", stage.span) if fault.argument else stage.span
        labels = () if at == where else (Label(at, f"this is {value.type}"),)
        raise b.fault(fault, where, None, place, labels) from None
    return made[0]


def _arguments(b: Build, kind: Option) -> dict[str, object]:
    """The setting's arguments, and the defaults of those that only the operation has."""
    own = {arg.name: arg.default for arg in b.catalogue.ops[PREFIX + kind.name].args}
    return {**own, **kind.args}


RULES: dict[str, Rule] = {"attend": _attend}
