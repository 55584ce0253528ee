"""Clusterings judged, drawn and made from the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch
from sklearn.datasets import make_blobs
from sklearn.metrics import normalized_mutual_info_score

from archlang.cli.main import run
from archlang.compiler import compile
from archlang.elaborate import load, loads
from archlang.emit import ArchModule
from archlang.layers.clustering import agreement, em_loss
from archlang.studies.clustering.clustering import (
    accuracy,
    assign,
    cluster,
    distributions,
    information,
    judged,
)
from archlang.studies.clustering.pictures import contours, members, neighbours
from archlang.train import fit
from archlang.train.data.splits import Data, Tensors
from archlang.train.fitting import fit_of
from archlang.views.canvas.svg import svg_of

SPECS = Path(__file__).parents[2] / "specs" / "clustering"


def blobs() -> Data:
    points, labels = make_blobs(600, centers=4, random_state=3, cluster_std=0.6)
    x, y = torch.tensor(points).float(), torch.tensor(labels)
    return Data("blobs", Tensors(x[:500], y[:500]), Tensors(x[500:], y[500:]))


PLANE = (SPECS / "two_d.arch").read_text()


def test_accuracy_and_information_beside_scikit_learn() -> None:
    chance = torch.Generator().manual_seed(0)
    assigned, labels = (torch.randint(n, (200,), generator=chance) for n in (5, 4))
    assert information(assigned, labels) == pytest.approx(normalized_mutual_info_score(labels, assigned), abs=1e-12)
    order = torch.tensor([3, 0, 4, 1, 2])
    assert accuracy(order[labels], labels) == 1.0 and information(order[labels], labels) == pytest.approx(1.0)
    assert judged(torch.eye(3), torch.tensor([-1, -1, -1])).accuracy is None


def test_separate_blobs_are_found_and_every_distribution_has_the_same_mean() -> None:
    torch.set_num_threads(1)
    net, data = load(SPECS / "two_d.arch", {"clusters": 4}), blobs()
    seen = Data("seen", data.train, data.train)
    done, found = cluster(net, seen, epochs=30, seed=0, device="cpu")
    assert found.accuracy is not None and found.accuracy > 0.95
    last = done.history[-1]
    assert last.train_accuracy is None and last.test_accuracy is None  # no loss reads the labels
    held = assign(done.model, Data("held", data.test, data.test))
    assert distributions(held.relevance, 5.0).mean(0).tolist() == pytest.approx([0.5] * 4, abs=0.03)
    drawn = svg_of(contours(done.model, seen, found, 5.0))
    assert drawn.count("distribution") == 4 and drawn.count("<ellipse") == 2 * 1000


def test_another_output_before_the_scores_is_not_taken_for_them() -> None:
    torch.set_num_threads(1)
    text = PLANE.replace("  output scores", "  output side = point -> linear(3)\n  output scores")
    done, found = cluster(loads(text, {"clusters": 4}), blobs(), epochs=1, seed=0, device="cpu")
    assert svg_of(contours(done.model, blobs(), found, 5.0)).count("distribution") == 4


TWOFOLD = """archlang 1
network N {
  input image: [1, 4, 4]
  scores = image -> flatten -> linear(8) -> relu -> linear(4) -> standardize(statistics = batch)
  output scores
}
train {
  batch   = 64
  augment = [flip(p = 1.0)]
  step em          { loss = mixture_em(scores, gamma = 5, augmented = true); optimizer = sgd(lr = 0.3) }
  step consistency { loss = agreement(scores);                               optimizer = sgd(lr = 0.5) }
  phase all { epochs = 1 }
}
"""


def test_both_steps_move_the_weights_and_the_second_sees_what_the_first_did() -> None:
    """Algorithm 3 on one batch, written out; a flip that is always done is the transformation."""
    torch.set_num_threads(1)
    net, images = loads(TWOFOLD), torch.rand(64, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    split = Tensors(images, torch.zeros(64, dtype=torch.int64))
    made = fit(net, Data("images", split, split), epochs=1, seed=0, device="cpu").model
    plain = compile(net, seed=0).train()
    assert isinstance(made, ArchModule)
    fitted = fit_of(net.graph, made.archlang.mean, made.archlang.std, made.archlang.image)
    x, flipped = fitted(images), fitted(images.flip(-1))

    def move(loss: torch.Tensor, rate: float) -> None:
        gradients = torch.autograd.grad(loss, list(plain.parameters()))
        with torch.no_grad():
            for weight, gradient in zip(plain.parameters(), gradients, strict=True):
                weight.sub_(rate * gradient)

    start = [weight.detach().clone() for weight in plain.parameters()]
    move(em_loss(plain(x), 5.0, plain(flipped)), 0.3)
    between = [weight.detach().clone() for weight in plain.parameters()]
    move(agreement(plain(x), plain(flipped)), 0.5)
    for place, (weight, by_hand) in enumerate(zip(made.parameters(), plain.parameters(), strict=True)):
        assert weight.allclose(by_hand, atol=1e-5)
        if place == 0:
            assert not weight.allclose(start[0], atol=1e-4) and not weight.allclose(between[0], atol=1e-4)


def test_without_normalisation_clusters_stay_empty_and_distributions_have_any_mean() -> None:
    """Table 4.1."""
    torch.set_num_threads(1)
    text = PLANE.replace(" -> standardize", "").replace("gamma = 5)", "gamma = 5, statistics = none)")
    done, found = cluster(loads(text, {"clusters": 4}), blobs(), epochs=60, seed=0, device="cpu")
    means = distributions(assign(done.model, blobs()).relevance, 5.0).mean(0)
    assert min(found.counts) == 0
    assert float((means - 0.5).abs().max()) > 0.2


def test_pictures_of_digits() -> None:
    torch.set_num_threads(1)
    net = load(SPECS / "digits.arch")
    done, found = cluster(net, "digits", epochs=1, seed=0, device="cpu")
    assert svg_of(members(done.model, "digits", found, top=3, synthesised=False)).count("<image") == 30
    assert svg_of(neighbours(judged(found.relevance[:200], torch.zeros(200)))).count("<ellipse") == 200


def test_the_baseline_trains_the_same_network() -> None:
    torch.set_num_threads(1)
    text = (SPECS / "digits.arch").read_text()
    done, found = cluster(loads(text), "digits", epochs=1, seed=0, device="cpu", baseline="iic")
    assert "iic" in done.history[0].parts and sum(found.counts) == 1797


def test_from_the_command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str],
                               monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    spec = str(SPECS / "digits.arch")
    call = ["cluster", spec, "--data", "digits", "--clusters", "6", "--epochs", "1", "--run", "one"]
    assert run([*call, "--no-pictures", "--format", "json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert len(found["counts"]) == 6 and sum(found["counts"]) == found["samples"] == 1797
    with (tmp_path / "one" / "assignments.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1797 and {row["label"] for row in rows} == set("0123456789")
    assert run(call) == 1
    assert "is not empty" in capfd.readouterr().err
    assert run([*call, "-p", "clusters=5"]) == 2
    assert run(["cluster", spec, "--data", "digits", "--clusters", "1"]) == 2
    assert run([*call[:-4], "--epochs", "2", "--run", "one", "--resume", "--no-pictures"]) == 1  # other epochs
    capfd.readouterr()
    (tmp_path / "fixed.arch").write_text(PLANE.replace("linear(clusters)", "linear(7)"))
    assert run(["cluster", "fixed.arch", "--data", "digits", "--clusters", "5"]) == 1
    assert "the network has 7 clusters, 5 are asked for" in capfd.readouterr().err
    (tmp_path / "plain.arch").write_text(PLANE.replace("mixture_em(scores, gamma = 5)", "mse(scores, label)"))
    assert run(["cluster", "plain.arch", "--data", "digits"]) == 1
    assert "clusters nothing" in capfd.readouterr().err


def test_points_without_labels_from_the_command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str],
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    (tmp_path / "points.py").write_text(
        "import torch\ndef plane():\n    x = torch.randn(200, 2)\n    return x, torch.full((200,), -1)\n")
    monkeypatch.chdir(tmp_path)
    call = ["cluster", str(SPECS / "two_d.arch"), "--data", "points:plane", "--clusters", "3", "--epochs", "2"]
    assert run([*call, "--run", "plane"]) == 0
    out = capfd.readouterr().out
    assert "200 samples in 3 clusters" in out and "accuracy" not in out
    assert (tmp_path / "plane" / "contours.svg").read_text().count("<ellipse") == 2 * 200
    assert "label" not in (tmp_path / "plane" / "assignments.csv").read_text()
