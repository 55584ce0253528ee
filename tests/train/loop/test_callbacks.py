"""Listeners of a training: what they are told, what becomes of their errors, loggers by name, early ends."""

from __future__ import annotations

import csv
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest
import torch

import archlang
from archlang.cli.main import run
from archlang.diagnostics import ArchError
from archlang.train import loggers
from tests.train.nets import NETWORK, TRAIN, bars, tiny


class Told(archlang.Progress):
    def __init__(self) -> None:
        self.events: list[str] = []

    def start(self, outline) -> None:
        self.events.append("start")

    def step(self, beat) -> None:
        self.events.append(f"step {beat.done}")

    def epoch(self, epoch, best) -> None:
        self.events.append(f"epoch {epoch.number}")

    def checkpoint(self, path, done) -> None:
        assert path.exists()
        self.events.append(f"checkpoint {done}")

    def end(self) -> None:
        self.events.append("end")


class Breaking(archlang.Progress):
    def __init__(self, event: str, at: int = 4) -> None:
        self.event, self.at = event, at

    def step(self, beat) -> None:
        if self.event == "step" and beat.done == self.at:
            raise LookupError("no such thing\x1b[1m")

    def epoch(self, epoch, best) -> None:
        if self.event == "epoch":
            sys.exit(7)


def test_all_callbacks_are_told_in_order(tmp_path: Path) -> None:
    first, second = Told(), Told()
    archlang.fit(tiny(), bars(33), epochs=2, run=tmp_path / "run", callbacks=[first, second], checkpoint_every=1)
    assert first.events == second.events == [
        "start", "step 1", "checkpoint 1", "step 2", "checkpoint 2", "epoch 1",
        "step 3", "checkpoint 3", "step 4", "checkpoint 4", "epoch 2", "end",
    ]


@pytest.mark.parametrize("event", ["step", "epoch"])
def test_a_callback_that_raises_is_named_and_the_run_goes_on(tmp_path: Path, event: str) -> None:
    whole, after = archlang.fit(tiny(), bars()), Told()
    with pytest.raises(ArchError) as caught:
        archlang.fit(tiny(), bars(), run=tmp_path / "run", callbacks=[Breaking(event), after])
    first = caught.value.diagnostics[0]
    assert first.name == "callback-failed"
    assert f"`Breaking` failed in `{event}`" in first.message
    assert "\x1b" not in first.message
    assert after.events[-1] == "end"

    resumed = archlang.fit(tiny(), bars(), run=tmp_path / "run", start="resume")
    mine, other = whole.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(mine[name], other[name]) for name in mine)


def test_what_is_no_callback() -> None:
    with pytest.raises(ArchError, match="`int` is no callback"):
        archlang.fit(tiny(), bars(), callbacks=[3])


def test_a_training_ends_where_nothing_becomes_better(tmp_path: Path) -> None:
    still = TRAIN.replace("lr = 0.1, momentum = 0.9", "lr = 0.0000001").replace("epochs = 3", "epochs = 30")
    patient = tiny(still.replace("batch     = 16", "batch = 16; patience = 2; best = loss"))
    long = archlang.fit(tiny(still), bars(), epochs=30, settings={"best": "loss"})
    result = archlang.fit(patient, bars(), run=tmp_path / "run")

    # By hand: the first epoch after which two were no better.
    losses = [e.test_loss for e in long.history]
    best, expected = 0, 30
    for number, loss in enumerate(losses):
        if loss < losses[best]:
            best = number
        elif number - best == 2:
            expected = number + 1
            break
    assert len(result.history) == expected
    assert [e.test_loss for e in result.history] == losses[:expected]
    assert expected < 30
    again = archlang.fit(patient, bars(), run=tmp_path / "run", start="resume")
    assert len(again.history) == expected


def test_a_row_for_every_step(tmp_path: Path) -> None:
    class Stop(archlang.Progress):
        def step(self, beat) -> None:
            if beat.done == 8:
                raise KeyboardInterrupt

    archlang.fit(tiny(), bars(), run=tmp_path / "whole", log_steps=True)
    with pytest.raises(KeyboardInterrupt):
        archlang.fit(tiny(), bars(), run=tmp_path / "run", log_steps=True, callbacks=[Stop()], checkpoint_every=3)
    archlang.fit(tiny(), bars(), run=tmp_path / "run", start="resume")
    text = (tmp_path / "whole/steps.csv").read_text()
    assert text == (tmp_path / "run/steps.csv").read_text()

    rows = list(csv.DictReader(text.splitlines()))
    with (tmp_path / "whole/log.csv").open() as file:
        epochs = list(csv.DictReader(file))
    assert len(rows) == 18
    sizes = [16] * 5 + [17]
    mean = sum(float(row["loss"]) * size for row, size in zip(rows[:6], sizes, strict=True)) / 97
    assert mean == pytest.approx(float(epochs[0]["train_loss"]), rel=1e-4)


class FakePackage(ModuleType):
    """The functions of W&B, trackio and MLflow that are called, noted."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.calls: list[tuple[str, tuple, dict]] = []
        names = "init log finish set_experiment start_run log_params log_metrics end_run"
        for function in names.split():
            setattr(self, function, self.noting(function))

    def noting(self, name: str):
        return lambda *args, **kwargs: self.calls.append((name, args, kwargs))


@pytest.mark.parametrize(("name", "begin", "log", "end"), [
    ("wandb", "init", "log", "finish"), ("trackio", "init", "log", "finish"),
    ("mlflow", "start_run", "log_metrics", "end_run"),
])
def test_loggers_of_packages(monkeypatch, tmp_path: Path, name: str, begin: str, log: str, end: str) -> None:
    fake = FakePackage(name)
    monkeypatch.setitem(sys.modules, name, fake)
    archlang.fit(tiny(), bars(33), epochs=1, run=tmp_path / "first", callbacks=[loggers.logger(name)])

    called = [call[0] for call in fake.calls]
    assert begin in called and called[-1] == end
    logged = [(args[0], kwargs["step"]) for call, args, kwargs in fake.calls if call == log]
    assert [step for _, step in logged] == [1, 2, 2]
    assert all(isinstance(value, float) for numbers, _ in logged for value in numbers.values())
    assert "epoch/test_loss" in logged[-1][0] and "step/loss" in logged[0][0]


def test_loggers_that_are_not_there(monkeypatch, capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(NETWORK.replace("6, 6", "8, 8") + TRAIN)
    monkeypatch.setitem(sys.modules, "wandb", None)
    words = ["train", "net.arch", "--data", "digits", "-p", "classes=10", "--logger"]
    assert run([*words, "wandb"]) == 4
    assert run([*words, "wandbb"]) == 1
    said = capsys.readouterr().err
    assert "pip install wandb" in said and "did you mean `wandb`" in said
    assert not Path("runs").exists()


def test_a_plug_ins_logger(monkeypatch) -> None:
    points = [EntryPoint("mine", "tests.train.loop.test_callbacks:Told", loggers.GROUP),
              EntryPoint("wrong", "builtins:dict", loggers.GROUP)]
    monkeypatch.setattr(loggers, "entry_points", lambda group: points)
    assert type(loggers.logger("mine")).__name__ == "Told"
    with pytest.raises(ArchError, match="is no `Progress`"):
        loggers.logger("wrong")
