"""Classes and functions of archlang's layers, and of plug-ins, written into a file that needs torch alone."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from archlang.exporting.construction import refused

OWN = ("torch", *sys.stdlib_module_names)
"""Packages that a written file may import."""

STANDING_IN = {
    "archlang.ops.values.Option": '''
@dataclass(frozen=True)
class Option:
    """A choice by name, with its arguments."""

    name: str
    role: str
    args: Mapping[str, Any]
'''
}
"""Classes that are written in another form, since theirs has more to do than a model needs."""

STANDING_IMPORTS = {"archlang.ops.values.Option": (
    ("dataclasses", "dataclass"), ("collections.abc", "Mapping"), ("typing", "Any"),
)}


@dataclass(frozen=True)
class Piece:
    """A definition at the top of a module: its source, the names that it reads."""

    module: str
    name: str
    source: str
    reads: tuple[str, ...]


class Library:
    """Definitions that a file needs beside the classes of the network.

    Attributes:
        names: short names of torch's modules that are used: `torch`, `nn`, `F`.
        pieces: the definitions, each behind those that it reads.
        imports: (module, name) pairs; the name is "" where the module itself is imported.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.pieces: dict[tuple[str, str], str] = {}
        self.imports: set[tuple[str, str, str]] = set()
        self.called: dict[str, tuple[str, str]] = {}
        self._asked: set[tuple[str, str]] = set()

    def need(self, target: Any) -> str:
        """Have a class or function written; return its name. Raises ArchError (unsupported-module)."""
        module, name = getattr(target, "__module__", None), getattr(target, "__qualname__", "")
        if not module or not name.isidentifier() or module not in sys.modules:
            raise refused(f"`{name or target}` cannot be found by its name")
        return self._bring(module, name)

    def _bring(self, module: str, name: str) -> str:
        """Write a definition and what it reads, once."""
        module, name = _home(module, name)
        if (module, name) in self._asked:
            return name
        self._asked.add((module, name))

        # Two definitions of one name in one file would be one, and may be where they say the same.
        first = self.called.setdefault(name, (module, name))
        if first != (module, name):
            if pieces(module)[name].source.split("\n")[0] == pieces(first[0])[name].source.split("\n")[0] and \
                    not pieces(module)[name].reads:
                return name
            raise refused(f"`{name}` is defined in {module} and in {first[0]}")

        full = f"{module}.{name}"
        if full in STANDING_IN:
            self.imports |= {(owner, what, what) for owner, what in STANDING_IMPORTS[full]}
            self.pieces[module, name] = STANDING_IN[full].strip("\n")
            return name

        piece = pieces(module).get(name)
        if piece is None:
            raise refused(f"`{full}` has no source")
        for read in piece.reads:
            self._read(module, read)
        self.pieces[module, name] = piece.source
        return name

    def _read(self, module: str, name: str) -> None:
        """Provide a name that a definition reads."""
        imported = imports(module).get(name)
        if imported is not None and imported[0].partition(".")[0] in OWN:
            self.imports.add((*imported, name))
        elif imported is not None:
            # A function under another name would have to be renamed in what reads it.
            if imported[1] != name:
                raise refused(f"{module} reads `{imported[1]}` as `{name}`")
            self._bring(*imported)
        elif name in pieces(module):
            self._bring(module, name)

    @property
    def taken(self) -> set[str]:
        """Names that nothing else in the file may have."""
        return {*self.called, *(name for _, _, name in self.imports)}


def _home(module: str, name: str) -> tuple[str, str]:
    """The module that defines a name which another one imports."""
    imported = imports(module).get(name)
    while imported is not None and imported[0].partition(".")[0] not in OWN:
        module, name = imported
        imported = imports(module).get(name)
    return module, name


@cache
def _tree(module: str) -> tuple[str, ast.Module]:
    """The source of a module, and its tree. Raises ArchError (unsupported-module)."""
    __import__(module)
    loaded: ModuleType = sys.modules[module]
    try:
        source = inspect.getsource(loaded)
    except (OSError, TypeError):
        raise refused(f"`{module}` has no source") from None
    return source, ast.parse(source)


@cache
def imports(module: str) -> dict[str, tuple[str, str]]:
    """The names that a module imports: the module and the name there, "" for a module as it is."""
    found: dict[str, tuple[str, str]] = {}
    for node in _tree(module)[1].body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update({alias.asname or alias.name: (node.module, alias.name) for alias in node.names})
        elif isinstance(node, ast.Import):
            found.update({alias.asname or alias.name: (alias.name, "") for alias in node.names})
    return found


@cache
def pieces(module: str) -> dict[str, Piece]:
    """The definitions at the top of a module, by name."""
    source, tree = _tree(module)
    lines = source.splitlines()
    found: dict[str, Piece] = {}
    body = tree.body
    for n, node in enumerate(body):
        name = _defined(node)
        if name is None:
            continue
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        text = "\n".join(lines[first - 1 : node.end_lineno])

        # A text behind a constant says what it is.
        following = body[n + 1] if n + 1 < len(body) else None
        if isinstance(node, ast.Assign | ast.AnnAssign) and _is_text(following):
            assert following is not None
            text += "\n" + "\n".join(lines[following.lineno - 1 : following.end_lineno])
        text, reads = _plain_errors(text, node)
        found[name] = Piece(module, name, text, reads)
    return found


def _defined(node: ast.stmt) -> str | None:
    """The name that a statement defines."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return None


def _is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _plain_errors(text: str, node: ast.stmt) -> tuple[str, tuple[str, ...]]:
    """A definition with Python's own errors in place of diagnostics, and the names that it reads."""
    raising = [inner for inner in ast.walk(node) if isinstance(inner, ast.Raise) and _raises_diagnostic(inner)]
    tree: ast.stmt = node
    if raising:
        # Statements are replaced from the last to the first, so that places before them stay.
        lines = text.splitlines()
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        for inner in sorted(raising, key=lambda r: -r.lineno):
            assert isinstance(inner.exc, ast.Call)
            diagnostic = inner.exc.args[0]
            assert isinstance(diagnostic, ast.Call)
            message = ast.unparse(diagnostic.args[1])
            space = " " * inner.col_offset
            lines[inner.lineno - first : (inner.end_lineno or 0) - first + 1] = [f"{space}raise ValueError({message})"]
        text = "\n".join(lines)
        tree = ast.parse(text).body[0]
    # What comes of remarks for the type checker means nothing to a reader of the file.
    text = re.sub(r"  # type: ignore\[[^\n]*", "", text)
    return text, _read_names(tree)


def _raises_diagnostic(node: ast.Raise) -> bool:
    call = node.exc
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "ArchError"


def _read_names(node: ast.AST) -> tuple[str, ...]:
    """Names that a definition reads and does not make, in order."""
    names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    return tuple(dict.fromkeys(name for name in names if not hasattr(builtins, name)))
