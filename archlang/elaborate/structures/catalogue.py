"""Structural stages: each name and its rule. A new family of rules is one file and one line here."""

from __future__ import annotations

from archlang.elaborate.context import Build
from archlang.elaborate.stages import Flowing
from archlang.elaborate.structures import coded as branches
from archlang.elaborate.structures import layer_attention as attending
from archlang.elaborate.structures import multipath as routing
from archlang.elaborate.structures import parallel
from archlang.elaborate.structures import patch_experts as patching
from archlang.elaborate.structures import pbconv as boosted
from archlang.elaborate.structures.common import Rule, read_only
from archlang.elaborate.values import POISON, Place, Poison, StructureStage
from archlang.source import Span

RULES: dict[str, Rule] = {
    **parallel.RULES, **attending.RULES, **routing.RULES, **branches.RULES, **boosted.RULES, **patching.RULES,
}


def structure(b: Build, stage: StructureStage, value: Flowing, at: Span, place: Place, name: str) -> Flowing:
    """Pass a value through a structural stage, whose modules live under `name`."""
    if not stage.structure.available:
        read_only(b, stage)
        message = f"`{stage.structure.name}` is part of the language, but this version cannot compile it yet"
        raise b.refuse("not-available", message, stage.span)
    if isinstance(value, Poison):
        read_only(b, stage)
        return POISON
    return RULES[stage.structure.name](b, stage, value, at, place.enter(name))
