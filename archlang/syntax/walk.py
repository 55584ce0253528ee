"""Traversal of a tree without recursion, so that no file is too deep for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from archlang.syntax.tree import Comment, TreeNode

_NOT_MEANING = ("span", "before", "behind", "blank", "after")
"""Fields that say where a node stands and which comments hang on it."""

_PLAIN = {"str", "str | None", "bool", "int", "int | float", "tuple[int, ...]", "Operator"}
"""Types of fields that hold no node."""

# `fields` is slow, and a check walks the tree several times.
_PARTS: dict[type[TreeNode], tuple[str, ...]] = {}
_HOLDERS: dict[type[TreeNode], tuple[str, ...]] = {}


def parts(kind: type[TreeNode]) -> tuple[str, ...]:
    """The fields of a kind of node that carry its meaning, without places and comments."""
    known = _PARTS.get(kind)
    if known is not None:
        return known

    names = [one.name for one in fields(kind)]
    _PARTS[kind] = tuple(
        name for name in names if name not in _NOT_MEANING and not name.endswith("_span")
    )  # fmt: skip
    return _PARTS[kind]


def _holders(kind: type[TreeNode]) -> tuple[str, ...]:
    """The fields of a kind of node that may hold other nodes."""
    types = {one.name: str(one.type) for one in fields(kind)}
    _HOLDERS[kind] = tuple(
        name for name in parts(kind) if types[name] not in _PLAIN and not types[name].startswith("Literal[")
    )  # fmt: skip
    return _HOLDERS[kind]


def children(node: TreeNode) -> list[TreeNode]:
    """The nodes directly inside a node, in the order of its fields.

    >>> from archlang.syntax.tree import Binary, Name
    >>> [child.text for child in children(Binary("+", Name("a"), Name("b")))]
    ['a', 'b']
    """
    kind = type(node)
    names = _HOLDERS.get(kind)
    if names is None:
        names = _holders(kind)

    found: list[TreeNode] = []
    for name in names:
        value = getattr(node, name)
        # Most are absent or a node; what is neither is a tuple, or a text where a field takes both.
        if value is None:
            continue
        if isinstance(value, TreeNode):
            found.append(value)
        elif isinstance(value, tuple):
            found += [item for item in value if isinstance(item, TreeNode)]
    return found


def walk(node: TreeNode) -> Iterator[TreeNode]:
    """Yield a node and all that is inside it, each before its parts, in the order of the fields."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        inner = children(one)
        if inner:
            inner.reverse()
            stack += inner


def comments_of(node: TreeNode) -> Iterator[Comment]:
    """Yield every comment that hangs on a node or on one inside it."""
    for one in walk(node):
        yield from one.before
        if one.behind is not None:
            yield one.behind
        yield from getattr(one, "after", ())  # only files and bodies have comments at their end
