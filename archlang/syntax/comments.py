"""Comments find the nodes they speak of, so that they move with them when the file is written anew.

A comment behind code hangs on the widest item that ends there. One on a line of its own hangs on the next item inside
the same brackets, or on the end of the braces. Items are nodes that may have lines of their own: declarations,
statements, flows in braces, the steps of a flow, arguments, parameters, members of lists.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import archlang.syntax.tree as tree
from archlang.source import Source
from archlang.syntax.lexing import Remark, Scanned, Token, blank_before
from archlang.syntax.walk import children, walk

_INDENT = re.compile(r"[ \t\r]*")
_EMPTY_LINE = re.compile(r"(?:^|\n)[ \t\r]*\n")
_NAMED_LINES = tree.Declaration | tree.Statement

_ITEMS: dict[type[tree.TreeNode], tuple[str, ...]] = {
    tree.File: ("declarations",), tree.Body: ("statements", "flows"), tree.Flow: ("steps",),
    tree.Call: ("arguments",), tree.From: ("arguments",), tree.Input: ("arguments",),
    tree.ListOf: ("items",), tree.TupleOf: ("items",), tree.Import: ("names",),
    tree.Block: ("parameters",), tree.NetworkDeclaration: ("dials",),
}
"""The fields of a node whose nodes may have lines, and so comments, of their own."""

Places = tuple[list[int], list[tree.TreeNode]]
"""The starts of some nodes, and the nodes."""


def attach(file: tree.File, scanned: Scanned) -> None:
    """Hang every comment on a node of the tree just made, and mark the nodes that an empty line stands before.

    Args:
        file: the tree; its nodes get their comments.
        scanned: the tokens and comments of the text that the tree was made of.
    """
    _mark_blanks(file, scanned.source)
    if not scanned.remarks:
        return

    index = _ItemIndex(file)
    token_ends = [token.end for token in scanned.tokens]
    ends_item = _item_ends(scanned.tokens)
    for remark in scanned.remarks:
        last = bisect_right(token_ends, remark.comment.span.start) - 1
        if remark.alone or last < 0 or not index.hang_behind(remark, scanned.tokens[last], ends_item[last]):
            index.hang_before(remark)

    index.finish()


def _item_ends(tokens: Sequence[Token]) -> list[Token]:
    """For each token, the one that ends the item before a comment there: separators are passed over."""
    found: list[Token] = []
    for token in tokens:
        if found and token.type in ("COMMA", "SEMICOLON"):
            found.append(found[-1])
        else:
            found.append(token)
    return found


def _set(node: tree.TreeNode, field: str, value: Any) -> None:
    # Nodes are frozen. These have just been made by the parser and nobody else holds them yet.
    object.__setattr__(node, field, value)


def _mark_blanks(file: tree.File, source: Source) -> None:
    # A text without an empty line is not walked through.
    if _EMPTY_LINE.search(source.text) is None:
        return

    # A line with many items is looked at once, however long it is.
    indents: dict[int, int] = {}
    for parent in walk(file):
        if not isinstance(parent, tree.Body | tree.File):
            continue
        for node in _items(parent):
            line_start = source.starts[source.position(node.span.start)[0] - 1]
            if line_start not in indents:
                indent = _INDENT.match(source.text, line_start)
                assert indent is not None  # it may be empty
                indents[line_start] = indent.end()
            if indents[line_start] == node.span.start and blank_before(source, node.span.start):
                _set(node, "blank", True)


class _ItemIndex:
    """The places at which the items of a tree begin and end, and the nodes inside each node."""

    def __init__(self, file: tree.File) -> None:
        self.file = file
        # Of the nodes that a comment was looked for in, by their id: their parts, and their items.
        self.inside: dict[int, Places] = {}
        self.items: dict[int, Places] = {}
        self.item_ids: set[int] = set()
        self.widest_ending: dict[int, tree.TreeNode] = {}  # offset of an end: the widest item with that end
        self.bodies: dict[int, tree.Body] = {}  # offset of a brace: the body it opens
        self.first_steps: set[int] = set()  # a comment on one of them speaks of the whole flow

        # A tuple that grows by one comment is copied each time, so the comments of a node are gathered in a list.
        self.gathered: dict[tuple[int, str], tuple[tree.TreeNode, list[tree.Comment]]] = {}

        for node in walk(file):
            self._register(node)

    def _register(self, node: tree.TreeNode) -> None:
        items = _items(node)
        if isinstance(node, tree.Body):
            self.bodies[node.span.start] = node
        if isinstance(node, tree.Flow):
            self.first_steps.add(id(items[0]))

        for item in items:
            self.item_ids.add(id(item))
            known = self.widest_ending.get(item.span.end)
            if known is None or item.span.start < known.span.start:
                self.widest_ending[item.span.end] = item

    def hang_behind(self, remark: Remark, last: Token, ending: Token) -> bool:
        """Hang a comment on the item that ends before it on its line; return False if there is none.

        Args:
            remark: the comment.
            last: the last token before the comment.
            ending: the last one that is not a separator.
        """
        body = self.bodies.get(last.start)
        if body is not None:  # `train {  # why`
            self._gather(body, "before", remark)
            return True

        node = self.widest_ending.get(ending.end)
        if node is None or node.behind is not None:
            return False
        _set(node, "behind", remark.comment)
        return True

    def hang_before(self, remark: Remark) -> None:
        """Hang a comment on the item that comes after it, or on the end of the node it is in."""
        path = self._path(remark.comment.span.start)
        if self._take_inside(path[-1], remark):
            return

        for node in reversed(path):  # a declaration is in the path, so one of them takes it
            if id(node) in self.item_ids and id(node) not in self.first_steps:
                self._gather(node, "before", remark)
                return

    def _take_inside(self, node: tree.TreeNode, remark: Remark) -> bool:
        """Hang a comment on an item of the node it stands in; return False if it speaks of the node itself."""
        place = remark.comment.span.start
        name_start = _name_start(node)
        if name_start is not None and name_start >= place:  # between `block` and its name
            return False

        starts, items = _places(self.items, node, _items)
        at = bisect_right(starts, place)
        if at < len(items):
            self._gather(items[at], "before", remark)
            return True
        if isinstance(node, tree.Body | tree.File):
            self._gather(node, "after", remark)
            return True
        if items and items[-1].span.end <= place:
            self._put_last(items[-1], remark)
            return True
        return False

    def _put_last(self, node: tree.TreeNode, remark: Remark) -> None:
        if node.behind is not None:  # a line holds one comment
            self._gather(node, "before", remark)
        else:
            _set(node, "behind", remark.comment)

    def _gather(self, node: tree.TreeNode, field: str, remark: Remark) -> None:
        """Keep a comment for a field of a node that holds several, until `finish`."""
        _, comments = self.gathered.setdefault((id(node), field), (node, []))
        comments.append(remark.comment)

    def finish(self) -> None:
        """Give every node the comments that were gathered for it."""
        for (_, field), (node, comments) in self.gathered.items():
            _set(node, field, (*getattr(node, field), *comments))

    def _path(self, place: int) -> list[tree.TreeNode]:
        """The nodes around a place, from the file to the innermost."""
        path: list[tree.TreeNode] = [self.file]
        while True:
            starts, parts = _places(self.inside, path[-1], children)
            at = bisect_right(starts, place) - 1
            if at < 0 or parts[at].span.end <= place:
                return path
            path.append(parts[at])


def _places(known: dict[int, Places], node: tree.TreeNode,
            find: Callable[[tree.TreeNode], list[tree.TreeNode]]) -> Places:
    """Return what `find` finds of a node, worked out once: many comments stand in one body."""
    if id(node) not in known:
        nodes = find(node)
        known[id(node)] = [one.span.start for one in nodes], nodes
    return known[id(node)]


def _name_start(node: tree.TreeNode) -> int | None:
    """Offset of the name of a declaration or statement. A comment before it speaks of all of it."""
    if not isinstance(node, _NAMED_LINES):
        return None

    span = getattr(node, "name_span", None) or getattr(node, "path_span", None)
    if span is None or not span.end:  # an output without a name
        return None
    return int(span.start)


def _items(node: tree.TreeNode) -> list[tree.TreeNode]:
    """The parts of a node that may have lines, and so comments, of their own."""
    found: list[tree.TreeNode] = []
    for name in _ITEMS.get(type(node), ()):
        # Arguments that are not written are None, not an empty tuple.
        found += getattr(node, name) or ()
    return found
