"""Neighbouring lines of one sort as a table: their `=` in a column, and the settings of phases and steps too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import archlang.syntax.tree as tree
from archlang.syntax.layout import WIDTH
from archlang.syntax.tree import Expr

_WIDEST = 16
"""Names that differ by more columns than this are not brought into one column."""

Padding = tuple[int, int]
"""Columns of a line's name and of the source of its flow; 0 leaves them as they are."""

NO_PADDING: Padding = (0, 0)


_BINDINGS = (tree.Bind, tree.Let, tree.Layer, tree.CodeDeclaration)
"""Lines of the form `name = value`, perhaps behind a word."""


def paddings(nodes: Sequence[tree.TreeNode]) -> dict[int, Padding]:
    """The padding of each line that is one of a run of bindings, by the index of the line."""
    result: dict[int, Padding] = {}
    for run in _runs(nodes, _BINDINGS):
        lines = [nodes[at] for at in run]
        names = [len(one.name) for one in lines if isinstance(one, _BINDINGS)]
        name_width = 0
        if max(names) - min(names) <= _WIDEST:
            name_width = max(names)

        # Arrows are aligned from three flows on, and only if every line has one: two may be alike by chance.
        sources = [len(source) for one in lines if (source := _source(one))]
        source_width = 0
        if len(sources) == len(run) >= 3 and max(sources) - min(sources) <= _WIDEST:
            source_width = max(sources)

        for at in run:
            result[at] = (name_width, source_width)
    return result


def _source(node: tree.TreeNode) -> str:
    """The plain name with which the flow of a binding begins, else empty."""
    if not isinstance(node, tree.Bind) or not isinstance(node.value, tree.Flow) or len(node.value.steps) < 2:
        return ""

    first, second = node.value.steps[:2]
    if first.behind or second.before:  # a comment stands before the arrow
        return ""
    if isinstance(first, tree.In):
        return "in"
    if isinstance(first, tree.Name):
        return first.text
    return ""


def aligned_rows(nodes: Sequence[tree.TreeNode], flat: Callable[[Expr], str]) -> dict[int, str]:
    """Phases or steps with the same settings, a line each, if all of them fit and hold no comments.

    Args:
        nodes: the lines of a body.
        flat: prints a value on one line.

    Returns the text of each line that is part of such a table, by the index of the line.
    """
    result: dict[int, str] = {}
    for run in _runs(nodes, (tree.Stretch,)):
        stretches = [one for at in run if isinstance(one := nodes[at], tree.Stretch)]
        settings = [_settings(one, flat) for one in stretches]
        if len(run) < 2 or not all(settings) or len({tuple(name for name, _ in row) for row in settings}) != 1:
            continue

        lines = _table_lines(stretches, settings)
        if max(len(line) for line in lines) <= WIDTH - 2:  # a body is indented by two
            result.update(zip(run, lines, strict=True))
    return result


_Settings = list[tuple[str, str]]


def needs_a_line(node: tree.TreeNode, at: int) -> bool:
    """Return whether a comment or an empty line keeps a statement, the `at`-th of its body, off a line with others.

    An empty line before the first statement is not printed, so it must not count: the text would change once more when
    it is printed again.
    """
    return bool(node.before or node.behind or (node.blank and at > 0))


def _settings(node: tree.Stretch, flat: Callable[[Expr], str]) -> _Settings:
    """The names and values of a phase, each on one line; none if they do not fit into a table."""
    body = node.body
    if body.doc or body.flows or body.after or body.before:
        return []

    settings = []
    for at, one in enumerate(body.statements):
        if not isinstance(one, tree.Bind) or needs_a_line(one, at):
            return []
        text = flat(one.value)
        if "\n" in text or "#" in text:  # statements or comments, which need lines of their own
            return []
        settings.append((one.name, text))
    return settings


def _table_lines(stretches: Sequence[tree.Stretch], settings: Sequence[_Settings]) -> list[str]:
    rows = [[f"{name} = {value}" for name, value in row] for row in settings]
    name_width = max(len(one.name) for one in stretches)
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]

    lines = []
    for one, row in zip(stretches, rows, strict=True):
        padded = [f"{cell + ';':<{width + 1}} " for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        lines.append(f"{one.word} {one.name:<{name_width}} {{ {''.join(padded)}{row[-1]} }}")
    return lines


def _runs(nodes: Sequence[tree.TreeNode], kinds: tuple[type[tree.TreeNode], ...]) -> Iterator[list[int]]:
    """Yield the indices of neighbours of one kind that have nothing between them."""
    run: list[int] = []
    for at, node in enumerate(nodes):
        if run and not _joins(node, nodes[at - 1]):
            yield run
            run = []
        if isinstance(node, kinds):
            run.append(at)
    if run:
        yield run


def _joins(node: tree.TreeNode, before: tree.TreeNode) -> bool:
    """Return whether a line goes on with what the line before began."""
    if type(node) is not type(before) or node.before or node.blank or getattr(node, "doc", None):
        return False
    return not isinstance(node, tree.Stretch) or node.word == getattr(before, "word", None)
