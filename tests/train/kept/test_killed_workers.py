"""A training whose data workers read is killed, and goes on at once with another number of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archlang.cli.main import run
from tests.train.nets import NETWORK, TRAIN

DATA = """
import random, time, torch
from torch.utils.data import Dataset

class Points(Dataset):
    def __init__(self, count):
        self.count = count
    def __len__(self):
        return self.count
    def __getitem__(self, number):
        time.sleep(0.002)
        return torch.rand(1, 6, 6) + number % 3 + random.random(), number % 3

def points():
    return Points(90), Points(15)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")
def test_killed_with_workers_and_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "many_points.py").write_text(DATA)
    (tmp_path / "net.arch").write_text(NETWORK + TRAIN)
    monkeypatch.chdir(tmp_path)
    words = ["train", "net.arch", "--data", "many_points:points", "--epochs", "4", "--checkpoint-every", "1"]
    assert run([*words, "--run", "whole"]) == 0

    with subprocess.Popen([sys.executable, "-m", "archlang", *words, "--run", "killed", "--workers", "2"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        began = time.monotonic()
        while len(list(Path("killed").glob("checkpoint-*"))) < 2 and time.monotonic() - began < 120:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)

    # At once: a worker that has not yet noticed must not hold the folder.
    before = int(max(Path("killed").glob("checkpoint-*")).stem.partition("-")[2])
    assert before < 24
    assert run([*words, "--run", "killed", "--workers", "1", "--resume"]) == 0

    for name in ("last.safetensors", "best.safetensors"):
        assert Path("whole", name).read_bytes() == Path("killed", name).read_bytes()
    columns = [line.rsplit(",", 1)[0] for line in Path("whole/log.csv").read_text().splitlines()]
    assert columns == [line.rsplit(",", 1)[0] for line in Path("killed/log.csv").read_text().splitlines()]
