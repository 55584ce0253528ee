"""Going on with a training: bit for bit where nothing differs, refused or said where something does."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from archlang.artefact import load_model
from archlang.diagnostics import ArchError
from archlang.train import Progress, fit
from archlang.train.kept.runs import open_run
from tests.train.nets import TRAIN, bars, tiny

FULL = """
train {
  loss      = cross_entropy(logits, label) + 0.1 * mse(logits, label)
  optimizer = adamw(lr = 0.01, amsgrad = true, groups = [group("logits", lr = 0.02, weight_decay = 0)])
  batch     = 16
  clip      = 1
  average   = ema(0.9)
  augment   = [shift(1), erase(p = 0.3)]
  phase head { steps = 9; only = "logits"; lr = linear(to = 0.001) }
  phase all  { epochs = 2; lr = one_cycle }
}
"""


class Halt(Progress):
    """Ends a training as SIGKILL would, after so many of its steps; remembers what it was told."""

    def __init__(self, after: int = 10**9) -> None:
        self.after, self.notes = after, []
        self.started = None

    def start(self, outline) -> None:
        self.started = outline

    def step(self, beat) -> None:
        if beat.done == self.after:
            raise InterruptedError

    def note(self, text: str) -> None:
        self.notes.append(text)


def halted(train: str, folder: Path, after: int, **options: object) -> None:
    """A training that did not come to its end."""
    with pytest.raises(InterruptedError):
        fit(tiny(train), bars(), run=folder, progress=Halt(after), **options)


def resumed(train: str, folder: Path, start: str = "resume", **options: object) -> tuple[object, Halt]:
    """The training gone on with, and what it said."""
    progress = Halt()
    return fit(tiny(train), bars(), run=folder, progress=progress, start=start, **options), progress


def same(one: object, other: object) -> bool:
    """Whether two trainings ended in the same weights, bit for bit, and saw the same on their way."""
    mine, yours = one.model.state_dict(), other.model.state_dict()
    seen = [[replace(epoch, seconds=0.0) for epoch in result.history] for result in (one, other)]
    return seen[0] == seen[1] and all(torch.equal(mine[name], yours[name]) for name in mine)


def log_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ArchError) as caught:
        call()
    return caught.value.diagnostics[0].name, caught.value.diagnostics[0].message


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    """The training that was never interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return fit(tiny(FULL), bars(), run=folder, checkpoint_every=2)


@pytest.mark.parametrize(("after", "kept"), [(3, 2), (7, 6), (9, 8), (10, 9), (16, 15), (20, 18)])
def test_bit_for_bit_after_any_step(whole, tmp_path: Path, after: int, kept: int) -> None:
    halted(FULL, tmp_path, after, checkpoint_every=2)
    result, progress = resumed(FULL, tmp_path, checkpoint_every=2)
    assert progress.started.done == kept
    assert same(result, whole)
    assert log_of(tmp_path) == log_of(whole.run.folder)
    for name in ("last.safetensors", "best.safetensors"):
        assert (tmp_path / name).read_bytes() == (whole.run.folder / name).read_bytes()
    assert not progress.notes


def test_twice_interrupted(whole, tmp_path: Path) -> None:
    halted(FULL, tmp_path, 5, checkpoint_every=2)
    halted(FULL, tmp_path, 13, checkpoint_every=3, start="resume")
    assert same(resumed(FULL, tmp_path)[0], whole)


@pytest.mark.parametrize("name", [
    "sgd(lr = 0.05, momentum = 0.9, nesterov = true)", "adam(lr = 0.01)", "rmsprop(lr = 0.01, centered = true)",
    "adagrad(lr = 0.05)", "adadelta(lr = 1)", "adamax(lr = 0.01)", "nadam(lr = 0.01)", "radam(lr = 0.01)",
    "rprop(lr = 0.01)", "asgd(lr = 0.05)", "adafactor(lr = 0.01)",
])
def test_every_optimiser_goes_on(tmp_path: Path, name: str) -> None:
    train = TRAIN.replace("sgd(lr = 0.1, momentum = 0.9)", name).replace("epochs = 3", "epochs = 2")
    whole = fit(tiny(train), bars())
    halted(train, tmp_path, 8, checkpoint_every=4)
    assert same(resumed(train, tmp_path)[0], whole)
    assert whole.history[-1].train_loss < whole.history[0].train_loss


@pytest.mark.parametrize("more", ["average = swa(after = 1)", "precision = bfloat16", "precision = float16"])
def test_averages_and_precisions_go_on(tmp_path: Path, more: str) -> None:
    train = TRAIN.replace("batch ", f"{more}\n  batch ")
    whole = fit(tiny(train), bars())
    halted(train, tmp_path, 15, checkpoint_every=4)
    assert same(resumed(train, tmp_path)[0], whole)


def test_steps_in_turn_go_on(tmp_path: Path) -> None:
    train = """
train {
  step first  { loss = cross_entropy(logits, label); optimizer = sgd(lr = 0.1, momentum = 0.9) }
  step second { loss = mse(logits, label); optimizer = adam(lr = 0.001) }
  phase all { epochs = 3 }
}
"""
    whole = fit(tiny(train), bars())
    halted(train, tmp_path, 2, checkpoint_every=1)
    assert same(resumed(train, tmp_path)[0], whole)
    assert set(whole.history[0].parts) == {"first_cross_entropy", "second_mse"}


def test_ctrl_c_keeps_what_was_done(whole, tmp_path: Path) -> None:
    class Tired(Progress):
        def step(self, beat) -> None:
            if beat.done == 12:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(tiny(FULL), bars(), run=tmp_path, progress=Tired())
    result, progress = resumed(FULL, tmp_path)
    assert progress.started.done == 12
    assert same(result, whole)


def test_a_finished_training_has_nothing_left(whole, tmp_path: Path) -> None:
    fit(tiny(FULL), bars(), run=tmp_path)
    before = (tmp_path / "log.csv").read_bytes()
    assert same(resumed(FULL, tmp_path)[0], whole)
    assert (tmp_path / "log.csv").read_bytes() == before


def test_rows_after_the_checkpoint_are_cut(tmp_path: Path) -> None:
    whole = fit(tiny(), bars(), run=tmp_path / "whole")
    halted(TRAIN, tmp_path / "cut", 13)
    log = tmp_path / "cut" / "log.csv"
    log.write_text(log.read_text() + "3,all,0.1,9,9,9,9,0,1.0\n4,al")
    assert same(resumed(TRAIN, tmp_path / "cut")[0], whole)
    assert log_of(tmp_path / "cut") == log_of(tmp_path / "whole")


# --- what differs ----------------------------------------------------------------------------------------------------


def test_another_training_is_refused(tmp_path: Path) -> None:
    halted(TRAIN, tmp_path, 8)

    def go(network=None, data=None, **options: object):
        return lambda: fit(network or tiny(), data or bars(), run=tmp_path, start="resume", **options)

    other = TRAIN.replace("lr = 0.1", "lr = 0.2")
    assert refused(go(tiny(other))) == (
        "run-differs", "this is not the training that was begun here: the file differs"
    )
    assert "the dial `classes` (was 3, is 4)" in refused(go(tiny(classes=4)))[1]
    assert "the seed (was 0, is 1)" in refused(go(seed=1))[1]
    assert "the number of epochs (was None, is 9)" in refused(go(epochs=9))[1]
    assert "what the data holds" in refused(go(data=bars(count=96)))[1]
    assert "the data (was bars, is rods)" in refused(go(data=replace(bars(), name="rods")))[1]
    assert log_of(tmp_path)


def test_what_was_asked_for_at_the_beginning_holds(tmp_path: Path) -> None:
    whole = fit(tiny(), bars(), seed=5, epochs=2)
    with pytest.raises(InterruptedError):
        fit(tiny(), bars(), run=tmp_path, seed=5, epochs=2, progress=Halt(8))
    result, progress = resumed(TRAIN, tmp_path)
    assert (progress.started.seed, progress.started.epochs) == (5, 2)
    assert same(result, whole)


def test_a_fork_says_what_differs(tmp_path: Path) -> None:
    halted(TRAIN, tmp_path, 8)
    other = TRAIN.replace("sgd(lr = 0.1, momentum = 0.9)", "adam(lr = 0.01)")
    result, progress = resumed(other, tmp_path, "fork", seed=3)
    assert progress.notes == [
        "forked; what differs: the file, the seed (was 0, is 3)", "begun anew: optimizer 1",
    ]
    assert len(result.history) == 3
    assert json.loads((tmp_path / "config.json").read_text())["forks"] == [{"seed": 0, "step": 6}]
    again, _ = resumed(other, tmp_path, seed=3)
    assert same(again, result)


def test_a_fork_to_another_network_is_refused(tmp_path: Path) -> None:
    halted(TRAIN, tmp_path, 8)
    assert refused(lambda: fit(tiny(classes=4), bars(), run=tmp_path, start="fork"))[1] == (
        "the checkpoint's weights are not those of this network"
    )


def test_another_machine_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    halted(TRAIN, tmp_path, 8)
    monkeypatch.setattr("torch.get_num_threads", lambda: 7)
    _, progress = resumed(TRAIN, tmp_path)
    assert len(progress.notes) == 1
    assert "threads" in progress.notes[0]


# --- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [
    lambda data: data[: len(data) // 2], lambda data: data[:-1], lambda data: b"", lambda data: data + b"x",
    lambda data: data[:-100] + bytes([data[-100] ^ 1]) + data[-99:], lambda data: data.replace(b"history", b"histery"),
    lambda data: b"PK\x03\x04" + data,
])
def test_a_damaged_checkpoint_is_left_out(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    whole = fit(tiny(), bars())
    halted(TRAIN, tmp_path, 13)
    _, second = sorted(tmp_path.glob("checkpoint-*"))
    second.write_bytes(damage(second.read_bytes()))
    damaged = second.read_bytes()
    with pytest.raises(InterruptedError):
        fit(tiny(), bars(), run=tmp_path, progress=Halt(7), start="resume")
    assert second.read_bytes() == damaged

    result, progress = resumed(TRAIN, tmp_path)
    assert progress.started.done == 6
    assert progress.notes[0].startswith(f"{second.name} is damaged and was left out: ")
    assert same(result, whole)


def of_another_version(data: bytes) -> bytes:
    """A checkpoint as a later archlang may write it."""
    assert b'\\"format\\":1' in data
    return data.replace(b'\\"format\\":1', b'\\"format\\":7', 1)


def test_a_checkpoint_of_another_version_is_an_error_of_its_own(tmp_path: Path) -> None:
    """It may be as sound as ever: neither is it removed, nor does an older one take its place."""
    halted(TRAIN, tmp_path, 13)
    paths = sorted(tmp_path.glob("checkpoint-*"))
    for changed in (paths[1:], paths):
        for path in changed:
            path.write_bytes(of_another_version(path.read_bytes().replace(b'\\"format\\":7', b'\\"format\\":1', 1)))
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        name, message = refused(lambda: resumed(TRAIN, tmp_path))
        assert name == "foreign-model" and "another version" in message
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_checkpoint_that_the_system_does_not_give_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    halted(TRAIN, tmp_path, 13)
    newest = sorted(tmp_path.glob("checkpoint-*"))[-1]
    plain = os.open

    def broken(path: str | Path, *args: int, **kwargs: int) -> int:
        if Path(path) == newest:
            raise OSError(5, "Input/output error")
        return plain(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", broken)
        assert refused(lambda: resumed(TRAIN, tmp_path)) == (
            "unreadable-file", f"`{newest}` cannot be read: input/output error"
        )
    assert len(list(tmp_path.glob("checkpoint-*"))) == 2
    assert same(resumed(TRAIN, tmp_path)[0], fit(tiny(), bars()))


def test_no_checkpoint_goes_before_the_new_one_was_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A disk that takes what it does not give back must not cost the checkpoints that are sound."""
    halted(TRAIN, tmp_path, 13)
    before = sorted(path.name for path in tmp_path.glob("checkpoint-*"))

    def lost(path: Path, tensors: object, facts: object) -> None:
        path.write_bytes(b"nothing of it")

    with monkeypatch.context() as patch:
        patch.setattr("archlang.train.kept.runs.write_checkpoint", lost)
        with pytest.raises(ArchError):
            resumed(TRAIN, tmp_path)
    assert set(before) <= {path.name for path in tmp_path.glob("checkpoint-*")}
    assert same(resumed(TRAIN, tmp_path)[0], fit(tiny(), bars()))


def test_the_best_epoch_after_a_resume_is_the_best_of_all(tmp_path: Path) -> None:
    """The rate is raised until the network forgets what it knew: the best epoch lies before the interruption."""
    worse = TRAIN.replace("phase all { epochs = 3; lr = cosine }",
                          "phase good { epochs = 2 }\n  phase bad { epochs = 2; lr = 30 * constant }")
    whole = fit(tiny(worse), bars(), run=tmp_path / "whole")
    assert whole.best.number <= 2 and whole.best.test_loss < min(e.test_loss for e in whole.history[2:])

    for after in (13, 19):
        folder = tmp_path / str(after)
        halted(worse, folder, after)
        best = (folder / "best.safetensors").read_bytes()
        result, _ = resumed(worse, folder)
        assert replace(result.best, seconds=0.0) == replace(whole.best, seconds=0.0)
        assert (folder / "best.safetensors").read_bytes() == best
        assert best == (tmp_path / "whole" / "best.safetensors").read_bytes()


def test_no_checkpoint_is_left(tmp_path: Path) -> None:
    halted(TRAIN, tmp_path, 8)
    for path in tmp_path.glob("checkpoint-*"):
        path.write_bytes(b"")
    assert refused(lambda: resumed(TRAIN, tmp_path))[0] == "no-checkpoint"
    assert refused(lambda: resumed(TRAIN, tmp_path / "other"))[0] == "no-checkpoint"


def test_a_checkpoint_is_no_model(whole) -> None:
    newest = whole.run.checkpoints[-1]
    assert refused(lambda: load_model(newest)) == (
        "not-a-model", "this is a checkpoint of a training, not a model"
    )


# --- the folder ------------------------------------------------------------------------------------------------------


def test_only_one_training_a_folder(tmp_path: Path) -> None:
    class Second(Progress):
        def epoch(self, epoch, best) -> None:
            found.append(refused(lambda: resumed(TRAIN, tmp_path))[0])

    found: list[str] = []
    fit(tiny(), bars(), run=tmp_path, progress=Second(), epochs=1)
    assert found == ["run-in-use"]
    assert refused(lambda: fit(tiny(), bars(), run=tmp_path))[0] == "run-exists"
    assert resumed(TRAIN, tmp_path, epochs=1)[0].run is not None


def test_what_came_to_nothing_leaves_no_folder(tmp_path: Path) -> None:
    bad = bars(classes=3)
    bad.train.labels[:] = 7
    folder = tmp_path / "runs" / "one"
    assert refused(lambda: fit(tiny(), replace(bad, classes=None), run=folder))[0] == "bad-data"
    assert not folder.exists()
    halted(TRAIN, folder, 1)
    assert not folder.exists()
    folder.mkdir()
    halted(TRAIN, folder, 1)
    assert folder.exists()
    assert not (folder / "checkpoint-00000001.safetensors").exists()


def test_two_checkpoints_are_kept(tmp_path: Path) -> None:
    run = fit(tiny(), bars(), run=tmp_path, checkpoint_every=1).run
    assert [p.name for p in run.checkpoints] == ["checkpoint-00000017.safetensors", "checkpoint-00000018.safetensors"]


def test_a_folder_is_free_again_when_closed(tmp_path: Path) -> None:
    run = open_run(tmp_path)
    assert refused(lambda: open_run(tmp_path))[0] == "run-in-use"
    run.close()
    open_run(tmp_path).close()


def test_a_training_without_a_folder_cannot_go_on() -> None:
    assert refused(lambda: fit(tiny(), bars(), start="resume"))[0] == "usage"
    assert refused(lambda: fit(tiny(), bars(), tensorboard=True))[0] == "usage"
