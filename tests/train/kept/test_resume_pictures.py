"""Tables and pictures of a training that was interrupted are those of one that was not, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from archlang.elaborate import loads
from archlang.train import Progress, fit
from archlang.train.data.splits import Data, Tensors
from archlang.train.loop.progress import Beat

TEXT = """archlang 1
import std.pce (pce)
import std.layers (flattened)
network N {
  input image: [1, 8, 8]
  levels = image -> layers { conv(3x3, 4) -> relu; residual(mix = learned) { conv(3x3, 4) }; conv(3x3, 4) -> relu }
  seen   = levels -> each { flattened(6) } -> attend(static_vector)
  routed = image -> pce(4, 4x4, 3, 0.1) -> global_avg_pool
  logits = seen -> concat(routed) -> linear(4)
  output logits
}
train {
  loss      = cross_entropy(logits, label)
  optimizer = adam(lr = 0.01)
  batch     = 16
  phase all { epochs = 3 }
}
"""
OTHER = TEXT.replace("conv(3x3, 4) -> relu }", "conv(3x3, 4) -> relu; conv(3x3, 4) }")
CHANCE = torch.Generator().manual_seed(0)
DATA = Data("noise", Tensors(torch.rand(64, 1, 8, 8, generator=CHANCE), torch.arange(64) % 4),
            Tensors(torch.rand(16, 1, 8, 8, generator=CHANCE), torch.arange(16) % 4))
TABLES = {"attention", "gradients", "betas", "usage", "thresholds", "keys"}


class Halt(Progress):
    """Ends a training after so many of its steps, as a signal would."""

    def __init__(self, after: int) -> None:
        self.after = after

    def step(self, beat: Beat) -> None:
        if beat.done == self.after:
            raise InterruptedError


def seen(folder: Path) -> dict[str, bytes]:
    """The tables of steps and the pictures in a run folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())
            if path.suffix in (".csv", ".svg") and path.stem != "log"}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training in a single run."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("uninterrupted") / "run"
    fit(loads(TEXT), DATA, run=folder)
    return folder


def test_every_table_has_its_rows_and_its_picture(uninterrupted: Path) -> None:
    files = seen(uninterrupted)
    assert {f"{name}.csv" for name in TABLES} == {name for name in files if name.endswith(".csv")}
    assert {f"{name}.svg" for name in TABLES} <= set(files)
    assert all(files[f"{name}.csv"].count(b"\n") == 1 + 12 for name in TABLES)


@pytest.mark.parametrize("after", [[2], [5], [8], [3, 10]])
def test_interrupted_and_gone_on_with(uninterrupted: Path, tmp_path: Path, after: list[int]) -> None:
    for number, step in enumerate(after):
        with pytest.raises(InterruptedError):
            fit(loads(TEXT), DATA, run=tmp_path, progress=Halt(step), checkpoint_every=1,
                start="resume" if number else "new")
    fit(loads(TEXT), DATA, run=tmp_path, start="resume")
    assert seen(tmp_path) == seen(uninterrupted)


def test_a_fork_with_other_data_keeps_the_rows(tmp_path: Path) -> None:
    fit(loads(TEXT), DATA, run=tmp_path, epochs=1)
    before = seen(tmp_path)["usage.csv"]
    fit(loads(TEXT), Data("other", DATA.test, DATA.test), run=tmp_path, epochs=3, start="fork")
    after = seen(tmp_path)["usage.csv"]
    assert after.startswith(before) and after.count(b"\n") > before.count(b"\n")


@pytest.mark.parametrize("damage", [b"", b"epoch,step\n1,1\n", b"\xff\x00", b"epoch,step,x.1\n1,1,no number\n"])
def test_a_table_that_somebody_changed_begins_anew(tmp_path: Path, damage: bytes) -> None:
    fit(loads(TEXT), DATA, run=tmp_path, epochs=1)
    (tmp_path / "usage.csv").write_bytes(damage)
    fit(loads(TEXT), DATA, run=tmp_path, epochs=2, start="fork")
    files = seen(tmp_path)
    assert files["usage.csv"].count(b"\n") == 1 + 4 and files["attention.csv"].count(b"\n") == 1 + 8
    assert files["usage.csv"].splitlines()[1].startswith(b"2,1,")


def test_a_fork_that_reports_another_loss_gets_columns_for_it(tmp_path: Path) -> None:
    fit(loads(TEXT), DATA, run=tmp_path, epochs=1)
    more = TEXT.replace("cross_entropy(logits, label)", "cross_entropy(logits, label) + 0.1 * confidence()")
    fit(loads(more), DATA, run=tmp_path, epochs=2, start="fork")
    head, first, second = (tmp_path / "log.csv").read_text().splitlines()
    assert "train_confidence" in head and head.count(",") == first.count(",") == second.count(",")
    assert first.split(",")[-1] == "" and second.split(",")[-1] != ""
