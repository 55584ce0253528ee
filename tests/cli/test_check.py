"""`archlang check`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Call

WRONG = """archlang 1

network Demo {
  input image: [3, 32, 32]
  side = image -> relu
  output image -> rleu -> conv(3x3)
}
"""


def test_a_good_file(call: Call, demo: str) -> None:
    outcome = call("check", demo)
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "1 file: no mistakes\n")


def test_all_mistakes_of_all_files(call: Call, demo: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.arch"
    wrong.write_text(WRONG)
    outcome = call("check", str(wrong), demo, "nowhere.arch")
    assert outcome.status == 1
    for name in ("error[unknown-stage]", "error[missing-argument]", "error[unreadable-file]"):
        assert name in outcome.out
    assert f"  --> {wrong}:6:19\n" in outcome.out
    assert outcome.err == "3 files: 3 errors\n"


def test_warnings_do_not_fail(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "w.arch"
    file.write_text(WRONG.replace("rleu -> conv(3x3)", "relu"))
    outcome = call("check", str(file))
    assert outcome.status == 0
    assert "warning[unused-name]" in outcome.out
    assert outcome.err == "1 file: 1 warning\n"
    assert "warning[unused-name]" in call("info", str(file)).err

    # Nor do they hide the errors of another file.
    wrong = tmp_path / "wrong.arch"
    wrong.write_text(WRONG)
    for files in ((file, wrong), (wrong, file)):
        assert call("check", *map(str, files)).status == 1


def test_concise(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "w.arch"
    file.write_text(WRONG)
    outcome = call("check", str(file), "--format", "concise")
    assert outcome.status == 1
    assert f"{file}:6:19: error[unknown-stage]: " in outcome.out
    assert len(outcome.out.splitlines()) == 2
    assert outcome.err == ""


def test_json(call: Call, tmp_path: Path, demo: str) -> None:
    file = tmp_path / "w.arch"
    file.write_text(WRONG)
    outcome = call("check", str(file), "--format", "json")
    assert outcome.status == 1
    found = {d["name"]: d for d in json.loads(outcome.out)["diagnostics"]}["unknown-stage"]
    place = {"file": str(file), "line": 6, "column": 19, "end_line": 6, "end_column": 23, "severity": "error"}
    assert {key: found[key] for key in place} == place
    assert json.loads(call("check", demo, "--format", "json").out) == {"format_version": 1, "diagnostics": []}


def test_sarif(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "w.arch"
    file.write_text(WRONG)
    outcome = call("check", str(file), "--format", "sarif")
    assert outcome.status == 1
    document = json.loads(outcome.out)
    assert document["version"] == "2.1.0"
    assert {r["ruleId"] for r in document["runs"][0]["results"]} == {"unknown-stage", "missing-argument"}


def test_only_so_many_are_shown(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "many.arch"
    steps = "\n".join(f"  x{i} = image -> rel{i}" for i in range(60))
    file.write_text(f"archlang 1\n\nnetwork Demo {{\n  input image: [3, 32, 32]\n{steps}\n  output image -> relu\n}}\n")
    outcome = call("check", str(file))
    assert outcome.out.count("error[unknown-stage]") == 50
    assert "more mistakes are not shown" in outcome.out
    assert call("check", str(file), "--limit", "diagnostics=70").out.count("error[unknown-stage]") == 60
    assert "more than 50 errors" in outcome.err


def test_a_file_of_blocks_alone_is_fine(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "blocks.arch"
    file.write_text("archlang 1\n\nblock unit(c) = conv(3x3, c) -> relu\n")
    assert call("check", str(file)).status == 0
    outcome = call("info", str(file))
    assert outcome.status == 1
    assert "error[missing-network]" in outcome.err
