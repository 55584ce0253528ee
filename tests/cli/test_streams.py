"""Trainings whose standard streams are closed, full or left by their reader."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT

FILE = """archlang 1

network Small(classes = 10) {
  input image: [1, 8, 8]
  logits = image -> flatten -> linear(classes)
  output logits
}

train {
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1)
  batch     = 512
  phase all { epochs = 2 }
}
"""
ARCHLANG = f'"{sys.executable}" -m archlang'
TRAIN = f"{ARCHLANG} train small.arch --data digits --device cpu --run run"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.arch").write_text(FILE)
    return tmp_path


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A line of the shell in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=120, check=False)


@pytest.mark.parametrize("closed", ["<&- 2>&-", "2>/dev/full"])
def test_a_training_needs_no_standard_input_and_nobody_who_reads_its_remarks(folder: Path, closed: str) -> None:
    done = shell(f"{TRAIN} {closed}", folder)
    assert (done.returncode, done.stdout[:16]) == (0, "best epoch 2 of ")
    assert (folder / "run" / "log.csv").read_text().count("\n") == 3


@pytest.mark.parametrize(("closed", "said"), [(">&-", "standard output is closed"), ("<&- >&-", "output is closed")])
def test_a_result_that_nobody_can_get_is_refused_before_anything_is_done(folder: Path, closed: str, said: str) -> None:
    done = shell(f"{TRAIN} {closed}", folder)
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr
    assert not (folder / "run").exists()
    assert shell(f"{TRAIN} <&- >&- 2>&-", folder).returncode == 1


def test_a_result_on_a_full_disk(folder: Path) -> None:
    done = shell(f"{TRAIN} >/dev/full", folder)
    assert done.returncode == 1 and "error[unwritable-output]" in done.stderr and "Traceback" not in done.stderr


def test_a_reader_that_goes_away_does_not_end_the_training(folder: Path) -> None:
    done = shell(f"({TRAIN} 2>&1 >/dev/null; echo $? > status) | head -1", folder)
    assert done.stdout.startswith("training Small")
    assert (folder / "status").read_text() == "0\n"
    assert (folder / "run" / "log.csv").read_text().count("\n") == 3


@pytest.mark.parametrize("line", ["ops", "ops conv", "--help", "train --help", "check small.arch --format json",
                                  "explain", "check nothing.arch --format sarif"])
def test_output_without_a_reader_ends_a_command_quietly(folder: Path, line: str) -> None:
    done = shell(f"({ARCHLANG} {line}; echo $? > status) | true", folder)
    assert (folder / "status").read_text() == "0\n" and done.stderr == ""


BROKEN_PIPE = """
from archlang.train import Data, Tensors
import torch

class Piped(Tensors):
    def batch(self, indices):
        if len(indices) and {where}:
            raise BrokenPipeError(32, "Broken pipe")
        return super().batch(indices)

def data():
    images, labels = torch.rand(1100, 1, 8, 8), torch.arange(1100) % 10
    return Data("piped", Piped(images, labels), Tensors(images, labels))
"""


@pytest.mark.parametrize(("where", "reader"), [("len(indices) == 512", "cat"), ("True", "true")])
def test_a_data_set_that_loses_a_pipe_ends_a_training_with_an_error(folder: Path, where: str, reader: str) -> None:
    """Neither the data set's pipe nor the reader of the output says that the training is done."""
    (folder / "piped.py").write_text(BROKEN_PIPE.format(where=where))
    line = TRAIN.replace("--data digits", "--data piped:data")
    done = shell(f"({line} 2> said; echo $? > status) | {reader}", folder)
    assert int((folder / "status").read_text()) != 0, done
    assert "error[" in (folder / "said").read_text()


def test_what_a_library_prints_does_not_end_in_a_file_when_standard_error_is_closed(folder: Path) -> None:
    code = ("import os, sys; from archlang.cli.streams import replace_streams; replace_streams(); "
            "f = open('made', 'w'); os.write(2, b'noise'); os.write(1, b'noise'); f.write('text'); f.close()")
    done = shell(f'"{sys.executable}" -c "{code}" <&- >&- 2>&-', folder)
    assert done.returncode == 0 and (folder / "made").read_text() == "text"


@pytest.mark.parametrize("line", ["check small.arch --format json", "check nothing.arch --format sarif",
                                  "draw small.arch", "ops"])
def test_other_results_are_refused_too(folder: Path, line: str) -> None:
    done = shell(f"{ARCHLANG} {line} >&-", folder)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "\nerror[" in "\n" + done.stderr
