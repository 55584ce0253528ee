"""Usage of experts and thresholds over a training, as tables and pictures in the run's folder."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from archlang.elaborate import loads
from archlang.layers.patch_experts.keys import largest_cosine
from archlang.train import fit
from archlang.train.loop.progress import Progress

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
    for name, shown in (("usage", "expert 1"), ("thresholds", "entropy"), ("keys", "cosine")):
        with (tmp_path / "run" / f"{name}.csv").open(newline="") as file:
            tables[name] = list(csv.DictReader(file))
        assert (tmp_path / "run" / f"{name}.svg").read_text().count(shown) == 1
    assert len(tables["usage"]) == len(tables["thresholds"]) == 4
    for row in tables["usage"]:
        assert sum(float(row[f"logits.pce.experts.{i}"]) for i in (1, 2, 3)) == pytest.approx(1, abs=1e-4)
    for row in tables["thresholds"]:
        whole, *parts = (float(row[f"logits.pce.experts.{n}"]) for n in ("threshold", "max", "entropy", "gap"))
        assert whole == pytest.approx(0.4 * parts[0] + 0.3 * parts[1] + 0.3 * parts[2], abs=1e-4)


class Notes(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        """One remark."""
        self.said.append(text)


def test_keys_are_logged_as_they_are(tmp_path: Path) -> None:
    """The last row against the model's own keys, and against its weights on a batch before and after the filter."""
    torch.set_num_threads(1)
    done = fit(loads(TEXT), "digits", seed=0, device="cpu", run=tmp_path / "run")
    with (tmp_path / "run" / "keys.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    keys = done.model.get_submodule("logits.pce.experts.router.cosine").keys.detach()
    pairs = [torch.cosine_similarity(keys[i], keys[j], dim=0) for i in range(3) for j in range(i)]
    assert float(rows[-1]["logits.pce.experts.cosine"]) == pytest.approx(float(max(pairs)), abs=1e-5)
    shares = [[float(row[f"logits.pce.experts.{i}"]) for i in (1, 2, 3)] for row in rows]
    assert all(0 <= share <= 1 for row in shares for share in row) and all(sum(row) >= 1 - 1e-6 for row in shares)


def test_keys_that_collapse_are_told_once() -> None:
    """At a high temperature weights are even, every key follows the same mean, and all become one."""
    torch.set_num_threads(1)
    collapsing = TEXT.replace("3, 0.1)", "3, 100)").replace("epochs = 1; keys = ema(0.9)",
                                                            "epochs = 3; keys = ema(0.2)")
    notes = Notes()
    done = fit(loads(collapsing), "digits", seed=0, device="cpu", progress=notes)
    keys = done.model.get_submodule("logits.pce.experts.router.cosine").keys.detach()
    assert largest_cosine(keys) > 0.99
    assert [text.count("`logits.pce.experts` have collapsed") for text in notes.said] == [1]

    notes = Notes()
    fit(loads(TEXT), "digits", seed=0, device="cpu", progress=notes)
    assert notes.said == []
