"""Trainings from beginning to end."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from archlang.artefact import load_model
from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.train import Data, Progress, Tensors, evaluate, fit
from archlang.train.loop.stepping import Outcome
from archlang.train.loop.tally import Tally
from archlang.train.loop.task import TrainingTask
from tests.train.nets import NETWORK, TRAIN, bars, tiny

TWO_PHASES = TRAIN.replace("phase all { epochs = 3; lr = cosine }", """
  phase high { epochs = 2; lr = steps(1, by = 0.5) }
  phase low  { epochs = 2; lr = 0.1 * cosine(to = 0.001) }
""")


def refused(*args: object, **options: object) -> tuple[str, str]:
    with pytest.raises(ArchError) as caught:
        fit(*args, **options)
    first = caught.value.diagnostics[0]
    return first.name, first.message


class Watcher(Progress):
    def __init__(self) -> None:
        self.seen: list[object] = []

    def start(self, outline) -> None:
        self.seen.append(outline)

    def step(self, beat) -> None:
        self.seen.append(beat)

    def epoch(self, epoch, best) -> None:
        self.seen.append((epoch, best))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    return fit(tiny(), bars(), run=tmp_path_factory.mktemp("runs") / "one")


def test_it_learns(trained) -> None:
    assert trained.best.test_accuracy > 0.9
    assert trained.history[-1].train_loss < trained.history[0].train_loss
    assert not trained.model.training
    assert [epoch.number for epoch in trained.history] == [1, 2, 3]


def test_batch_norm_sees_every_training_batch_and_no_other(trained) -> None:
    assert int(trained.model.get_submodule("features.batch_norm").num_batches_tracked) == 3 * 6


def test_what_it_leaves_behind(trained) -> None:
    run = trained.run
    assert sorted(p.name for p in run.folder.iterdir()) == [
        ".lock", "best.safetensors", "checkpoint-00000012.safetensors", "checkpoint-00000018.safetensors",
        "config.json", "last.safetensors", "log.csv", "network.arch",
    ]
    with run.log.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[-1]["test_accuracy"]) == trained.history[-1].test_accuracy
    config = json.loads(run.config.read_text())
    assert run.network.read_text() == tiny().text
    assert (config["seed"], config["data"], config["dials"]) == (0, "bars", {"classes": "3"})


def test_the_files_are_the_models(trained) -> None:
    last, best = load_model(trained.run.last), load_model(trained.run.best)
    assert last.archlang.labels == ("a", "b", "c")
    assert last.archlang.mean is not None
    images = bars().test.batch(range(5))[0]
    assert torch.equal(last(images), trained.model(images))
    assert evaluate(best, bars()).accuracy == pytest.approx(trained.best.test_accuracy)
    assert evaluate(best, bars()).loss == pytest.approx(trained.best.test_loss, rel=1e-5)


def test_a_seed_decides_every_bit_and_nothing_outside_is_touched(trained) -> None:
    torch.manual_seed(11)
    before = torch.get_rng_state()
    again, other = fit(tiny(), bars()), fit(tiny(), bars(), seed=1)
    assert torch.equal(before, torch.get_rng_state())
    mine, same, different = (r.model.state_dict() for r in (trained, again, other))
    assert all(torch.equal(mine[name], same[name]) for name in mine)
    assert not all(torch.equal(mine[name], different[name]) for name in mine)
    assert [e.test_loss for e in again.history] == [e.test_loss for e in trained.history]


def test_without_a_run_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert fit(tiny(), bars(), epochs=1).run is None
    assert not list(tmp_path.iterdir())


def test_phases_follow_each_other_with_their_rates() -> None:
    watcher = Watcher()
    result = fit(tiny(TWO_PHASES), bars(), progress=watcher)
    assert [e.phase for e in result.history] == ["high", "high", "low", "low"]
    assert [e.lr for e in result.history] == pytest.approx([0.1, 0.05, 0.01, 0.0055])
    outline, *rest = watcher.seen
    assert (outline.epochs, outline.steps, outline.train_samples) == (4, 6, 97)
    assert len(rest) == 4 * 6 + 4
    assert rest[-1][0] == result.history[-1]
    assert {best for _, best in (item for item in rest if isinstance(item, tuple))} <= {True, False}


def test_two_steps_on_each_batch() -> None:
    steps = """
train {
  step first  { loss = cross_entropy(logits, label); optimizer = sgd(lr = 0.1) }
  step second { loss = mse(logits, label); optimizer = adam(lr = 0.001) }
  batch = 32
  phase all { epochs = 2 }
}
"""
    result = fit(tiny(steps), bars())
    assert result.best.test_accuracy > 0.5


def test_several_losses_are_reported_apart(tmp_path: Path) -> None:
    both = TRAIN.replace("cross_entropy(logits, label)", "cross_entropy(logits, label) + 0.1 * mse(logits, label)")
    result = fit(tiny(both), bars(), epochs=1, run=tmp_path)
    parts = result.history[0].parts
    assert result.history[0].train_loss == pytest.approx(parts["cross_entropy"] + 0.1 * parts["mse"], rel=1e-5)
    assert "train_cross_entropy,train_mse" in result.run.log.read_text()


def test_labels_of_the_file_are_matched_with_the_datas_by_name() -> None:
    named = TRAIN.replace("batch ", 'labels = ["c", "a", "b"]\n  batch ')
    data = bars()
    model = fit(tiny(named), data, epochs=1).model
    assert model.archlang.labels == ("c", "a", "b")
    plain = evaluate(fit(tiny(TRAIN), data, epochs=1).model, data)
    found = evaluate(model, data)
    assert [score.name for score in found.classes] == ["c", "a", "b"]
    assert {s.name: s.samples for s in found.classes} == {s.name: s.samples for s in plain.classes}


def test_labels_of_the_file_that_are_not_the_datas() -> None:
    named = TRAIN.replace("batch ", 'labels = ["x", "y", "z"]\n  batch ')
    with pytest.raises(ArchError, match="class `a`"):
        fit(tiny(named), bars(), epochs=1)


def test_a_run_folder_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert refused(tiny(), bars(), run=tmp_path)[0] == "run-exists"
    (tmp_path / "file").write_text("")
    assert refused(tiny(), bars(), run=tmp_path / "file")[0] == "unwritable-output"


def test_a_file_without_train() -> None:
    name, _ = refused(tiny(""), bars())
    assert name == "missing-train"


def test_more_classes_than_outputs() -> None:
    data = bars(classes=3)
    assert refused(tiny(classes=2), data) == ("bad-data", "there are 3 classes, the network tells 2 apart")
    assert refused(tiny(classes=2), replace(data, classes=None))[0] == "bad-data"


def test_a_training_that_diverges() -> None:
    wild = TRAIN.replace("lr = 0.1,", "lr = 1e15,")
    with pytest.raises(ArchError) as caught:
        fit(tiny(wild), bars(), epochs=3)
    assert caught.value.status == 3


def test_steps_that_are_no_numbers_are_counted() -> None:
    data = bars()
    data.train.samples[:2] = 3e38  # finite as data, and infinite over the deviation
    # The file's own normalisation: the data's would be refused at once.
    network = loads(tiny().text.replace("[1, 6, 6]", "[1, 6, 6](mean = [0.5], std = [0.25])"))
    result = fit(network, data, epochs=2)
    assert all(1 <= epoch.skipped <= 2 for epoch in result.history)
    assert result.history[-1].train_loss < 10


def test_an_interruption_passes_and_leaves_whole_files(tmp_path: Path) -> None:
    class Stop(Progress):
        def step(self, beat) -> None:
            if beat.epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(tiny(), bars(), run=tmp_path, progress=Stop())
    assert load_model(tmp_path / "last.safetensors").archlang.labels == ("a", "b", "c")
    assert not [p for p in tmp_path.iterdir() if p.suffix == ".part"]


def test_numbers_as_labels() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(80, 4, generator=generator)
    y = x.sum(1)
    text = """archlang 1
network Sum { input x: [4]
  y = x -> linear(1)
  output y }
train { loss = mse(y, label); optimizer = adam(lr = 0.05); batch = 20; phase all { epochs = 20 } }
"""
    result = fit(loads(text), (x, y))
    assert result.history[-1].test_accuracy is None
    assert result.best.test_loss < 0.1
    assert result.model.archlang.labels is None


def test_several_outputs() -> None:
    further = "  output aux = features -> global_avg_pool -> linear(classes)\n"
    text = NETWORK.replace("  output logits\n", "  output logits\n" + further)
    result = fit(loads(text + TRAIN), bars())
    assert result.best.test_accuracy > 0.9


def test_two_samples_are_enough() -> None:
    pair = Tensors(torch.rand(2, 1, 6, 6), torch.tensor([0, 1]))
    assert len(fit(tiny(), Data("pair", pair, pair), epochs=1).history) == 1


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(ArchError) as caught:
        fit(tiny(), bars(), device="cuda:99")
    assert caught.value.status == 2
    assert refused(tiny(), bars(), device="\x1b[31m")[0] == "usage"
    assert refused(tiny(), bars(), device="meta")[0] == "usage"


def test_every_epoch_has_an_order_of_its_own() -> None:
    orders = []
    for seed in range(3):
        task = SimpleNamespace(seed=seed, data=SimpleNamespace(train=range(50)), plan=SimpleNamespace(batch=8))
        for epoch in range(4):
            rows = [row for batch in TrainingTask.order(task, epoch) for row in batch]
            assert sorted(rows) == list(range(50))
            assert TrainingTask.order(task, epoch) == TrainingTask.order(task, epoch)
            orders.append(tuple(rows))
    assert len(set(orders)) == len(orders) == 12


def test_an_epochs_loss_is_the_mean_over_its_samples() -> None:
    tally = Tally()
    for outcome, samples in ((Outcome(1.0, {}, 3), 6), (None, 6), (Outcome(4.0, {}, 1), 2)):
        tally.add(outcome, samples)
    assert tally.samples == 8 and tally.loss == (1.0 * 6 + 4.0 * 2) / 8 and tally.accuracy == 4 / 8
    tally.part("mse", 2.0, 6)
    tally.part("mse", 6.0, 2)
    assert tally.parts == {"mse": 3.0}
