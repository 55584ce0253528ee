"""Figures of a package's code: how dense it is, what is tied in circles, which names stand twice.

`python -m tests.house.measure` prints them for archlang beside lark and onnx_ir, from their installed packages.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import io
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import networkx as nx

ROOT = Path(__file__).resolve().parents[2]
PRAGMA = re.compile(r"#\s*(type:|noqa|pragma|mypy:|ruff:|!)")
QUESTION = re.compile(r"\s*(What|Which|How|Where|Whether|Who)\b")
LONG = 12
"""A function of so many lines is expected to show its steps by blank lines."""


@dataclass(frozen=True)
class File:
    """A module's path, dotted name, text and tree."""

    path: Path
    module: str
    text: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree: it is walked through once for all figures."""
        return tuple(ast.walk(self.tree))


@dataclass(frozen=True)
class Figures:
    """The figures of a package, each as a person would say it."""

    files: int
    code_lines: int
    comments: float  # comment lines in 100 lines of code, pragmas not counted
    conditionals: float  # conditional expressions in 100 lines of code
    airy: float  # per cent of the functions of LONG lines and more that have a blank line inside
    docstrings: int
    asking: int  # docstrings that open with a question word
    twice: int  # class names that are defined more than once
    circles: int  # groups of modules that import each other, at any depth
    flattest: int  # files in the fullest folder


@cache
def files(package: Path) -> tuple[File, ...]:
    """Read every module of a package, once; tests that a package ships are left out."""
    read = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        if "tests" in parts or "__pycache__" in parts or path.stem.endswith("_test"):
            continue
        text = path.read_text(encoding="utf-8")
        module = ".".join(parts).removesuffix(".__init__")
        read.append(File(path, module, text, ast.parse(text)))
    return tuple(read)


def docstring_lines(file: File) -> set[int]:
    """The lines that docstrings take: no code, and no comment either."""
    lines: set[int] = set()
    for node in file.nodes:
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for statement in body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                lines.update(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
    return lines


def code_lines(file: File) -> int:
    """Count lines that hold code: not blank, no comment alone, no docstring."""
    aside = docstring_lines(file)
    lines = enumerate(file.text.split("\n"), 1)
    return sum(1 for at, line in lines if line.strip() and not line.strip().startswith("#") and at not in aside)


def comments(file: File) -> int:
    """Count comments that speak to a reader."""
    tokens = tokenize.generate_tokens(io.StringIO(file.text).readline)
    return sum(token.type == tokenize.COMMENT and not PRAGMA.match(token.string) for token in tokens)


def functions(file: File) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Walk through every function and method."""
    for node in file.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def statements_span(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, int]:
    """Return the first and last line of a function's statements, its docstring left out."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    if not body:
        return (0, -1)
    return body[0].lineno, function.end_lineno or body[0].lineno


def airy(file: File) -> tuple[int, int]:
    """Count the functions of LONG lines and more, and those of them with a blank line inside."""
    lines = file.text.split("\n")
    long = with_air = 0
    for function in functions(file):
        first, last = statements_span(function)
        if last - first + 1 < LONG:
            continue
        long += 1
        with_air += any(not lines[at - 1].strip() for at in range(first, last + 1))
    return long, with_air


def conditional_expressions(file: File) -> list[ast.IfExp]:
    """Every `a if test else b`."""
    return [node for node in file.nodes if isinstance(node, ast.IfExp)]


def nested_conditionals(file: File) -> list[int]:
    """The lines of conditional expressions that hold another one as one of their values."""
    return [
        node.lineno for node in conditional_expressions(file)
        if any(isinstance(value, ast.IfExp) for value in (node.body, node.orelse, node.test))
    ]


def docstrings(file: File) -> list[tuple[int, str]]:
    """Every docstring and the line it belongs to."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    documented = [node for node in file.nodes if isinstance(node, kinds)]
    return [(getattr(node, "lineno", 1), text) for node in documented if (text := ast.get_docstring(node))]


def asking(file: File) -> list[tuple[int, str]]:
    """The docstrings that open with a question word instead of a verb or the thing."""
    return [(line, text.split("\n")[0]) for line, text in docstrings(file) if QUESTION.match(text)]


def classes(package: Sequence[File]) -> dict[str, list[str]]:
    """The modules that define a class of each name."""
    where: dict[str, list[str]] = defaultdict(list)
    for file in package:
        for node in file.nodes:
            if isinstance(node, ast.ClassDef):
                where[node.name].append(file.module)
    return where


def for_type_checkers(node: ast.If) -> bool:
    """Whether what stands below runs for type checkers alone: `if TYPE_CHECKING`, `if typing.TYPE_CHECKING`."""
    test = node.test
    if isinstance(test, ast.Name):
        return test.id == "TYPE_CHECKING"
    return isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"


@cache
def imported(file: File, modules: frozenset[str]) -> tuple[tuple[str, int, bool], ...]:
    """Every module of the package that a file imports: its name, the line, whether inside a function.

    Imports for type checkers alone do not count: they do not run.
    """
    return tuple(_imported(file, modules))


def _imported(file: File, modules: frozenset[str]) -> Iterator[tuple[str, int, bool]]:
    typing_only: set[int] = set()
    inside: set[int] = set()
    for node in file.nodes:
        if isinstance(node, ast.If) and for_type_checkers(node):
            typing_only.update(id(inner) for inner in ast.walk(node))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside.update(id(inner) for inner in ast.walk(node))

    for node in file.nodes:
        if id(node) in typing_only:
            continue
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                home = file.module if file.path.name == "__init__.py" else file.module.rpartition(".")[0]
                for _ in range(node.level - 1):
                    home = home.rpartition(".")[0]
                base = f"{home}.{base}".rstrip(".")
            # `from package import submodule` leads to the submodule, anything else to the package's own file.
            names = [f"{base}.{a.name}" if f"{base}.{a.name}" in modules else base for a in node.names]
        yield from ((name, node.lineno, id(node) in inside) for name in names)


def circles(package: Sequence[File]) -> list[list[str]]:
    """Groups of modules that import each other, imports inside functions counted too."""
    modules = frozenset(file.module for file in package)
    graph: nx.DiGraph[str] = nx.DiGraph()
    for file in package:
        graph.add_edges_from((file.module, name) for name, _, _ in imported(file, modules) if name in modules)
    return [sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1]


def figures(package: Path) -> Figures:
    """Measure a package."""
    read = files(package)
    lines = sum(map(code_lines, read))
    long, with_air = (sum(counts) for counts in zip(*map(airy, read), strict=True))
    folders = Counter(file.path.parent for file in read if file.path.name != "__init__.py")
    return Figures(
        files=len(read),
        code_lines=lines,
        comments=100 * sum(map(comments, read)) / lines,
        conditionals=100 * sum(len(conditional_expressions(file)) for file in read) / lines,
        airy=100 * with_air / max(long, 1),
        docstrings=sum(len(docstrings(file)) for file in read),
        asking=sum(len(asking(file)) for file in read),
        twice=sum(len(where) > 1 for where in classes(read).values()),
        circles=len(circles(read)),
        flattest=max(folders.values()),
    )


def installed(name: str) -> Path | None:
    """The folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent


def main() -> None:
    """Print the figures of archlang, room by room if asked, beside its models'."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", action="store_true", help="every room of archlang too")
    chosen = parser.parse_args()

    named = {"archlang": ROOT / "archlang", "lark": installed("lark"), "onnx_ir": installed("onnx_ir")}
    if chosen.rooms:
        folders = [path for path in sorted((ROOT / "archlang").iterdir()) if (path / "__init__.py").exists()]
        named.update({f"  {path.name}": path for path in folders})

    print(f"{'':14}  files   code  comments  cond.exprs  functions  docstrings  classes  import  fullest")
    print(f"{'':14}         lines   per 100     per 100   with air      asking    twice  circles  folder")
    for name, path in named.items():
        if path is None:
            print(f"{name:14}  not installed")
            continue
        f = figures(path)
        print(f"{name:14} {f.files:6} {f.code_lines:6} {f.comments:9.1f} {f.conditionals:11.1f} {f.airy:8.0f} % "
              f"{f.asking:6} of {f.docstrings:<5} {f.twice:5} {f.circles:8} {f.flattest:7}")


if __name__ == "__main__":
    main()
