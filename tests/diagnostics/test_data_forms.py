"""JSON and SARIF: the documents' structure and that they say the same."""

from __future__ import annotations

import json
from pathlib import Path

from archlang.diagnostics import KINDS
from archlang.diagnostics.render_json import as_json
from archlang.diagnostics.render_sarif import as_sarif
from tests.diagnostics.samples import SAMPLES
from tests.golden import check_golden

GOLDEN = Path(__file__).parent / "golden"
SOME = [SAMPLES[name] for name in ("merge", "other-file", "multi-line", "nowhere", "hostile", "fixed")]


def test_json_form() -> None:
    check_golden(GOLDEN / "some.json", json.dumps(as_json(SOME), indent=2))


def test_json_holds_every_field_for_every_diagnostic() -> None:
    for record in as_json(list(SAMPLES.values()))["diagnostics"]:
        assert list(record) == [
            "name", "severity", "message", "file", "line", "column", "end_line", "end_column", "label", "help", "notes",
            "secondary", "fix",
        ]
        assert (record["file"] is None) == (record["line"] is None)


def test_sarif_form() -> None:
    document = as_sarif(SOME, "1.2.3")
    rules = document["runs"][0]["tool"]["driver"].pop("rules")
    check_golden(GOLDEN / "some.sarif", json.dumps(document, indent=2))
    assert [rule["id"] for rule in rules] == list(KINDS)
    for result in document["runs"][0]["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_sarif_uris_are_quoted() -> None:
    from archlang.diagnostics import error
    from archlang.source import Source, Span

    document = as_sarif([error("usage", "m", Span(Source("a b/ü.arch", "x"), 0, 1))], "1")
    location = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "a%20b/%C3%BC.arch"
    assert location["region"] == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
