"""Diagnostics as data: the output of `--format json`. Its structure is fixed by `format_version`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archlang.diagnostics.model import Diagnostic, Fix, Label
from archlang.diagnostics.text import one_line
from archlang.source import BUILT_IN

FORMAT_VERSION = 1

NO_PLACE: dict[str, Any] = {"file": None, "line": None, "column": None, "end_line": None, "end_column": None}


def as_json(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """All these diagnostics. Lines and columns count from 1; an end is just behind the last character.

    >>> from archlang.diagnostics import error
    >>> as_json([error("usage", "no such command")])["diagnostics"][0]["severity"]
    'error'
    """
    return {"format_version": FORMAT_VERSION, "diagnostics": [_diagnostic(d) for d in diagnostics]}


def place(label: Label | None) -> dict[str, Any]:
    """File, line, column and end of a label; all null if no file holds it."""
    # What a transformation made stands in no file; a copy, as the caller adds fields.
    if label is None or label.span.source is BUILT_IN:
        return dict(NO_PLACE)

    span = label.span
    end_line, end_column = span.last
    return {
        "file": one_line(span.source.name),
        "line": span.line,
        "column": span.column,
        "end_line": end_line,
        "end_column": end_column,
    }


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    primary = diagnostic.primary
    label = ""
    if primary is not None:
        label = primary.text

    return {
        "name": diagnostic.name,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **place(primary),
        "label": label,
        "help": list(diagnostic.help),
        "notes": list(diagnostic.notes),
        "secondary": [{**place(label), "label": label.text} for label in diagnostic.secondary],
        "fix": _fix(diagnostic.fix),
    }


def _fix(fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    # The replacement stands for the place from `line` to `end_line`: an empty place inserts, an empty text deletes.
    return {**place(Label(fix.span)), "replacement": fix.text}
