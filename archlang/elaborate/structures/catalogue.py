"""Structural stages: the rule of each by its name. A new family of rules is one file and one line here."""

from __future__ import annotations

from archlang.elaborate.structures import coded, layer_attention, multipath, parallel, patch_experts, pbconv
from archlang.elaborate.structures.common import Rule

FAMILIES = (parallel, layer_attention, multipath, coded, pbconv, patch_experts)

RULES: dict[str, Rule] = {name: rule for family in FAMILIES for name, rule in family.RULES.items()}
