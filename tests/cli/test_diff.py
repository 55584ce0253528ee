"""`archlang diff` and `archlang.diff`: files, model files, live models, files of other commits."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import archlang
from archlang.cli.main import run
from tests.cli.conftest import Call

OLD = """archlang 1
import "parts.arch" (head)
network N {
  input x: [3, 8, 8]
  output x -> conv(3x3, 4) -> relu -> head
}
"""
HEAD = "archlang 1\nblock head { output in -> global_avg_pool -> linear(%d) }\n"
NEW = OLD.replace("conv(3x3, 4)", "conv(3x3, 8)")


def git(folder: Path, *words: str) -> None:
    names = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose network and whose imported block both change in the second commit."""
    nets = tmp_path / "nets"
    nets.mkdir()
    git(tmp_path, "init", "-q")
    for network, classes in ((OLD, 5), (NEW, 7)):
        (nets / "net.arch").write_text(network)
        (nets / "parts.arch").write_text(HEAD % classes)
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", "a step")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_of_other_commits(repository: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = call("diff", "HEAD~1:nets/net.arch", "nets/net.arch")
    assert outcome.status == 0
    # The block is the one of that commit too: a head of five classes became one of seven.
    assert "~ conv: conv(3x3, 4) -> conv(3x3, 8)" in outcome.out and "linear(5) -> linear(7)" in outcome.out
    assert call("diff", "HEAD:nets/net.arch", "nets/net.arch").out == "N: no difference\n"
    assert call("diff", "HEAD~1:nets/net.arch", "HEAD~1:nets/net.arch").out == "N: no difference\n"

    monkeypatch.chdir(repository / "nets")
    assert call("diff", "HEAD~1:./net.arch", "net.arch").out == outcome.out


@pytest.mark.parametrize(("file", "said"), [
    ("HEAD:nets/none.arch", "`HEAD` has no file `nets/none.arch`"), ("nothing:nets/net.arch", "object name nothing"),
    ("--output=x:nets/net.arch", "cannot read"), ("HEAD~9:nets/net.arch", "cannot read"), (":nets/net.arch", "cannot"),
])
def test_commits_and_files_that_are_not_there(repository: Path, call: Call, file: str, said: str) -> None:
    outcome = call("diff", "--", file, "nets/net.arch")
    assert outcome.status == 1 and "error[unreadable-file]" in outcome.err and said in outcome.err
    assert not (repository / "x").exists()


def test_a_folder_without_git(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    outcome = call("diff", "HEAD:net.arch", "HEAD:net.arch")
    assert outcome.status == 1 and "not a git repository" in outcome.err
    monkeypatch.setenv("PATH", "")
    outcome = call("diff", "HEAD:net.arch", "HEAD:net.arch")
    assert outcome.status == 4 and "needs Git" in outcome.err


def test_a_table_of_operations(call: Call, tmp_path: Path) -> None:
    for name, text in (("a", OLD), ("b", NEW)):
        (tmp_path / f"{name}.arch").write_text(text.replace("head", "global_avg_pool").replace(
            'import "parts.arch" (global_avg_pool)\n', ""))
    words = ["diff", f"{tmp_path}/a.arch", f"{tmp_path}/b.arch"]
    said = call(*words).out
    # By hand: 3 channels, 9 cells and a bias each; 64 positions, two operations a product.
    assert f"conv          1  {4 * 28} -> {8 * 28}  {4 * 27 * 64 * 2:,} -> {8 * 27 * 64 * 2:,}\n" in said
    assert "relu  " not in said.split("operation  ")[1]
    (row,) = json.loads(call(*words, "--format", "json").out)["operations"]
    assert row["name"] == "conv" and row["uses"] == {"before": 1, "after": 1}
    assert row["parameters"] == {"before": 112, "after": 224}


def test_anything_with_anything(tmp_path: Path) -> None:
    network = archlang.load("examples/01_sequential.arch")
    model = archlang.compile(network)
    archlang.save(model.eval(), tmp_path / "m.safetensors")
    wide = archlang.transform(model, "multipath")

    same = ["examples/01_sequential.arch", Path("examples/01_sequential.arch"), network, model,
            tmp_path / "m.safetensors", archlang.fuse(model)]
    for subject in same:
        assert archlang.diff(subject, network).same and archlang.diff(network, subject).same
        changed = archlang.diff(subject, wide)
        assert not changed.same and str(changed) == str(archlang.diff(network, wide.archlang.network))

    assert repr(changed).startswith(f"<Differences {network.name} -> {network.name}: ") and "\n" not in repr(changed)
    assert json.loads(changed.json())["changes"]
    # Both sides are drawn.
    assert changed._repr_html_().count("<svg") == 2 and "dial paths: none -&gt; 2" in changed.html()
    with pytest.raises(archlang.ArchError, match="unsupported-module"):
        archlang.diff(nn.Linear(3, 3), network)


def test_a_model_file_beside_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = f"{tmp_path}/m.safetensors"
    assert run(["compile", "examples/01_sequential.arch", "-o", file]) == 0
    assert run(["diff", file, "examples/01_sequential.arch"]) == 0
    assert "no difference" in capsys.readouterr().out


def test_weights_of_two_model_files_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Against safetensors' own reader: which tensors are equal, and no word of weights where one side is a text."""
    before, after = (str(tmp_path / name) for name in ("a.safetensors", "b.safetensors"))
    for seed, file in enumerate((before, after)):
        archlang.save(archlang.compile(archlang.load("examples/04_paths.arch"), seed=seed), file)

    assert run(["diff", before, after, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)["weights"]
    one, other = load_file(before), load_file(after)
    same = {name for name in one if torch.equal(one[name], other[name])}
    assert set(told["equal"]) == same and set(told["different"]) == set(one) - same and same != set(one)
    assert told["before"] == told["after"] == []

    assert run(["diff", before, before]) == 0
    assert capsys.readouterr().out.endswith(f"weights: all {len(one)} tensors are equal\n")
    assert run(["diff", before, "examples/04_paths.arch"]) == 0
    assert "weights" not in capsys.readouterr().out


def test_tensors_of_another_shape_or_of_one_side_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for name, classes in (("a", 10), ("b", 7)):
        files.append(str(tmp_path / f"{name}.safetensors"))
        archlang.save(archlang.compile(archlang.load("examples/04_paths.arch", classes=classes)), files[-1])
    assert run(["diff", *files]) == 0
    assert "2 of 28 tensors differ: `logits.linear.bias`, `logits.linear.weight`" in capsys.readouterr().out
