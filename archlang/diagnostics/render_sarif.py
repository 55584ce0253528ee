"""Diagnostics as SARIF 2.1.0, the form that code hosts and editors read (OASIS standard of 27 March 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from archlang.diagnostics.kinds import KINDS, Kind
from archlang.diagnostics.model import Diagnostic, Label
from archlang.diagnostics.text import safe
from archlang.source import BUILT_IN

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
        "columnKind": "unicodeCodePoints",
        "results": [_result(d) for d in diagnostics],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(kind: Kind) -> dict[str, Any]:
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
        "locations": _locations([diagnostic.primary] if diagnostic.primary else []),
        "relatedLocations": _locations(diagnostic.secondary, numbered=True),
    }
    return {key: value for key, value in result.items() if value != []}


def _message(diagnostic: Diagnostic) -> str:
    label = f": {diagnostic.primary.text}" if diagnostic.primary and diagnostic.primary.text else ""
    extra = [f"help: {text}" for text in diagnostic.help] + [f"note: {text}" for text in diagnostic.notes]
    return "\n".join([diagnostic.message + label, *extra])


def _locations(labels: Sequence[Label], numbered: bool = False) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for index, label in enumerate(label for label in labels if label.span.source is not BUILT_IN):
        location: dict[str, Any] = {"id": index} if numbered else {}
        location["physicalLocation"] = _physical(label)
        if label.text:
            location["message"] = {"text": safe(label.text)}
        found.append(location)
    return found


def _physical(label: Label) -> dict[str, Any]:
    span, (end_line, end_column) = label.span, label.span.last
    region = {"startLine": span.line, "startColumn": span.column, "endLine": end_line, "endColumn": end_column}
    name = span.source.name.encode("utf-8", "surrogateescape")
    return {"artifactLocation": {"uri": quote(name, safe="/.-_~")}, "region": region}
