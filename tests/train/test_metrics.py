"""Metrics beside scikit-learn's and scipy's, over whole parts of data; the best epoch by one of them."""

from __future__ import annotations

import math
from itertools import permutations
from pathlib import Path

import numpy
import pytest
import torch
from scipy.signal import convolve2d
from sklearn.metrics import (
    confusion_matrix,
    jaccard_score,
    mean_absolute_error,
    normalized_mutual_info_score,
    top_k_accuracy_score,
)

from archlang import ArchError, loads
from archlang.ops.catalogue import CATALOGUE
from archlang.ops.values import Option
from archlang.studies.clustering.clustering import assign, cluster
from archlang.train import fit
from archlang.train.data.sources import find
from archlang.train.loop.evaluation import evaluate
from archlang.train.loop.progress import Epoch
from archlang.train.metrics import FORMULAS

torch.manual_seed(0)


def figure(name: str, scores: torch.Tensor, label: torch.Tensor, **args: object) -> float | None:
    """A metric over three batches of unequal size."""
    cuts = [1, len(scores) // 2]
    pairs = zip(scores.tensor_split(cuts), label.tensor_split(cuts), strict=True)
    sums = [FORMULAS[name].sums(*pair, args) for pair in pairs]
    return FORMULAS[name].figure(sum(sums[1:], sums[0]))


def test_every_metric_has_a_formula() -> None:
    assert set(FORMULAS) == set(CATALOGUE.of_role("metric"))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k(k: int) -> None:
    scores, label = torch.randn(40, 6), torch.randint(6, (40,))
    expected = top_k_accuracy_score(label.numpy(), scores.numpy(), k=k, labels=range(6))
    assert figure("top_k", scores, label, k=k) == pytest.approx(expected, abs=1e-12)


def masks() -> tuple[torch.Tensor, torch.Tensor]:
    """Scores of five classes of maps, of which class 4 occurs nowhere, and labels with ignored places."""
    scores, label = torch.randn(7, 5, 6, 4), torch.randint(0, 4, (7, 6, 4))
    scores[:, 4] = -100
    label[torch.rand(label.shape) < 0.2] = 255
    return scores, label


def test_miou_and_pixel_accuracy_leave_ignored_places_out() -> None:
    scores, label = masks()
    counts = label != 255
    guesses, right = scores.argmax(1)[counts].numpy(), label[counts].numpy()

    expected = jaccard_score(right, guesses, average="macro", labels=sorted(set(right) | set(guesses)))
    assert figure("miou", scores, label, ignore=255) == pytest.approx(expected, abs=1e-12)
    assert figure("pixel_accuracy", scores, label, ignore=255) == pytest.approx((guesses == right).mean(), abs=1e-12)


def test_groupings_are_judged_as_scikit_learn_does() -> None:
    scores, label = torch.randn(60, 6), torch.randint(5, (60,))
    guesses = scores.argmax(1)
    expected = normalized_mutual_info_score(label.numpy(), guesses.numpy())
    assert figure("nmi", scores, label) == pytest.approx(expected, abs=1e-12)

    # Of all ways to name six clusters after six classes, the best.
    pairs = confusion_matrix(label.numpy(), guesses.numpy(), labels=range(6))
    best = max(pairs[list(names), range(6)].sum() for names in permutations(range(6))) / 60
    assert figure("matched_accuracy", scores, label) == pytest.approx(best, abs=1e-12)
    # A clustering that is right but for the numbers of its clusters.
    assert figure("matched_accuracy", scores, (guesses + 2) % 6) == 1.0
    assert figure("nmi", scores, (guesses + 2) % 6) == pytest.approx(1.0)


def test_a_clustering_logs_its_accuracy_and_information(tmp_path: Path) -> None:
    net = loads(text("metrics = [matched_accuracy, nmi]", "vector -> standardize", "mixture_em(vector, gamma = 5)")
                .replace("output vector -> standardize", "scores = vector -> standardize\n  output scores")
                .replace("mixture_em(vector", "mixture_em(scores"))
    model, _ = cluster(net, "digits", run=tmp_path / "run", seed=0)
    head, *rows = (tmp_path / "run" / "log.csv").read_text(encoding="utf-8").splitlines()
    assert head.endswith("test_matched_accuracy,test_nmi") and len(rows) == 2

    # The last row is what scikit-learn says of the model's clusters of the test part.
    test = find("digits").test
    label = test.batch(list(range(len(test))))[1]
    assigned = assign(model.model, "digits").assigned[-len(test):]
    expected = normalized_mutual_info_score(label.numpy(), assigned.numpy())
    assert float(rows[-1].split(",")[-1]) == pytest.approx(expected, abs=1e-9)


def test_where_every_place_is_ignored_there_is_no_figure() -> None:
    scores, label = torch.randn(3, 4, 2, 2), torch.full((3, 2, 2), 255)
    assert figure("miou", scores, label, ignore=255) is None
    assert figure("pixel_accuracy", scores, label, ignore=255) is None


def test_sequences_have_their_classes_last() -> None:
    scores, label = torch.randn(5, 7, 3), torch.randint(3, (5, 7))
    expected = float((scores.argmax(2) == label).double().mean())
    assert figure("pixel_accuracy", scores, label, class_axis=1) == pytest.approx(expected)


def test_mae() -> None:
    value, target = torch.randn(9, 4), torch.randn(9, 4)
    assert figure("mae", value, target) == pytest.approx(mean_absolute_error(target.numpy(), value.numpy()), abs=1e-6)


@pytest.mark.parametrize("peak", [1.0, 255.0])
def test_psnr_is_the_mean_over_images(peak: float) -> None:
    target = torch.rand(5, 3, 8, 9, dtype=torch.float64) * peak
    value = target + 0.1 * peak * torch.randn(5, 3, 8, 9, dtype=torch.float64)
    value[2] = target[2]

    errors = ((value - target) ** 2).mean((1, 2, 3)).tolist()
    expected = [100.0 if error == 0 else 20 * math.log10(peak) - 10 * math.log10(error) for error in errors]
    assert figure("psnr", value, target, peak=peak) == pytest.approx(sum(expected) / 5, abs=1e-9)


def test_ssim() -> None:
    target = torch.rand(3, 2, 16, 20, dtype=torch.float64)
    value = (target + 0.2 * torch.randn(3, 2, 16, 20, dtype=torch.float64)).clamp(0, 1)

    line = numpy.exp(-((numpy.arange(11) - 5) ** 2) / 4.5)
    window = numpy.outer(line, line) / line.sum() ** 2
    found = []
    for x, y in zip(value.reshape(6, 16, 20).numpy(), target.reshape(6, 16, 20).numpy(), strict=True):
        mx, my = (convolve2d(z, window, mode="valid") for z in (x, y))
        xx, yy, xy = (convolve2d(z, window, mode="valid") for z in (x * x, y * y, x * y))
        top = (2 * mx * my + 0.0001) * (2 * (xy - mx * my) + 0.0009)
        found.append((top / ((mx**2 + my**2 + 0.0001) * (xx - mx**2 + yy - my**2 + 0.0009))).mean())
    assert figure("ssim", value, target, peak=1.0) == pytest.approx(numpy.mean(found), abs=1e-12)
    assert figure("ssim", target, target, peak=1.0) == pytest.approx(1.0)


TEXT = """archlang 1
network N {{
  input image: [1, 8, 8]
  maps   = image -> conv(3x3, 3)
  single = image -> conv(3x3, 1)
  vector = image -> flatten -> linear(10)
  output {out}
}}
train {{
  loss = {loss}; optimizer = sgd(lr = 0.1); batch = 64
  {settings}
  phase all {{ epochs = 2 }}
}}
"""


def text(settings: str, out: str = "vector", loss: str = "cross_entropy({out}, label)") -> str:
    return TEXT.format(settings=settings, out=out, loss=loss.format(out=out))


@pytest.mark.parametrize(("made", "kind"), [
    (text("metrics = [miou]"), "wrong-rank"),
    (text("metrics = [ssim]"), "wrong-rank"),
    (text("metrics = [top_k(11)]"), "out-of-range"),
    (text("metrics = [miou(ignore = 2)]", "maps"), "out-of-range"),
    (text("metrics = [miou]", "single", "bce({out}, label)"), "wrong-count"),
    (text("metrics = [top_k(3), top_k(3)]"), "already-bound"),
    (text("best = psnr"), "wrong-rank"),
    (text("metrics = [psnr]", "maps"), "conflicting-arguments"),
    (text("best = miou", "maps", "l1({out}, label)"), "conflicting-arguments"),
    (text("metrics = [f1]"), "unknown-word"),
    (text("best = 3"), "wrong-kind"),
])
def test_a_metric_that_the_task_does_not_have(made: str, kind: str) -> None:
    with pytest.raises(ArchError) as caught:
        loads(made)
    assert [problem.name for problem in caught.value.diagnostics] == [kind]


def test_metrics_are_logged_and_told_by_eval(tmp_path: Path) -> None:
    net = loads(text("metrics = [top_k(3)]; best = top_k(2)"))
    result = fit(net, "digits", run=tmp_path / "run")
    names = ["top_k(k = 3)", "top_k(k = 2)"]
    assert all(list(epoch.metrics) == names for epoch in result.history)

    head, *rows = (tmp_path / "run" / "log.csv").read_text(encoding="utf-8").splitlines()
    assert head.endswith("test_top_k(k = 3),test_top_k(k = 2)") and len(rows) == 2
    found = evaluate(result.model, "digits")
    assert found.metrics == result.history[-1].metrics
    assert found.accuracy is not None and found.metrics[names[0]] >= found.metrics[names[1]] >= found.accuracy


def epoch(
    loss: float, accuracy: float | None = None, validation: float | None = None, **metrics: float | None
) -> Epoch:
    told = {name: figure for name, figure in metrics.items() if not name.startswith("v_")}
    held = {name.removeprefix("v_"): figure for name, figure in metrics.items() if name.startswith("v_")}
    return Epoch(1, "all", 0.1, loss, None, loss, accuracy, 0, 1.0, validation_loss=validation, metrics=told,
                 validation_metrics=held)


MIOU, MAE = Option("miou", "metric"), Option("mae", "metric")


@pytest.mark.parametrize(("new", "old", "best", "better"), [
    (epoch(2.0, miou=0.6), epoch(1.0, miou=0.5), MIOU, True),
    (epoch(1.0, miou=0.5), epoch(2.0, miou=0.6), MIOU, False),
    (epoch(1.0, mae=0.4), epoch(0.5, mae=0.5), MAE, True),
    (epoch(1.0, miou=0.5), epoch(2.0, miou=0.5), MIOU, True),
    (epoch(1.0, miou=None), epoch(2.0, miou=0.1), MIOU, False),
    (epoch(2.0, miou=0.1), epoch(1.0, miou=None), MIOU, True),
    (epoch(1.0, 0.5), epoch(2.0, 0.6), "loss", True),
    (epoch(1.0, 0.5), epoch(2.0, 0.6), "accuracy", False),
    (epoch(1.0, 0.5), epoch(2.0, 0.6), None, False),
    (epoch(1.0, validation=1.0, miou=0.1, v_miou=0.9), epoch(1.0, validation=1.0, miou=0.9, v_miou=0.1), MIOU, True),
])
def test_the_best_epoch(new: Epoch, old: Epoch, best: Option | str | None, better: bool) -> None:
    assert new.better_than(old, best) is better
