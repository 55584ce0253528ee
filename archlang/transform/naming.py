"""Names for what a transformation brings in, which nothing in a network has yet."""

from __future__ import annotations

from collections.abc import Set

from archlang.syntax.tree import Name, TreeNode
from archlang.syntax.walk import walk


def names_in(tree: TreeNode) -> set[object]:
    """Every name that a part of a file declares or says."""
    declared: set[object] = {getattr(node, "name", None) for node in walk(tree)}
    return declared | {node.text for node in walk(tree) if isinstance(node, Name)}


def fresh(name: str, taken: Set[object]) -> str:
    """The name, or the first of name_2, name_3 ... that is free.

    >>> fresh("gate", {"gate", "gate_2"})
    'gate_3'
    """
    candidates = [name, *(f"{name}_{i}" for i in range(2, len(taken) + 3))]
    return next(c for c in candidates if c not in taken)
