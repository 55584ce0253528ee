"""Usage of experts and thresholds over a training, as tables and pictures in the run's folder."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from archlang.elaborate import loads
from archlang.train import fit

TEXT = """archlang 1
import std.pce (pce)
network N {
  input image: [1, 8, 8]
  logits = image -> pce(4, 4x4, 3, 0.1) -> global_avg_pool -> linear(10)
  output logits
}
train {
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1)
  batch     = 400
  phase all { epochs = 1; keys = ema(0.9) }
}
"""


def test_every_step_leaves_a_row(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    fit(loads(TEXT), "digits", seed=0, device="cpu", run=tmp_path / "run")
    tables = {}
    for name in ("usage", "thresholds"):
        with (tmp_path / "run" / f"{name}.csv").open(newline="") as file:
            tables[name] = list(csv.DictReader(file))
        assert (tmp_path / "run" / f"{name}.svg").read_text().count("expert 1" if name == "usage" else "entropy") == 1
    assert len(tables["usage"]) == len(tables["thresholds"]) == 4
    for row in tables["usage"]:
        assert sum(float(row[f"logits.pce.experts.{i}"]) for i in (1, 2, 3)) == pytest.approx(1, abs=1e-4)
    for row in tables["thresholds"]:
        whole, *parts = (float(row[f"logits.pce.experts.{n}"]) for n in ("threshold", "max", "entropy", "gap"))
        assert whole == pytest.approx(0.4 * parts[0] + 0.3 * parts[1] + 0.3 * parts[2], abs=1e-4)
