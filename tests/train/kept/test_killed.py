"""Processes that are killed, disks that are full: what is left can be gone on with."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from archlang.cli.main import run
from tests import forking
from tests.campaign import resume


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the training that nobody kills, its phases shortened."""
    made = tmp_path_factory.mktemp("killed")
    shorter = resume.FILE.replace("epochs = 12", "epochs = 2").replace("epochs = 3", "epochs = 1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resume, "FILE", shorter)
        resume.prepared(made)
    return made


def test_killed_and_gone_on_with(folder: Path) -> None:
    assert resume.killed(folder, "killed", 0.3)
    while resume.killed(folder, "killed", 600.0):
        pass
    assert resume.compared(folder, "killed") == []


def test_a_full_disk_leaves_the_run_as_it_was(folder: Path) -> None:
    words = resume.command(folder, "full")
    size = max(path.stat().st_size for path in (folder / "whole").glob("checkpoint-*"))
    found = forking.archlang(words, folder / "pipe", size - 1000)
    assert found.status == 1
    assert "error[unwritable-output]" in found.text
    assert "Traceback" not in found.text
    assert not [path for path in (folder / "full").glob("*") if path.suffix == ".part"]


@pytest.mark.parametrize("limit", [1, 3000])
def test_a_disk_that_is_full_from_the_start_leaves_nothing(folder: Path, limit: int) -> None:
    """Nothing could be gone on with: neither a folder is left nor, in one that was there, a file."""
    words = resume.command(folder, "full from the start")
    run_folder = folder / "full from the start"
    for made_before in (False, True):
        if made_before:
            run_folder.mkdir()
        found = forking.archlang(words, folder / "pipe", limit)
        assert found.status == 1, found.text
        assert "error[unwritable-output]" in found.text and "Traceback" not in found.text
        left = {path.name for path in run_folder.glob("*")}
        assert left <= {".lock"} and run_folder.exists() is made_before
    shutil.rmtree(run_folder)


def test_the_command_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    words = ["train", "small.arch", "--data", "digits", "--epochs", "1"]
    assert run([*words, "--resume"]) == 1
    assert "no-checkpoint" in capsys.readouterr().err
    assert run(words) == run(words) == 0
    assert run([*words, "--resume"]) == 0
    seen = capsys.readouterr()
    assert "going on after 45 steps" in seen.err
    assert "kept in runs/Small-2" in seen.err
    assert run([*words, "--resume", "--seed", "3"]) == 1
    assert "the seed (was 0, is 3) differs" in capsys.readouterr().err
    assert run([*words, "--resume", "--fork"]) == 2
    assert run([*words[:-1], "2", "--fork", "--run", "runs/Small-1"]) == 0
    assert "forked; what differs: the number of epochs (was 1, is 2)" in capsys.readouterr().err


def test_tensorboard_is_asked_for_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch,
                                          capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    words = ["train", "small.arch", "--data", "digits", "--run", "board", "--tensorboard"]
    assert run(words) == 4
    assert 'pip install "archlang[logs]"' in capsys.readouterr().err
    assert not (folder / "board").exists()
