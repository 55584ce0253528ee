"""Neighbouring lines of one sort as a table: their `=` in a column, and the settings of phases and steps too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archlang.syntax import tree
from archlang.syntax.layout import WIDTH, render
from archlang.syntax.print_expr import expr

_WIDEST = 16
"""Names that differ by more columns than this are not brought into one column."""


def paddings(nodes: Sequence[tree.TreeNode]) -> dict[int, tuple[int, int]]:
    """For each line of a run of bindings: the width of its name, and of the source of its flow (0: as it is)."""
    found: dict[int, tuple[int, int]] = {}
    for run in _runs(nodes, (tree.Bind, tree.Let, tree.CodeDeclaration)):
        named = [nodes[at] for at in run]
        names = [len(one.name) for one in named if isinstance(one, tree.Bind | tree.Let | tree.CodeDeclaration)]
        width = max(names) if max(names) - min(names) <= _WIDEST else 0
        sources = [_source(nodes[at]) for at in run]
        known = [len(source) for source in sources if source]
        even = len(known) == len(run) >= 3 and max(known) - min(known) <= _WIDEST
        for at in run:
            found[at] = (width, max(known) if even else 0)
    return found


def _source(node: tree.TreeNode) -> str:
    """The plain name with which a binding's flow begins, if it does."""
    if not isinstance(node, tree.Bind) or not isinstance(node.value, tree.Flow) or len(node.value.steps) < 2:
        return ""
    first = node.value.steps[0]
    plain = not first.behind and not node.value.steps[1].before
    if isinstance(first, tree.In):
        return "in" if plain else ""
    return first.text if isinstance(first, tree.Name) and plain else ""


def aligned_rows(nodes: Sequence[tree.TreeNode]) -> dict[int, str]:
    """Phases or steps with the same settings, a line each, where all of them fit and hold no comments."""
    found: dict[int, str] = {}
    for run in _runs(nodes, (tree.Stretch,)):
        stretches = [one for at in run if isinstance(one := nodes[at], tree.Stretch)]
        cells = [_cells(one) for one in stretches]
        keys = {tuple(cell.split(" = ")[0] for cell in row) for row in cells if row}
        if len(run) < 2 or not all(cells) or len(keys) != 1:
            continue
        names = max(len(one.name) for one in stretches)
        widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
        lines = []
        for one, row in zip(stretches, cells, strict=True):
            padded = " ".join(f"{cell + ';':<{width + 1}}" for cell, width in zip(row[:-1], widths[:-1], strict=True))
            lines.append(f"{one.word} {one.name:<{names}} {{ {padded}{' ' if padded else ''}{row[-1]} }}")
        if max(len(line) for line in lines) <= WIDTH - 2:
            found.update(zip(run, lines, strict=True))
    return found


def _cells(node: tree.Stretch) -> list[str]:
    """The settings of a phase, each as it stands on one line; none where they do not fit into a table."""
    body = node.body
    if body.doc or body.flows or body.after or body.before:
        return []
    cells = []
    for one in body.statements:
        if not isinstance(one, tree.Bind) or one.before or one.behind or one.blank:
            return []
        text = render(expr(one.value), 1 << 30)
        if "\n" in text or "#" in text:
            return []
        cells.append(f"{one.name} = {text}")
    return cells


def _runs(nodes: Sequence[tree.TreeNode], kinds: tuple[type[tree.TreeNode], ...]) -> Iterator[list[int]]:
    """Neighbours of one kind, with nothing between them, as indices."""
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
    """Whether a line goes on with what the line before began."""
    if type(node) is not type(before) or node.before or node.blank or getattr(node, "doc", None):
        return False
    return not isinstance(node, tree.Stretch) or node.word == getattr(before, "word", None)
