"""`--path` and `ARCHLANG_PATH`: every command that reads files finds a user's packages, and opens models without."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Call

MAIN = """archlang 1

import my.blocks (unit)

network N(width = 4) {
  input image: [1, 8, 8]
  scores = image -> unit(width) -> global_avg_pool -> linear(10)
  output scores
}

train {
  loss      = cross_entropy(scores, label)
  optimizer = sgd(lr = 0.1)
  phase all { epochs = 1 }
}
"""
BLOCKS = "archlang 1\n\nblock unit(c) = conv(3x3, c) -> batch_norm -> relu\n"


@pytest.fixture
def libs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that imports of a package in the folder that is returned; it is the current folder."""
    monkeypatch.delenv("ARCHLANG_PATH", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "libs" / "my").mkdir(parents=True)
    (tmp_path / "libs" / "my" / "blocks.arch").write_text(BLOCKS, encoding="utf-8")
    (tmp_path / "main.arch").write_text(MAIN, encoding="utf-8")
    return tmp_path / "libs"


@pytest.mark.parametrize("words", [
    ("check", "main.arch"), ("info", "main.arch"), ("info", "main.arch", "-p", "width=8"), ("draw", "main.arch"),
    ("diff", "main.arch", "main.arch"), ("transform", "main.arch", "multipath{paths=2}"),
    ("compile", "main.arch", "--show", "module"), ("compile", "main.arch", "-o", "model.safetensors"),
], ids=" ".join)
def test_commands_that_read_files(
    call: Call, libs: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    missing = call(*words)
    assert (missing.status, "import-not-found" in missing.out + missing.err) == (1, True)
    assert call(*words, "--path", str(libs)).status == 0

    # The environment says the same for checks, which every command makes.
    monkeypatch.setenv("ARCHLANG_PATH", str(libs))
    assert call("check", "main.arch").status == 0
    assert call("check", "-", given=MAIN.encode()).status == 0


def test_what_is_made_needs_no_path(call: Call, libs: Path) -> None:
    made = call("transform", "main.arch", "multipath{paths=2}", "--path", "libs")
    assert call("check", "-", given=made.out.encode()).status == 0

    training = ("train", "main.arch", "--data", "digits", "--run", "run", "--device", "cpu")
    assert call(*training).status == 1
    assert call(*training, "--path", "libs").status == 0
    (libs / "my" / "blocks.arch").unlink()
    assert call("eval", "run/best.safetensors", "--data", "digits", "--device", "cpu").status == 0
    assert call("fmt", "main.arch").status == 0


def test_a_folder_that_is_none(call: Call, libs: Path) -> None:
    found = call("check", "main.arch", "main.arch", "--path", "lbs")
    assert found.status == 2
    assert found.err.count("there is no folder `lbs`") == 1
