"""From a file to a trained, fused, evaluated model, all by commands; and what goes wrong on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archlang.cli.main import run
from tests.cli.conftest import DEMO, ROOT, Call

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

TINY = """archlang 1

network Tiny(width = 4) {
  input image: [1, 8, 8]
  scores = image -> conv(3x3, width) -> batch_norm -> relu -> flatten -> linear(10)
  output scores
}

train {
  loss      = cross_entropy(scores, label)
  optimizer = sgd(lr = 0.1, momentum = 0.9)
  batch     = 256
  phase all { epochs = 1 }
}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a short training."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.arch").write_text(TINY)
    assert run(["train", str(folder / "tiny.arch"), "--data", "digits", "--run", str(folder / "run")]) == 0
    return folder / "run"


def test_train_tells_its_progress_and_keeps_its_models(call: Call, tmp_path: Path) -> None:
    (tmp_path / "tiny.arch").write_text(TINY)
    words = ["train", f"{tmp_path}/tiny.arch", "--data", "digits", "--run", f"{tmp_path}/run", "--epochs", "2"]
    outcome = call(*words, "--seed", "7", "-p", "width=2")
    assert outcome.status == 0
    lines = outcome.err.splitlines()
    assert lines[0].startswith("training Tiny on digits: ")
    assert "seed 7" in lines[0]
    assert [line.split(" (")[0] for line in lines[1:3]] == ["epoch 1/2", "epoch 2/2"]
    assert outcome.out.startswith("best epoch ")
    first = int(re.search(r"2 epochs of (\d+) steps", lines[0])[1])
    assert {p.name for p in (tmp_path / "run").iterdir()} == {
        ".lock", "best.safetensors", "config.json", "last.safetensors", "log.csv", "network.arch",
        *(f"checkpoint-{steps:08}.safetensors" for steps in (first, 2 * first)),
    }
    outcome = call(*words)
    assert outcome.status == 1
    assert "error[run-exists]" in outcome.err


def test_eval(trained: Path, call: Call) -> None:
    model = str(trained / "best.safetensors")
    document = json.loads(call("eval", model, "--data", "digits", "--format", "json").out)
    assert document["format_version"] == 1
    assert 0.3 < document["accuracy"] <= 1
    assert sum(c["samples"] for c in document["classes"]) == document["samples"]
    text = call("eval", model, "--data", "digits").out
    assert text.startswith(f"{document['samples']} samples: loss ")
    assert len(text.splitlines()) == 11


def test_fuse_verifies_and_writes(trained: Path, call: Call, tmp_path: Path) -> None:
    out = tmp_path / "deploy.safetensors"
    outcome = call("fuse", str(trained / "best.safetensors"), "--verify", "-o", str(out))
    assert outcome.status == 0
    assert "verified on 4 random samples" in outcome.err
    accuracies = [
        json.loads(call("eval", str(model), "--data", "digits", "--format", "json").out)["accuracy"]
        for model in (trained / "best.safetensors", out)
    ]
    assert accuracies[0] == accuracies[1]


def test_a_fusion_that_is_wrong_writes_nothing(
    trained: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from archlang.rewrite import applying

    right = applying.rewrite

    def wrong(model: torch.nn.Module, what: object) -> torch.fx.GraphModule:
        fused = right(model, what)
        with torch.no_grad():
            next(fused.parameters()).mul_(1.01)
        return fused

    monkeypatch.setattr(applying, "rewrite", wrong)
    out = tmp_path / "deploy.safetensors"
    outcome = call("fuse", str(trained / "best.safetensors"), "--verify", "-o", str(out))
    assert outcome.status == 3
    assert "error[not-equal]" in outcome.err
    assert not out.exists()


def test_predict(trained: Path, call: Call, tmp_path: Path) -> None:
    from PIL import Image
    from sklearn.datasets import load_digits

    image = tmp_path / "digit.png"
    Image.fromarray((load_digits().images[0] * 15.9).astype("uint8")).save(image)
    model = str(trained / "best.safetensors")
    outcome = call("predict", model, str(image), "--top", "2")
    assert outcome.status == 0
    assert outcome.out.startswith(f"{image}: ")
    assert outcome.out.count(" %") == 2
    outcome = call("predict", model, str(image), "nowhere.png")
    assert outcome.status == 1
    assert str(image) in outcome.out
    assert "error[unreadable-image]" in outcome.err
    outcome = call("predict", model, "nowhere.png", str(image), "--format", "json")
    assert outcome.status == 1
    first, second = json.loads(outcome.out)["predictions"]
    assert first["error"] and not first["classes"]
    assert second["error"] is None and len(second["classes"]) == 5


@pytest.mark.parametrize("command", [["fuse"], ["eval", "--data", "digits"], ["predict", "x.png"]])
def test_what_is_no_model(command: list[str], call: Call, demo: str, tmp_path: Path) -> None:
    assert call(command[0], demo, *command[1:]).status == 1
    outcome = call(command[0], str(tmp_path / "missing.safetensors"), *command[1:])
    assert outcome.status == 1
    assert "missing.safetensors" in outcome.err


def test_data_that_is_not_there_or_does_not_fit(call: Call, demo: str, tmp_path: Path) -> None:
    (tmp_path / "tiny.arch").write_text(TINY)
    outcome = call("train", f"{tmp_path}/tiny.arch", "--data", "digit", "--run", f"{tmp_path}/run")
    assert outcome.status == 1
    assert "error[unknown-data]" in outcome.err
    outcome = call("train", demo, "--data", "digits", "--run", f"{tmp_path}/run")
    assert outcome.status == 1
    assert "error[missing-train]" in outcome.err
    assert not (tmp_path / "run").exists()


def test_compile_writes_the_same_file_for_the_same_seed(call: Call, demo: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{i}.safetensors" for i in range(3)]
    for file, seed in zip(files, ("1", "1", "2"), strict=True):
        outcome = call("compile", demo, "--seed", seed, "-o", str(file))
        assert outcome.status == 0
        assert outcome.err == f"compiled Demo: 634 parameters, seed {seed}\n"
    one, same, other = (file.read_bytes() for file in files)
    assert one == same != other


def test_stairs_with_torch(call: Call, demo: str) -> None:
    assert "Conv2d" in call("compile", demo, "--show", "module").out
    assert "batch_norm" in call("compile", demo, "--show", "python").out
    fused = call("compile", demo, "--show", "after:fuse")
    assert "def forward" in fused.out
    assert "batch_norm" not in fused.out
    assert "fork(paths" in call("compile", demo, "--show", "after:multipath{paths=2}").out
    outcome = call("compile", demo, "--show", "after:multpath")
    assert outcome.status == 1
    assert "did you mean `multipath`?" in outcome.err
    assert call("compile", demo, "--show", "python", "-o", "-").status == 2


def test_transform_prints_a_file_that_checks(call: Call, demo: str, tmp_path: Path) -> None:
    out = tmp_path / "wide.arch"
    assert call("transform", demo, "multipath{paths=3,router=cross_connection}", "-o", str(out)).status == 0
    assert call("check", str(out)).status == 0
    assert call("fmt", "--check", str(out)).status == 0
    document = json.loads(call("info", str(out), "-p", "paths=2", "--format", "json").out)
    assert document["dials"]["paths"] == 2
    assert "error[unknown-pass]" in call("transform", demo, "multpath{paths=3}").err


def test_ctrl_c_leaves_whole_files_only(tmp_path: Path) -> None:
    (tmp_path / "tiny.arch").write_text(TINY.replace("epochs = 1", "epochs = 100000"))
    words = [sys.executable, "-m", "archlang", "train", "tiny.arch", "--data", "digits", "--run", "run"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    for _ in range(3):  # the headline and two epochs
        process.stderr.readline()
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"error[interrupted]" in err
    assert b"Traceback" not in err
    kept = {p.name for p in (tmp_path / "run").iterdir()}
    checkpoints = {name for name in kept if name.startswith("checkpoint-")}
    assert len(checkpoints) == 2
    assert kept - checkpoints == {
        ".lock", "best.safetensors", "config.json", "last.safetensors", "log.csv", "network.arch",
    }
    assert b"--run run --resume" in err
    assert run(["eval", str(tmp_path / "run" / "last.safetensors"), "--data", "digits"]) == 0


def test_verification_of_a_network_of_open_sizes(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "open.arch"
    file.write_text(DEMO.replace("[3, 32, 32]", "[3, H, W]"))
    model = tmp_path / "open.safetensors"
    assert call("compile", str(file), "-o", str(model)).status == 0
    assert call("fuse", str(model), "--verify").status == 0


def test_a_path_with_escape_sequences_is_shown_safely() -> None:
    from archlang.cli.commands.predict import _as_json, _line
    from archlang.train.prediction import Prediction

    seen = Prediction("a\x1b[31m\n.png", ())
    assert _line(seen) == "a<U+001B>[31m .png: "
    assert _as_json(seen)["file"] == "a<U+001B>[31m .png"


def test_compile_tunes_once(call: Call, demo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    outcome = call("compile", demo, "--tune", "4")
    assert outcome.status == 0 and "tuned layout: channels " in outcome.err
    kept = (tmp_path / "archlang" / "tuned.json").read_text()
    assert call("compile", demo, "--tune", "4").err == outcome.err
    assert (tmp_path / "archlang" / "tuned.json").read_text() == kept
    for wrong in ("4x8", "0", "x", "4x", "x8", "4x0", "-1", "4.5", "1e3", "9999999"):
        assert call("compile", demo, f"--tune={wrong}").status == 2, wrong


def test_a_first_call_is_told_what_it_lacks(call: Call, demo: str) -> None:
    outcome = call("train", demo)
    assert outcome.status == 2 and "missing option '--data'" in outcome.err and "`--data digits`" in outcome.err

    # The model is made and thrown away, which a reader may not have meant.
    outcome = call("compile", demo)
    assert outcome.status == 0 and "`-o NAME.safetensors` keeps it" in outcome.err
    assert "-o NAME" not in call("compile", demo, "--show", "graph").err
