"""A tree as indented text, one node a line: the output of `--show tree` and the content of golden files."""

from __future__ import annotations

from dataclasses import fields

from archlang.syntax.tree import TreeNode

_HIDDEN = ("span", "before", "behind", "blank", "after", "written")


def dump(node: TreeNode) -> str:
    """Print the tree below a node: kind, plain fields, comments. Its parts follow two columns further right.

    >>> from archlang.syntax.tree import Binary, Name, Number
    >>> print(dump(Binary("*", Number(3), Name("relu"))))
    Binary operator='*'
      left: Number value=3
      right: Name text='relu'
    """
    lines: list[str] = []
    stack: list[tuple[int, str, TreeNode]] = [(0, "", node)]
    while stack:
        depth, label, one = stack.pop()
        plain, inner = _split(one)

        comments = list(one.before)
        if one.behind is not None:
            comments.append(one.behind)
        kind = type(one).__name__.removesuffix("Declaration")
        words = [kind, *plain, *(f"# {comment.text}" for comment in comments)]

        lines.append("  " * depth + label + " ".join(words))
        stack.extend((depth + 1, name, child) for name, child in reversed(inner))
    return "\n".join(lines)


def _split(node: TreeNode) -> tuple[list[str], list[tuple[str, TreeNode]]]:
    """Split the fields of a node into plain ones, as text, and nodes, each with the words before it."""
    plain: list[str] = []
    inner: list[tuple[str, TreeNode]] = []
    for one in fields(node):
        value = getattr(node, one.name)
        if one.name in _HIDDEN or one.name.endswith("_span") or value is None:
            continue

        if isinstance(value, TreeNode):
            inner.append((f"{one.name}: ", value))
        elif isinstance(value, tuple) and any(isinstance(item, TreeNode) for item in value):
            inner.extend((f"{one.name}[{at}]: ", item) for at, item in enumerate(value))
        elif value != ():
            plain.append(f"{one.name}={value!r}")
    return plain, inner
