"""Code has air: the opposite checks to those of length, so that neither is reached at the other's cost."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house.measure import ROOT, asking, figures, files, nested_conditionals

PACKAGE = ROOT / "archlang"
FOLDERS = ("archlang", "tests", "benchmarks", "examples", "docs")
ALL_PYTHON = [path for name in FOLDERS for path in (ROOT / name).rglob("*.py")]

LINES, FUNCTION = 400, 60

COMMENTS, CONDITIONALS, AIRY = 5.0, 0.6, 90.0
"""What the package must keep, in comments and conditional expressions a 100 lines, and per cent of long functions with
a blank line. These bounds only ever move to the better side.
"""


def test_files_and_functions_stay_short() -> None:
    wrong = []
    for path in ALL_PYTHON:
        text = path.read_text(encoding="utf-8")
        wrong += [f"{path.relative_to(ROOT)} {what}" for what in too_long(text)]
    assert wrong == []


def too_long(text: str) -> list[str]:
    """What of a file is longer than it may be."""
    found = []
    if text.count("\n") > LINES:
        found.append("is too long")

    for node in ast.walk(ast.parse(text)):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if is_function and (node.end_lineno or 0) - node.lineno >= FUNCTION:
            found.append(f"has too long a function, {node.name}")
    return found


def test_what_is_too_long_is_noticed() -> None:
    assert too_long("x = 1\n" * LINES) == []
    assert too_long("x = 1\n" * (LINES + 1)) == ["is too long"]
    assert too_long("def f():\n" + "    x = 1\n" * (FUNCTION - 1)) == []
    assert too_long("def f():\n" + "    x = 1\n" * FUNCTION) == ["has too long a function, f"]


def test_no_conditional_expression_holds_another() -> None:
    assert {file.module: lines for file in files(PACKAGE) if (lines := nested_conditionals(file))} == {}


def test_docstrings_open_with_a_verb_or_the_thing() -> None:
    assert {file.module: lines for file in files(PACKAGE) if (lines := asking(file))} == {}


def test_the_package_has_air() -> None:
    measured = figures(PACKAGE)
    assert measured.comments >= COMMENTS
    assert measured.conditionals <= CONDITIONALS
    assert measured.airy >= AIRY


def test_the_figures_notice_dense_code(tmp_path: Path) -> None:
    (tmp_path / "dense.py").write_text(
        'def f(x):\n    """What f is."""\n' + "    x = 1 if x else 2 if x > 1 else 3\n" * 12 + "    return x\n",
        encoding="utf-8",
    )
    measured = figures(tmp_path)
    assert (measured.comments, measured.airy, measured.asking) == (0.0, 0.0, 1)
    assert measured.conditionals > 100
