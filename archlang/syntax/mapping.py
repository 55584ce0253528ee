"""Rewriting of trees: the one way in which parts of a tree are exchanged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from archlang.syntax.tree import TreeNode
from archlang.syntax.walk import parts

N = TypeVar("N", bound=TreeNode)


def mapped(node: N, change: Callable[[TreeNode], TreeNode]) -> N:
    """Apply `change` to each node inside `node` and then to the node itself. Untouched parts stay the same objects.

    Args:
        node: the root; it is not modified.
        change: gets a node whose parts are changed already. It returns its argument if nothing is to be done.

    Spans and comments of changed nodes are kept.

    >>> from archlang.syntax.tree import Binary, Name
    >>> grown = mapped(Binary("+", Name("a"), Name("b")), lambda n: Name("c") if n == Name("a") else n)
    >>> grown.left.text, grown.right.text
    ('c', 'b')
    """
    changes: dict[str, Any] = {}
    for name in parts(type(node)):
        value = getattr(node, name)
        if isinstance(value, TreeNode):
            new: Any = mapped(value, change)
            if new is not value:
                changes[name] = new
        elif isinstance(value, tuple) and value:
            new = tuple(_mapped_item(item, change) for item in value)
            if any(a is not b for a, b in zip(new, value, strict=True)):
                changes[name] = new

    if changes:
        node = replace(node, **changes)
    return change(node)  # type: ignore[return-value]  # `change` keeps the kind of a node


def _mapped_item(item: object, change: Callable[[TreeNode], TreeNode]) -> object:
    if isinstance(item, TreeNode):
        return mapped(item, change)
    return item  # the sizes of `3x3` are plain numbers
