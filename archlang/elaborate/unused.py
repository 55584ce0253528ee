"""Names that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archlang.diagnostics import error
from archlang.elaborate.context import Build
from archlang.project.project import Unit
from archlang.source import Span
from archlang.syntax.tree import (
    Bind,
    Block,
    CodeDeclaration,
    Import,
    Imported,
    Input,
    Layer,
    Let,
    LoopName,
    Name,
    Parameter,
    Stretch,
    Train,
    TreeNode,
)
from archlang.syntax.walk import children


def report_unused(b: Build, unit: Unit) -> None:
    """Warn of every name of a file that nothing reads. A file without a network exports all that it declares."""
    if any(d.severity == "error" for d in b.mistakes.values()):
        return  # a mistake may have kept the use from being seen

    exports = unit.network is None
    # A dial that holds a block of the file may be given another one, by its name and from outside.
    open_to_all = _chooses_a_block(unit)
    for item in unit.file.declarations:
        if isinstance(item, Import):
            if not open_to_all:
                _check_import(b, item)
        elif isinstance(item, Train):
            # Its other names are settings, read by what they are called.
            for let in _lets(item):
                _check(b, let, _as_setting(b, let))
        elif not exports:
            for node in _binders(item):
                if not (open_to_all and node is item and isinstance(node, Block)):
                    _check(b, node)
        elif isinstance(item, Block):
            # The block itself is for the files that import this one.
            for node in _binders(item):
                if node is not item:
                    _check(b, node)


def _chooses_a_block(unit: Unit) -> bool:
    """Tell a network with a dial whose default is a block that the file declares or imports."""
    if unit.network is None:
        return False

    names = {item.name for item in unit.of(Block) if isinstance(item, Block)}
    for item in unit.of(Import):
        if isinstance(item, Import):
            names |= {imported.alias or imported.name for imported in item.names}
    return any(isinstance(dial.default, Name) and dial.default.text in names for dial in unit.network.dials)


def _check_import(b: Build, item: Import) -> None:
    for name in item.names:
        if id(name) not in b.used:
            message = f"`{name.alias or name.name}` is imported and never used"
            b.report(error("unused-import", message, name.span))


def _check(b: Build, node: TreeNode, help: Sequence[str] = ()) -> None:
    name: str = node.name  # type: ignore[attr-defined]  # every binder has one
    # As in Python, `_name` says that the author knows.
    if id(node) in b.used or name.startswith("_"):
        return

    span: Span = getattr(node, "name_span", node.span)
    if not span.end:
        span = node.span
    what = {
        Let: "static value", Layer: "layer", Bind: "tensor", Block: "block", CodeDeclaration: "code",
        Parameter: "parameter", LoopName: "loop name", Input: "input",
    }[type(node)]
    b.report(error("unused-name", f"the {what} `{name}` is never used", span, help=help))


def _as_setting(b: Build, let: Let) -> tuple[str, ...]:
    """The help for a static value in a `train` that is called like a setting: nothing reads it as one."""
    for kind in ("train", "phase", "step"):
        declared = b.catalogue.setting("declaration", kind)
        if declared is not None and any(arg.name == let.name for arg in declared.args):
            return (f"`{let.name}` is a setting of `{kind}`, and `let` makes no setting: leave `let` out",)
    return ()


def _lets(node: TreeNode) -> Iterator[Let]:
    """The static values of a `train`, of its phases and steps too."""
    if isinstance(node, Let):
        yield node
    for child in children(node):
        yield from _lets(child)


_BINDERS = (Let, Layer, Bind, Block, CodeDeclaration, Parameter, LoopName, Input)
_WITHOUT_NAMES = (Imported, Stretch)


def _binders(node: TreeNode) -> Iterator[TreeNode]:
    # A stack of its own: generators inside one another hand each node on once for every level.
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, _BINDERS):
            yield one
        # The names of an import are looked at by themselves, and those in a phase or step are settings.
        if not isinstance(one, _WITHOUT_NAMES):
            stack += reversed(children(one))
