"""Comparisons with names of the catalogue: facts that belong on the operation, asked for by name elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from archlang.ops import CATALOGUE
from tests.house.measure import File

NAMES = frozenset({*CATALOGUE.ops, *CATALOGUE.structures, *(name for _, name in CATALOGUE.settings)})
"""Everything that a file can call by a name of the catalogue."""


def constants(file: File) -> dict[str, set[str]]:
    """The module's own constants that hold names of the catalogue: `FANS = frozenset({"combine", ...})`."""
    held: dict[str, set[str]] = {}
    for node in file.tree.body:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            continue

        # A table from names to code is how a room holds an implementation of each; a set is a question.
        if isinstance(node.value, ast.Dict):
            continue
        words = {n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant) and n.value in NAMES}
        if words:
            held[node.targets[0].id] = words
    return held


def is_name(node: ast.expr) -> bool:
    """Tell whether an expression reads the name of an operation, a structure or a setting: `node.op.name`."""
    if not isinstance(node, ast.Attribute) or node.attr != "name":
        return False

    # Arguments and reasons have names of their own, such as `scale` and `shared`.
    return ast.unparse(node.value) not in ("a", "argument", "reason")


def asked(node: ast.expr, held: dict[str, set[str]]) -> set[str]:
    """The names of the catalogue that an expression holds, written out or in a constant of the module."""
    found = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and n.value in NAMES}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            found |= held.get(inner.id, set())
    return found


def comparisons(file: File) -> Iterator[tuple[int, str]]:
    """Every comparison, lookup and `match` of a name with names of the catalogue: its line and its text."""
    held = constants(file)
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for name in filter(is_name, sides):
                if any(asked(side, held) for side in sides if side is not name):
                    yield node.lineno, ast.unparse(node)
                    break
        elif isinstance(node, ast.Match) and is_name(node.subject):
            patterns = {n.value for case in node.cases for n in ast.walk(case.pattern) if isinstance(n, ast.Constant)}
            if patterns & NAMES:
                yield node.lineno, f"match {ast.unparse(node.subject)}"
