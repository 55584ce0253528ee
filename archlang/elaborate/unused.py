"""Names that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from archlang.diagnostics import error
from archlang.elaborate.context import Build
from archlang.project.project import Unit
from archlang.source import Span
from archlang.syntax.tree import (
    Bind,
    Block,
    CodeDeclaration,
    For,
    Import,
    Imported,
    Input,
    Let,
    NetworkDeclaration,
    Parameter,
    Stretch,
    Train,
    TreeNode,
)


def report_unused(b: Build, unit: Unit) -> None:
    """Warn of every name of a file that nothing reads. A file without a network exports all that it declares."""
    if any(d.severity == "error" for d in b.mistakes.values()):
        return  # a mistake may have kept the use from being seen
    for item in unit.file.declarations:
        if isinstance(item, Import):
            for name in item.names:
                if id(name) not in b.used:
                    message = f"`{name.alias or name.name}` is imported and never used"
                    b.report(error("unused-import", message, name.span))
        elif not isinstance(item, Train) and (unit.network is not None or isinstance(item, Block | NetworkDeclaration)):
            exported = unit.network is None
            for node in _binders(item):
                if not (exported and node is item):
                    _check(b, node)


def _check(b: Build, node: TreeNode) -> None:
    name: str = node.name  # type: ignore[attr-defined]  # every binder has one
    if id(node) in b.used or name.startswith("_"):
        return
    span: Span = getattr(node, "name_span", node.span)
    what = {
        Let: "static value", Bind: "tensor", Block: "block", CodeDeclaration: "code", Parameter: "parameter",
        For: "loop name", Input: "input",
    }[type(node)]
    b.report(error("unused-name", f"the {what} `{name}` is never used", span if span.end else node.span))


def _binders(node: TreeNode) -> Iterator[TreeNode]:
    if isinstance(node, Let | Bind | Block | CodeDeclaration | Parameter | For | Input):
        yield node
    if isinstance(node, Imported | Stretch):
        return
    for field in fields(node):
        value = getattr(node, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, TreeNode) and field.name not in ("before", "behind"):
                yield from _binders(item)
