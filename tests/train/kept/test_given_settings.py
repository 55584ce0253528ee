"""Settings from the command line: recorded in the run, and a training that goes on asks for the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archlang.artefact import load_model
from archlang.cli.main import run
from tests.train.nets import NETWORK, TRAIN


def test_given_settings_are_kept_and_compared(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(NETWORK.replace("6, 6", "8, 8").replace("classes = 3", "classes = 10") + TRAIN)
    words = ["train", "net.arch", "--data", "digits", "--epochs", "1"]
    given = ["-o", "batch=256", "-o", "optimizer.lr=0.05"]
    assert run([*words, *given, "--run", "one"]) == 0
    assert json.loads(Path("one/config.json").read_text())["settings"] == {"batch": "256", "optimizer.lr": "0.05"}

    # As if the file had said so.
    changed = TRAIN.replace("batch     = 16", "batch = 256").replace("lr = 0.1", "lr = 0.05")
    Path("other.arch").write_text(Path("net.arch").read_text().replace(TRAIN, changed))
    assert run(["train", "other.arch", *words[2:], "--run", "two"]) == 0
    assert Path("one/last.safetensors").read_bytes() == Path("two/last.safetensors").read_bytes()
    assert "batch     = 256" in load_model("one/last.safetensors").archlang.network.text

    capsys.readouterr()
    assert run([*words, "--run", "one", "--resume"]) == 1
    said = capsys.readouterr().err
    assert "run-differs" in said
    assert "`-o batch` (was 256, is the file's)" in said
    assert run([*words, *given, "--run", "one", "--resume"]) == 0
