"""The places that parts of a printed file had before: a file that was rewritten, and the same one read again."""

from __future__ import annotations

from collections.abc import Mapping

from archlang.source import NOWHERE, Span
from archlang.syntax.tree import Call, File, Name, TreeNode
from archlang.syntax.walk import walk


def former_places(rewritten: File, read: File) -> Mapping[int, Span]:
    """By the offset at which a name or call of a file begins: its place before the file was rewritten.

    Args:
        rewritten: a file that was made of another. What stayed in it has its place there, what is new has none.
        read: the same file, printed and parsed.

    What is new is left out. Where both are not one text, nothing is known, and nothing is returned.

    >>> from archlang.source import Source
    >>> from archlang.syntax import parse
    >>> source = Source("a.arch", "archlang 1\\nlet   a = relu\\n")
    >>> former_places(parse(source), parse(Source("b.arch", "archlang 1\\nlet a = relu\\n")))[19].start
    21
    """
    old, new = (_named(file) for file in (rewritten, read))
    if [_meaning(node) for node in old] != [_meaning(node) for node in new]:
        return {}

    places: dict[int, Span] = {}
    # A call comes before the name that it begins with. A call may keep its place where its name is another now.
    for before, after in zip(old, new, strict=True):
        if before.span != NOWHERE:
            places[after.span.start] = before.span
    return places


def _named(file: File) -> list[TreeNode]:
    """The names and calls of a file, in its order: all that becomes a layer or uses a block."""
    return [node for node in walk(file) if isinstance(node, Name | Call)]


def _meaning(node: TreeNode) -> str:
    """The text of a name; empty for a call, whose name follows."""
    if isinstance(node, Name):
        return node.text
    return ""
