"""Structural stages: each name and its rule. A new family of rules is one file and one line here."""

from __future__ import annotations

from archlang.graph import attending, boosted, branches, parallel, patching, routing
from archlang.graph.apply import Flowing
from archlang.graph.context import Build
from archlang.graph.structural import Rule, read_only
from archlang.graph.values import POISON, Place, Poison, StructureStage
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
