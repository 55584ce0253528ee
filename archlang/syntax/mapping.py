"""A tree with parts exchanged: the one way in which trees are rewritten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from archlang.syntax.tree import TreeNode
from archlang.syntax.walk import parts

N = TypeVar("N", bound=TreeNode)


def mapped(node: N, change: Callable[[TreeNode], TreeNode]) -> N:
    """The node with `change` applied to each node inside it and then to itself; untouched parts stay the same objects.

    `change` returns what it is given where nothing is to be done. Spans and comments of changed nodes are kept.

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
            new = tuple(mapped(item, change) if isinstance(item, TreeNode) else item for item in value)
            if any(a is not b for a, b in zip(new, value, strict=True)):
                changes[name] = new
    return change(replace(node, **changes) if changes else node)  # type: ignore[return-value]  # kinds are kept by `change`
