"""Patch experts gone on with in either phase of their keys: as if never interrupted; and their keys by phase."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from archlang.artefact import load_model
from archlang.elaborate import loads
from archlang.studies.patch_experts.patches import usage_of
from archlang.train import Progress, fit
from archlang.train.data.splits import Data, Tensors
from archlang.train.loop.progress import Beat

TEXT = """archlang 1
import std.pce (pce)
network N {
  input image: [1, 8, 8]
  logits = image -> pce(4, 4x4, 3, 0.1) -> global_avg_pool -> linear(4)
  output logits
}
train {
  loss      = cross_entropy(logits, label) + 0.1 * confidence() + 0.01 * collapse(below = 0.2)
  optimizer = adam(lr = 0.01)
  batch     = 16
  phase stabilise { epochs = 2; keys = ema(0.9) }
  phase fine_tune { epochs = 2; keys = learned }
}
"""
CHANCE = torch.Generator().manual_seed(0)
DATA = Data("noise", Tensors(torch.rand(64, 1, 8, 8, generator=CHANCE), torch.arange(64) % 4),
            Tensors(torch.rand(16, 1, 8, 8, generator=CHANCE), torch.arange(16) % 4))


class Halt(Progress):
    """Ends a training after so many of its steps, as a signal would."""

    def __init__(self, after: int) -> None:
        self.after = after

    def step(self, beat: Beat) -> None:
        if beat.done == self.after:
            raise InterruptedError


@pytest.mark.parametrize("after", [6, 14], ids=["keys that follow", "keys that are learned"])
def test_gone_on_with_in_either_phase(tmp_path: Path, after: int) -> None:
    torch.set_num_threads(1)
    network = loads(TEXT)
    fit(network, DATA, seed=0, device="cpu", run=tmp_path / "whole")
    with pytest.raises(InterruptedError):
        fit(network, DATA, seed=0, device="cpu", run=tmp_path / "cut", progress=Halt(after), checkpoint_every=3)
    fit(network, DATA, seed=0, device="cpu", run=tmp_path / "cut", start="resume")
    for name in ("last.safetensors", "log.csv", "usage.csv"):
        one, other = tmp_path / "whole" / name, tmp_path / "cut" / name
        if name.endswith("safetensors"):
            states = [load_model(path).state_dict() for path in (one, other)]
            assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
        else:
            lines = [path.read_text().splitlines() for path in (one, other)]
            assert len(lines[0]) == len(lines[1])


def test_no_expert_is_left_without_work_on_digits() -> None:
    torch.set_num_threads(1)
    text = TEXT.replace("linear(4)", "linear(10)").replace("epochs = 2", "epochs = 1").replace("= 16", "= 64")
    done = fit(loads(text), "digits", seed=0, device="cpu")
    (usage,) = usage_of(done.model, "digits", device="cpu")
    assert min(usage.mean) > 0.02 and max(usage.mean) < 0.9
