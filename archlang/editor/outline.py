"""The shape of a file: its declarations and statements as a tree, and the parts that can be folded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from archlang.diagnostics.text import one_line
from archlang.editor.names import name_span_of
from archlang.editor.reading import Reading
from archlang.source import Span
from archlang.syntax.recovery import OPENING
from archlang.syntax.tree import (
    Bind,
    Block,
    Body,
    CodeDeclaration,
    Import,
    Input,
    Layer,
    Let,
    NetworkDeclaration,
    Output,
    Parameter,
    Stretch,
    Train,
    TreeNode,
)

Part = Literal["import", "let", "block", "code", "network", "train", "dial", "input", "layer", "tensor", "output",
               "setting", "phase"]


@dataclass(frozen=True)
class Entered:
    """One line of an outline: a name, what it is, a few words more, its place, the place of its name, what is in it."""

    name: str
    part: Part
    detail: str
    span: Span
    name_span: Span
    inner: tuple[Entered, ...] = ()


def outline_of(reading: Reading) -> list[Entered]:
    """The declarations of a file with their statements, as far as they can be read."""
    return [entered for item in reading.tree.declarations if (entered := _entered(item, "let")) is not None]


def _entered(node: TreeNode, part: Part) -> Entered | None:
    match node:
        case Import():
            names = ", ".join(one.alias or one.name for one in node.names)
            return Entered(node.path or "import", "import", names, node.span, node.span)
        case Train():
            return Entered("train", "train", "", node.span, node.span, _inside(node.body, "setting"))
        case NetworkDeclaration():
            dials = _parameters(node.dials)
            return Entered(node.name, "network", "", node.span, node.name_span, (*dials, *_inside(node.body, "tensor")))
        case Block():
            inner: tuple[Entered, ...] = ()
            if isinstance(node.body, Body):
                inner = _inside(node.body, "tensor")
            names = ", ".join(parameter.name for parameter in node.parameters)
            return Entered(node.name, "block", names, node.span, node.name_span, inner)
        case CodeDeclaration():
            return Entered(node.name, "code", "", node.span, node.name_span)

        # Statements: what they bind, with the beginning of its value.
        case Stretch():
            return Entered(node.name, "phase", node.word, node.span, node.name_span, _inside(node.body, "setting"))
        case Let():
            return Entered(node.name, "let", _first_line(node.value), node.span, node.name_span)
        case Layer():
            return Entered(node.name, "layer", _first_line(node.value), node.span, node.name_span)
        case Bind():
            return Entered(node.name, part, _first_line(node.value), node.span, node.name_span)
        case Input():
            return Entered(node.name, "input", _first_line(node.sizes), node.span, node.name_span)
        case Output():
            # An output without a name is found by what it hands out.
            place = node.name_span
            if node.name is None:
                place = node.value.span
            return Entered(node.name or "output", "output", _first_line(node.value), node.span, place)
    return None


def _parameters(parameters: Sequence[Parameter]) -> tuple[Entered, ...]:
    found = []
    for one in parameters:
        detail = ""
        if one.default is not None:
            detail = _first_line(one.default)
        found.append(Entered(one.name, "dial", detail, one.span, name_span_of(one)))
    return tuple(found)


def _inside(body: Body, part: Part) -> tuple[Entered, ...]:
    return tuple(entered for s in body.statements if (entered := _entered(s, part)) is not None)


def _first_line(node: TreeNode) -> str:
    return one_line(node.span.text.split("\n")[0], 60)


# --- folding ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FoldedLines:
    """Lines that can be folded, from 0, the first of which stays visible."""

    first: int
    last: int
    sort: Literal["region", "comment", "imports"] = "region"


def folds_of(reading: Reading) -> list[FoldedLines]:
    """The brackets and doc strings over several lines, runs of comments, the imports."""
    found = [*_brackets(reading), *_docs(reading), *_comments(reading), *_imports(reading)]
    # Of two that begin on one line an editor shows one: the longer.
    longest: dict[int, FoldedLines] = {}
    for fold in found:
        if fold.first not in longest or fold.last > longest[fold.first].last:
            longest[fold.first] = fold
    return [longest[first] for first in sorted(longest)]


def _brackets(reading: Reading) -> Iterator[FoldedLines]:
    opened: list[int] = []
    for token in reading.tokens:
        if token.type in OPENING:
            opened.append(token.span.line - 1)
        elif token.type in ("RPAR", "RSQB", "RBRACE") and opened:
            first, last = opened.pop(), token.span.line - 1
            # The line of the closing bracket stays in sight.
            if last - 1 > first:
                yield FoldedLines(first, last - 1)


def _docs(reading: Reading) -> Iterator[FoldedLines]:
    for token in reading.tokens:
        first, last = token.span.line - 1, token.span.last[0] - 1
        if token.type == "DOC" and last > first:
            yield FoldedLines(first, last, "comment")


def _comments(reading: Reading) -> Iterator[FoldedLines]:
    lines = [remark.comment.span.line - 1 for remark in reading.remarks if remark.alone]
    yield from (FoldedLines(first, last, "comment") for first, last in _runs(lines))


def _imports(reading: Reading) -> Iterator[FoldedLines]:
    items = [item for item in reading.tree.declarations if isinstance(item, Import)]
    if len(items) > 1:
        yield FoldedLines(items[0].span.line - 1, items[-1].span.last[0] - 1, "imports")


def _runs(lines: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and last of every run of lines that follow each other, of two and more."""
    first = None
    for line, following in pairwise([*lines, -1]):
        if first is None:
            first = line
        if following != line + 1:
            if line > first:
                yield first, line
            first = None
