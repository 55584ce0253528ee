"""Going through a tree without recursion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from archlang.syntax.tree import Comment, TreeNode

_PARTS: dict[str, tuple[str, ...]] = {}


def parts(kind: type[TreeNode]) -> tuple[str, ...]:
    """The fields of a kind of node that say what it is, without those that say where it stands."""
    known = _PARTS.get(kind.__name__)
    if known is None:
        kept = ("span", "before", "behind", "blank", "after")
        known = tuple(one.name for one in fields(kind) if one.name not in kept and not one.name.endswith("_span"))
        _PARTS[kind.__name__] = known
    return known


def children(node: TreeNode) -> Iterator[TreeNode]:
    """The nodes directly inside a node, in the order of its fields.

    >>> from archlang.syntax.tree import Binary, Name
    >>> [child.text for child in children(Binary("+", Name("a"), Name("b")))]
    ['a', 'b']
    """
    for name in parts(type(node)):
        value = getattr(node, name)
        if isinstance(value, TreeNode):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, TreeNode))


def walk(node: TreeNode) -> Iterator[TreeNode]:
    """A node and all that is inside it, each before its parts, in the order of the fields."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(reversed(list(children(one))))


def comments_of(node: TreeNode) -> Iterator[Comment]:
    """Every comment that hangs on a node or inside it."""
    for one in walk(node):
        yield from one.before
        if one.behind is not None:
            yield one.behind
        yield from getattr(one, "after", ())
