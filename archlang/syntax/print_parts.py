"""The small parts of printed text: literals, comments and empty lines, rows of members between brackets."""

from __future__ import annotations

from collections.abc import Sequence

import archlang.syntax.tree as tree
from archlang.syntax.layout import HARD, Doc, TrailingComment, align, cat, soft
from archlang.syntax.spelling import HIDDEN

# --- literals --------------------------------------------------------------------------------------------------------


def number(node: tree.Number) -> str:
    """A number as the file spelt it, if that is still its value."""
    try:
        if node.written and type(node.value)(node.written) == node.value:
            return node.written
    except ValueError:  # an integer spelt as `1e3`
        pass
    return repr(node.value)


def quote(text: str) -> str:
    """A string as a file writes it, with hidden characters as escapes."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    escaped = HIDDEN.sub(lambda match: "".join(f"\\u{{{ord(char):x}}}" for char in match[0]), plain)
    return f'"{escaped}"'


# --- comments and empty lines ----------------------------------------------------------------------------------------


def above(node: tree.TreeNode) -> Doc:
    """The comments before a node, each on its line."""
    parts: list[Doc] = []
    for comment in node.before:
        parts.extend((comment.text, HARD))
    return cat(*parts, "")


def behind(node: tree.TreeNode) -> Doc:
    """The comment behind a node, at the end of its line."""
    if node.behind is None:
        return ""
    return TrailingComment(node.behind.text)


def lead(node: tree.TreeNode, at: int, wide: bool = False) -> Doc:
    """The comments and empty lines before a node that has a line for itself.

    Args:
        node: the node, with the marks of empty lines in the file.
        at: its index among the nodes around it. No empty line stands before the first one.
        wide: put one empty line before it even if the file has none.
    """
    has_blank = node.blank or any(comment.blank for comment in node.before)
    add_blank = wide and not has_blank

    parts: list[Doc] = []
    for number, comment in enumerate(node.before):
        follows_something = at > 0 or number > 0
        if (comment.blank and follows_something) or (add_blank and number == 0):
            parts.append(HARD)
        parts.extend((comment.text, HARD))

    follows_something = at > 0 or bool(node.before)
    if (node.blank and follows_something) or (add_blank and not node.before):
        parts.append(HARD)
    return cat(*parts, "")


# --- rows ------------------------------------------------------------------------------------------------------------


def row(opening: str, nodes: Sequence[tree.TreeNode], docs: Sequence[Doc], closing: str) -> Doc:
    """Members between brackets: as many on a line as fit, aligned with the first.

    Args:
        opening: the bracket before them.
        nodes: the members, for their comments.
        docs: the documents of the members.
        closing: the bracket behind them.
    """
    if not nodes:
        return opening + closing

    parts: list[Doc] = []
    last = len(nodes) - 1
    for at, (node, doc) in enumerate(zip(nodes, docs, strict=True)):
        if at < last:
            end = cat(",", behind(node))
        elif node.behind:  # the bracket would be part of the comment
            end = cat(behind(node), HARD, closing)
        else:
            end = closing

        member = cat(above(node), doc, end)
        if at == 0:
            parts.append(member)
        elif nodes[at - 1].behind or node.before:
            parts.append(cat(HARD, member))
        else:
            parts.append(soft(member))
    return cat(opening, align(*parts))
