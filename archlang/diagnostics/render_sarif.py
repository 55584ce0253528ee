"""Diagnostics as SARIF 2.1.0, the form that code hosts and editors read (OASIS standard of 27 March 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from archlang.diagnostics.kinds import KINDS, DiagnosticKind
from archlang.diagnostics.model import Diagnostic, Fix, Label
from archlang.diagnostics.text import safe
from archlang.source import BUILT_IN, Source, Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_sarif(diagnostics: Sequence[Diagnostic], version: str) -> dict[str, Any]:
    """One run of archlang `version`: every kind of mistake is a rule, every diagnostic a result.

    >>> as_sarif([], "1.0")["runs"][0]["results"]
    []
    """
    driver = {
        "name": "archlang",
        "semanticVersion": version,
        "rules": [_rule(kind) for kind in KINDS.values()],
    }

    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",  # the standard's default counts UTF-16 units
        "results": [_result(d) for d in diagnostics],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(kind: DiagnosticKind) -> dict[str, Any]:
    return {
        "id": kind.name,
        "shortDescription": {"text": kind.title},
        "defaultConfiguration": {"level": kind.severity},
    }


def _result(diagnostic: Diagnostic) -> dict[str, Any]:
    result = {
        "ruleId": diagnostic.name,
        "ruleIndex": list(KINDS).index(diagnostic.name),
        "level": diagnostic.severity,
        "message": {"text": safe(_message(diagnostic))},
    }

    # The schema allows a result without a place, but no empty list of places.
    if diagnostic.primary and (locations := _locations([diagnostic.primary])):
        result["locations"] = locations
    if related := _locations(diagnostic.secondary):
        result["relatedLocations"] = [{"id": number, **location} for number, location in enumerate(related)]
    if diagnostic.fix is not None:
        result["fixes"] = [_fix(diagnostic.fix)]
    return result


def _message(diagnostic: Diagnostic) -> str:
    """The message with its label, help and notes: SARIF has no fields of their own for them."""
    message = diagnostic.message
    if diagnostic.primary and diagnostic.primary.text:
        message += f": {diagnostic.primary.text}"

    helps = [f"help: {text}" for text in diagnostic.help]
    notes = [f"note: {text}" for text in diagnostic.notes]
    return "\n".join([message, *helps, *notes])


def _locations(labels: Sequence[Label]) -> list[dict[str, Any]]:
    locations: list[dict[str, Any]] = []
    for label in labels:
        if label.span.source is BUILT_IN:
            continue

        location: dict[str, Any] = {"physicalLocation": _physical(label)}
        if label.text:
            location["message"] = {"text": safe(label.text)}
        locations.append(location)
    return locations


def _fix(fix: Fix) -> dict[str, Any]:
    replacement = {"deletedRegion": _region(fix.span), "insertedContent": {"text": fix.text}}
    change = {"artifactLocation": _artifact(fix.span.source), "replacements": [replacement]}
    return {"artifactChanges": [change]}


def _physical(label: Label) -> dict[str, Any]:
    return {"artifactLocation": _artifact(label.span.source), "region": _region(label.span)}


def _region(span: Span) -> dict[str, int]:
    end_line, end_column = span.last
    return {"startLine": span.line, "startColumn": span.column, "endLine": end_line, "endColumn": end_column}


def _artifact(source: Source) -> dict[str, str]:
    # A file name that is no UTF-8 reaches Python with surrogates; the URI holds its bytes as they are on the disk.
    name = source.name.encode("utf-8", "surrogateescape")
    return {"uri": quote(name, safe="/.-_~")}
