"""Bad and unusual inputs and outputs, through whole commands."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

import archlang
from tests.cli.conftest import DEMO, ROOT, Call

READERS = ["check", "info", "draw", "compile", "diff", "transform", "fmt"]


def words(command: str, file: str) -> list[str]:
    """A call of a command on a file."""
    return [command, file, *{"diff": [file], "transform": ["multipath{paths=2}"]}.get(command, [])]


@pytest.mark.parametrize("command", READERS)
def test_a_missing_file(command: str, call: Call) -> None:
    outcome = call(*words(command, "nowhere.arch"))
    assert outcome.status == 1
    assert "error[unreadable-file]" in outcome.out + outcome.err
    assert "nowhere.arch" in outcome.out + outcome.err


@pytest.mark.parametrize("command", READERS)
def test_a_folder(command: str, call: Call, tmp_path: Path) -> None:
    outcome = call(*words(command, str(tmp_path)))
    assert outcome.status == 1
    assert "is a directory" in outcome.out + outcome.err


@pytest.mark.parametrize("command", READERS)
def test_not_utf8(command: str, call: Call, tmp_path: Path) -> None:
    file = tmp_path / "x.arch"
    file.write_bytes(b"archlang 1\n# caf\xe9\n")
    outcome = call(*words(command, str(file)))
    assert outcome.status == 1
    assert "error[not-utf8]" in outcome.out + outcome.err
    assert file.read_bytes() == b"archlang 1\n# caf\xe9\n"


@pytest.mark.parametrize("command", ["check", "info", "compile", "draw"])
@pytest.mark.parametrize(
    ("dial", "name"), [("widht=32", "unknown-dial"), ("width=2.5", "bad-dial"), ("width=)", "bad-dial")]
)
def test_bad_dials(command: str, dial: str, name: str, call: Call, demo: str) -> None:
    outcome = call(command, demo, "-p", dial)
    assert outcome.status == 1
    assert f"error[{name}]" in outcome.out + outcome.err
    if name == "unknown-dial":
        assert "did you mean `width`?" in outcome.out + outcome.err


def test_an_endless_file_is_not_read_to_its_end(call: Call) -> None:
    outcome = call("check", "/dev/zero")
    assert outcome.status == 1
    assert "error[file-too-large]" in outcome.out


@pytest.mark.parametrize("place", ["missing/out.svg", "."])
def test_an_unwritable_output(place: str, call: Call, demo: str, tmp_path: Path) -> None:
    outcome = call("draw", demo, "-o", f"{tmp_path}/{place}", "--to", "svg")
    assert outcome.status == 1
    assert "error[unwritable-output]" in outcome.err
    assert list(tmp_path.rglob("*.part")) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only systems with /dev/full can be out of space at will")
def test_a_full_disk(call: Call, demo: str) -> None:
    outcome = call("draw", demo, "-o", "/dev/full", "--to", "svg")
    assert outcome.status == 1
    assert "error[unwritable-output]" in outcome.err


def test_a_failing_command_leaves_the_old_output(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "out.svg"
    out.write_text("old")
    broken = tmp_path / "broken.arch"
    broken.write_text("archlang 1\nnetwork {")
    assert call("draw", str(broken), "-o", str(out)).status == 1
    assert out.read_text() == "old"


def test_json_is_one_document_also_on_failure(call: Call, tmp_path: Path) -> None:
    for argv in (["check", "no.arch"], ["info", "no.arch"], ["diff", "no.arch", "b.arch"], ["predict", "m", "x"]):
        outcome = call(*argv, "--format", "json")
        assert outcome.status == 1, argv
        document = json.loads(outcome.out)
        assert document["diagnostics"][0]["name"] in ("unreadable-file", "not-a-model")
        assert outcome.err == ""


def test_standard_input(call: Call) -> None:
    given = DEMO.encode()
    assert call("check", "-", given=given).status == 0
    assert json.loads(call("info", "-", "--format", "json", given=given).out)["network"] == "Demo"
    assert call("draw", "-", "--to", "dot", given=given).out.startswith("digraph")
    assert "<stdin>:1:1" in call("check", "-", given=b"network").out
    assert "error[not-utf8]" in call("check", "-", given=b"\xff").out
    assert "error[not-utf8]" in call("info", "-", given=b"\xff").err


def test_a_plug_in_that_is_not_installed(call: Call, demo: str) -> None:
    for argv in (["check", demo], ["info", demo], ["ops"]):
        outcome = call(*argv, "--plugin", "strange")
        assert outcome.status == 1
        assert "error[unknown-name]" in outcome.err


def test_limits_can_be_raised_and_lowered(call: Call, demo: str) -> None:
    outcome = call("check", demo, "--limit", "parameters=10")
    assert outcome.status == 1
    assert "error[too-many-parameters]" in outcome.out
    assert call("info", demo, "--limit", "parameters=10").status == 1
    assert call("check", demo, "--limit", "parameters=100000").status == 0


def test_a_name_with_strange_characters_is_shown_safely(call: Call, tmp_path: Path) -> None:
    outcome = call("check", str(tmp_path / "a\x1b[31m.arch"))
    assert "\x1b" not in outcome.out + outcome.err
    outcome = call("fmt", os.fsdecode(b"/nowhere/\xff.arch"))
    assert outcome.status == 1
    outcome = call("check", "a\0b")
    assert outcome.status == 1
    assert "error[unreadable-file]" in outcome.out


def test_a_drawing_of_a_model_names_its_classes(call: Call, tmp_path: Path) -> None:
    file, model = ROOT / "specs" / "coded_resnext" / "digits.arch", tmp_path / "m.safetensors"
    compiled = archlang.compile(archlang.load(file))
    # As a training does, whose data say what the classes are called.
    compiled.archlang = replace(compiled.archlang, labels=tuple(f"kind {i}" for i in range(10)))
    archlang.save(compiled, model)

    drawn = call("draw", str(model), "--to", "svg").out
    assert [drawn.count(f">kind {number}<") for number in range(10)] == [2] * 10
    assert ">kind" not in call("draw", str(file), "--to", "svg").out
    assert archlang.draw(archlang.load_model(model)).svg.count(">kind 3<") == 2
