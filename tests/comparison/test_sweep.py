"""Searches: ranges, samples held back, the same proposals after an end, failures that are counted, refusals."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import archlang
from archlang.cli.main import run
from archlang.comparison.ranges import SearchRange, searched
from archlang.comparison.search import SearchDesign, Sweep, judged_apart
from archlang.diagnostics import ArchError
from archlang.elaborate.network import configured
from archlang.ops import CATALOGUE
from archlang.train.data.splits import Data, Tensors
from archlang.train.data.windows import Windows

TEXT = """archlang 1
network Small(width = 4) {
  input x: [6]
  logits = x -> linear(width) -> layer_norm -> relu -> linear(3)
  output logits
}
train {
  loss      = cross_entropy(logits, label)
  optimizer = adam(lr = 0.01)
  metrics   = [top_k(2)]
  batch     = 16
  phase all { epochs = 2 }
}
"""


class Closed:
    """A part that nobody may read."""

    def __len__(self) -> int:
        return 5

    def batch(self, indices: object) -> tuple[torch.Tensor, torch.Tensor]:
        raise AssertionError("the test part was read")


def closed() -> Data:
    """Points in three heaps, whose test part must not be read."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    points = torch.randn(60, 6, generator=generator) + 2 * torch.nn.functional.one_hot(labels, 6)
    return Data("heaps", Tensors(points, labels), Closed())


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command line of a search over those points, in a folder of its own."""
    (tmp_path / "small.arch").write_text(TEXT)
    (tmp_path / "heaps.py").write_text("from tests.comparison.test_sweep import closed\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "heaps", raising=False)
    return ["sweep", "small.arch", "--data", "heaps:closed", "-p", "width=2..9", "--set", "optimizer.lr=1e-3..0.1:log"]


def design(**changes: object) -> SearchDesign:
    space = {"width": SearchRange(2, 9, whole=True)}
    return replace(SearchDesign(archlang.loads(TEXT).text, space, {}, "heaps", "loss", device="cpu"), **changes)  # type: ignore[arg-type]  # of its fields


def test_each_trial_is_a_training_judged_on_what_was_held_back(
    call: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run([*call, "--trials", "3", "--csv", "all.csv", "--run", "whole"]) == 0
    out = capfd.readouterr().out
    rows = list(csv.DictReader(Path("all.csv").read_text().splitlines()))
    assert len(rows) == 3 and len({row["optimizer.lr"] for row in rows}) == 3

    # The split by hand: a fifth of the 60 samples, drawn by the seed.
    whole = closed().train
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    points, labels = whole.batch(range(60))
    held, kept = order[:12].sort().values, order[12:].sort().values
    parts = ((points[kept], labels[kept]), (points[held], labels[held]))
    for row in rows:
        net = configured(archlang.loads(TEXT, width=int(row["width"])), {"optimizer.lr": row["optimizer.lr"]})
        model = archlang.fit(net, parts, seed=0, device="cpu").model
        with torch.no_grad():
            normal = (parts[1][0] - torch.tensor(model.archlang.mean)) / torch.tensor(model.archlang.std)
            loss = torch.nn.functional.cross_entropy(model(normal), parts[1][1])
        assert float(loss) == pytest.approx(float(row["loss"]), rel=1e-4)

    best = min(rows, key=lambda row: float(row["loss"]))
    assert f"-p width={best['width']} --set optimizer.lr={best['optimizer.lr']}" in out


def test_a_search_that_ended_early_proposes_what_it_would_have(
    call: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run([*call, "--trials", "4", "--csv", "whole.csv", "--run", "whole"]) == 0
    assert run([*call, "--trials", "2", "--csv", "part.csv", "--run", "parts"]) == 0
    capfd.readouterr()
    assert run([*call, "--trials", "4", "--csv", "parts.csv", "--run", "parts", "--format", "json"]) == 0
    assert Path("parts.csv").read_text() == Path("whole.csv").read_text()
    assert len(json.loads(capfd.readouterr().out)["trials"]) == 4

    # Enough are there: nothing is trained, and another search is refused in that folder.
    assert run([*call, "--trials", "4", "--run", "parts"]) == 0
    assert "4 trials, 4 done" in capfd.readouterr().err
    assert run([*call, "--trials", "4", "--run", "parts", "--epochs", "1"]) == 1
    assert "epochs differ" in capfd.readouterr().err


def test_what_fails_is_told_and_counted(call: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    dividing = "linear(width) -> dropout(1 / (width - 5) / (width - 5))"
    Path("small.arch").write_text(TEXT.replace("linear(width)", dividing))
    words = [*call[:4], "-p", "width=5,4,6", "--trials", "6", "--csv", "all.csv"]
    assert run(words) == 0
    told = capfd.readouterr()
    rows = list(csv.DictReader(Path("all.csv").read_text().splitlines()))
    failed = [row for row in rows if not row["loss"]]
    assert {row["width"] for row in failed} == {"5"} and all(row["reason"] for row in failed)
    assert f"{len(failed)} trial" in told.out and "width=5: failed (" in told.err


def test_a_metric_of_which_more_is_better(tmp_path: Path) -> None:
    search = Sweep(design(figure="top_k(k = 2)", seeds=(0, 1)), closed(), tmp_path, CATALOGUE)
    search.work(3, lambda trial: None)
    values = [trial.value or 0.0 for trial in search.ranked()]
    assert len(values) == 3 and values == sorted(values, reverse=True)
    assert sorted(path.name for path in (tmp_path / "trials").iterdir()) == ["0-0", "0-1", "1-0", "1-1", "2-0", "2-1"]


def test_a_search_is_kept_in_a_database(tmp_path: Path) -> None:
    where = f"sqlite:///{tmp_path / 'search.db'}"
    Sweep(design(), closed(), tmp_path / "one", CATALOGUE, where).work(1, lambda trial: None)
    other = Sweep(design(), closed(), tmp_path / "other", CATALOGUE, where)
    assert [trial.number for trial in other.trials()] == [0]
    with pytest.raises(ArchError, match=r"storage `nowhere://x` cannot be opened"):
        Sweep(design(), closed(), tmp_path, CATALOGUE, "nowhere://x")


def test_what_is_judged_on_is_never_trained_on() -> None:
    data = judged_apart(closed(), seed=3)
    train, judged = (part.batch(range(len(part)))[0] for part in (data.train, data.test))
    assert (len(train), len(judged)) == (48, 12)
    assert not (train[:, None] == judged[None]).all(-1).any()

    with_validation = replace(closed(), validation=closed().train)
    assert judged_apart(with_validation, 3).test is with_validation.validation
    text = judged_apart(Data("text", Windows(torch.arange(100)), Closed()), 3)  # type: ignore[arg-type]  # a split
    assert text.train.tokens.tolist() + text.test.tokens.tolist() == list(range(100))  # type: ignore[attr-defined]


@pytest.mark.parametrize(("text", "said"), [
    ("4..", "LOW..HIGH"), ("..4", "LOW..HIGH"), ("9..4", "smaller"), ("a..b", "`a` is no number"), ("1..1", "smaller"),
    ("0..1:log", "logarithm"), ("1..2..3", "no number"), ("1..inf", "finite"), ("1..2:lin", "no number"),
])
def test_ranges_that_are_none(text: str, said: str) -> None:
    with pytest.raises(ArchError, match=said):
        searched("width", text)


@pytest.mark.parametrize(("words", "status", "said"), [
    ([], 2, "nothing to search"), (["-p", "widht=2..4"], 1, "widht"), (["-p", "width=2..x"], 2, "no number"),
    (["--set", "optimizer.rate=1..2"], 1, "rate"), (["-p", "width=2..4", "--figure", "accurcy"], 2, "accuracy"),
    (["-p", "width=2..4", "--storage", "nowhere://x"], 2, "cannot be opened"),
    (["-p", "width=2..4", "--csv", "a.txt"], 2, ".csv"), (["-p", "width=2..4", "--device", "tpu"], 2, "tpu"),
])
def test_refusals_leave_nothing_behind(
    call: list[str], capfd: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    assert run([*call[:4], *words, "--run", "none"]) == status
    assert said in capfd.readouterr().err and not Path("none", "trials").exists()


def test_without_optuna_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ArchError, match=r'archlang\[search\]'):
        Sweep(design(), closed(), tmp_path / "none", CATALOGUE)
    assert not (tmp_path / "none").exists()
