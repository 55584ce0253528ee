"""Small helpers of the syntax tests."""

from __future__ import annotations

from archlang.diagnostics import ArchError, Diagnostic
from archlang.limits import DEFAULT, Limits
from archlang.source import Source
from archlang.syntax import parse

PRAGMA = "archlang 1\n"


def mistakes(text: str, limits: Limits = DEFAULT) -> tuple[Diagnostic, ...]:
    """What is wrong with a text; nothing where it parses."""
    try:
        parse(Source("test.arch", text), limits)
    except ArchError as problem:
        return problem.diagnostics
    return ()


def place(diagnostic: Diagnostic) -> tuple[int, int, str]:
    """Line, column and text of a diagnostic's place."""
    assert diagnostic.primary is not None
    span = diagnostic.primary.span
    return span.line, span.column, span.text


def names(text: str, limits: Limits = DEFAULT) -> list[str]:
    """The kinds of the mistakes of a text."""
    return [one.name for one in mistakes(text, limits)]
