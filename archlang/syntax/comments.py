"""Comments find the nodes they speak of, so that they move with them when the file is written anew.

A comment behind code hangs on the widest item that ends there; one on a line of its own on the next item inside the
same brackets, or on the end of the braces. Items are what may have lines of their own: declarations, statements, flows
in braces, the steps of a flow, arguments, parameters, members of lists.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from archlang.source import Source
from archlang.syntax import tree
from archlang.syntax.lexing import Remark, Scanned, Token, blank_before
from archlang.syntax.walk import children, walk

_LINES = tree.Declaration | tree.Statement


def attach(file: tree.File, scanned: Scanned) -> None:
    """Hang every comment on a node of the tree just made, and mark the nodes that an empty line stands before."""
    _mark_blanks(file, scanned.source)
    if not scanned.remarks:
        return
    index = _Index(file)
    ends = [token.end for token in scanned.tokens]
    for remark in scanned.remarks:
        last = bisect_right(ends, remark.comment.span.start) - 1
        if remark.own or last < 0 or not index.behind(remark, scanned.tokens, last):
            index.before(remark)


def _add(node: tree.TreeNode, field: str, value: Any) -> None:
    object.__setattr__(node, field, value)  # the tree is a moment old and still nobody's


def _mark_blanks(file: tree.File, source: Source) -> None:
    lines = (item for node in walk(file) if isinstance(node, tree.Body | tree.File) for item in _items(node))
    for node in lines:
        line = source.starts[source.position(node.span.start)[0] - 1]
        if blank_before(source, node.span.start) and not source.text[line : node.span.start].strip():
            _add(node, "blank", True)


class _Index:
    """Where the items of a tree begin and end, and what is inside what."""

    def __init__(self, file: tree.File) -> None:
        self.file = file
        self.inside: dict[int, tuple[list[int], list[tree.TreeNode]]] = {}
        self.items: dict[int, list[tree.TreeNode]] = {}
        self.ending: dict[int, tree.TreeNode] = {}  # offset of an end: the widest item with that end
        self.bodies: dict[int, tree.Body] = {}  # offset of a brace: the body it opens
        self.anchors: set[int] = set()
        self.firsts: set[int] = set()  # first steps: what speaks of them speaks of the whole flow
        for node in walk(file):
            self._add(node)

    def _add(self, node: tree.TreeNode) -> None:
        parts = list(children(node))
        self.inside[id(node)] = [part.span.start for part in parts], parts
        items = _items(node)
        self.items[id(node)] = items
        if isinstance(node, tree.Body):
            self.bodies[node.span.start] = node
        if isinstance(node, tree.Flow):
            self.firsts.add(id(items[0]))
        for item in items:
            self.anchors.add(id(item))
            known = self.ending.get(item.span.end)
            if known is None or item.span.start < known.span.start:
                self.ending[item.span.end] = item

    def behind(self, remark: Remark, tokens: list[Token], last: int) -> bool:
        """Hang a comment on what ends before it on its line; False where nothing does."""
        body = self.bodies.get(tokens[last].start)
        if body is not None:
            _add(body, "before", (*body.before, remark.comment))
            return True
        while last > 0 and tokens[last].type in ("COMMA", "SEMICOLON"):
            last -= 1
        node = self.ending.get(tokens[last].end)
        if node is None or node.behind is not None:
            return False
        _add(node, "behind", remark.comment)
        return True

    def before(self, remark: Remark) -> None:
        """Hang a comment on what comes after it, or on the end of what it is in."""
        path = self._path(remark.comment.span.start)
        for depth in range(len(path) - 1, -1, -1):
            if self._take(path[depth], remark, innermost=depth == len(path) - 1):
                return

    def _take(self, node: tree.TreeNode, remark: Remark, innermost: bool) -> bool:
        place = remark.comment.span.start
        items = self.items[id(node)]
        head = _name_start(node)
        if innermost and (head is None or head < place):
            at = bisect_right([item.span.start for item in items], place)
            if at < len(items):
                return _put_before(items[at], remark)
            if isinstance(node, tree.Body | tree.File):
                _add(node, "after", (*node.after, remark.comment))
                return True
            if items and items[-1].span.end <= place:
                return _put_last(items[-1], remark)
        if id(node) in self.anchors and id(node) not in self.firsts:
            return _put_before(node, remark)
        return isinstance(node, tree.File) and _put_before(node.declarations[0], remark)

    def _path(self, place: int) -> list[tree.TreeNode]:
        """The nodes around a place, from the file to the innermost."""
        path: list[tree.TreeNode] = [self.file]
        while True:
            starts, parts = self.inside[id(path[-1])]
            at = bisect_right(starts, place) - 1
            if at < 0 or parts[at].span.end <= place:
                return path
            path.append(parts[at])


def _put_before(node: tree.TreeNode, remark: Remark) -> bool:
    _add(node, "before", (*node.before, remark.comment))
    return True


def _put_last(node: tree.TreeNode, remark: Remark) -> bool:
    if node.behind is not None:
        return _put_before(node, remark)
    _add(node, "behind", remark.comment)
    return True


def _name_start(node: tree.TreeNode) -> int | None:
    """Where a declaration or statement says its name: what stands before it speaks of all of it."""
    span = getattr(node, "name_span", None) or getattr(node, "path_span", None)
    return span.start if span is not None and isinstance(node, _LINES) and span.end else None


def _items(node: tree.TreeNode) -> list[tree.TreeNode]:
    match node:
        case tree.File():
            return list(node.declarations)
        case tree.Body():
            return [*node.statements, *node.flows]
        case tree.Flow():
            return list(node.steps)
        case tree.Call() | tree.From() | tree.Input():
            return list(node.arguments or ())
        case tree.ListOf() | tree.TupleOf():
            return list(node.items)
        case tree.Import():
            return list(node.names)
        case tree.Block():
            return list(node.parameters)
        case tree.NetworkDeclaration():
            return list(node.dials)
    return []
