"""Structures of the catalogue and the rules that give them their meaning: one for each."""

from __future__ import annotations

from archlang.elaborate.structures.catalogue import FAMILIES, RULES
from archlang.ops import CATALOGUE


def test_every_structure_has_a_rule_and_every_rule_a_structure() -> None:
    assert set(RULES) == set(CATALOGUE.structures)


def test_no_rule_hides_another() -> None:
    assert len(RULES) == sum(len(family.RULES) for family in FAMILIES)
