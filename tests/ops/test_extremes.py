"""Extreme arguments: what is accepted compiles and runs as predicted; a small dose of `tests.campaign.extremes`."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

import archlang
from archlang.ops import CATALOGUE
from tests.generate.extremes import CONTEXTS, Entry, Trial, entries, trials
from tests.generate.judging_extremes import judged

ENTRIES = entries()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{getattr(entry, 'role', 'stage')} {entry.name}")
def test_accepted_means_it_runs(entry: Entry) -> None:
    for trial in islice(trials(entry, 1), 0, 150, 25):
        verdict = judged(trial)
        assert verdict.what != "failed", f"{verdict.why}\n{trial.text}"


def test_every_role_that_a_network_or_its_steps_hold_is_tried() -> None:
    elsewhere = {"loss", "metric", "augmentation", "keys", "average", "normalisation", "pictures", "group",
                 "declaration"}
    roles = {setting.role for setting in CATALOGUE.settings.values()}
    assert roles - set(CONTEXTS) - elsewhere == set()


REFUSED = {
    "xavier_uniform's range": ("[4, 7, 9]", "conv(3x1, 3, init = xavier_uniform(gain = -0.5))", "out-of-range"),
    "xavier_normal's deviation": ("[6]", "linear(4, init = xavier_normal(gain = -1))", "out-of-range"),
    "an end before its beginning": ("[6]", "linear(4, init = uniform(low = 0.2))", "out-of-range"),
    "past float32": ("[6]", "linear(4, init = constant(1e39))", "out-of-range"),
    "past float32 below": ("[6]", "scale(-1e300)", "out-of-range"),
    "nothing in float32": ("[6]", "layer_norm(eps = 1e-50)", "out-of-range"),
    "an inverse past float32": ("[6]", "celu(alpha = 1e-45)", "out-of-range"),
    "a mean over more than there is": ("[8, 4, 8, 8]", "avg_pool3d(7x3x3, stride = 1)", "kernel-too-large"),
    "the same, uneven": ("[8, 4, 8, 8]", "avg_pool3d(8x3x3, stride = 1)", "kernel-too-large"),
    "the same, with a last part": ("[8, 4, 4, 4]", "avg_pool3d(5, stride = 2, padding = 2, ceil = true)",
                                   "kernel-too-large"),
    "one place, no statistics": ("[6]", "batch_norm(running = false)", "empty-map"),
    "one place of a map": ("[6, 1, 1]", "batch_norm(affine = false, running = false)", "empty-map"),
    "a stack of volumes": ("[1, 4, 8, 8]", "fork(2) -> each { celu } -> stack -> depthwise_conv3d(4x4x1)",
                           "wrong-rank"),
    "a stride past 32 bits": ("[4, 6, 6]", "max_pool(1x1, stride = 4294967296)", "out-of-range"),
    "a stride whose gradient never ends": ("[4, 6, 6]", "conv(3x3, 4, stride = 1000000)", "out-of-range"),
    "a stride whose gradient dies": ("[4, 6]", "conv1d(3, 4, stride = 64000)", "out-of-range"),
    "padding past all memory": ("[4, 9, 12]", "max_pool(2x2, stride = 7x3, dilation = 1000000)", "too-much-memory"),
    "coverage without end": ("[4, 6, 6]", "pbconv(1000000, 4, kernels = [2x2 at (2, 2)])", "out-of-range"),
}


@pytest.mark.parametrize(("type", "stages", "mistake"), REFUSED.values(), ids=REFUSED)
def test_refused(type: str, stages: str, mistake: str) -> None:
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(Trial("", type, stages).text)
    assert [d.name for d in caught.value.diagnostics] == [mistake]


ONE_COLUMN = 'branches(words("1", "1", duplicates = true))'
RUNS = {
    "no deviation": ("[1]", "linear(9, init = truncated_normal(mean = 0.5, std = 0))"),
    "no gain": ("[6]", "linear(4, init = xavier_uniform(gain = 0))"),
    "no width": ("[6]", "linear(4, init = uniform(low = 0.1, high = 0.1))"),
    "a window larger than a map": ("[8, 4, 8]", "avg_pool(7x3, stride = 1)"),
    "a window larger than a volume": ("[8, 4, 8, 8]", "max_pool3d(7x3x3, stride = 1)"),
    "a code of one column": ("[4, 6, 6]", f"{ONE_COLUMN} {{ relu }} -> energy_normalize -> sum"),
    "two places, no statistics": ("[6, 1, 2]", "batch_norm(running = false)"),
}


@pytest.mark.parametrize(("type", "stages"), RUNS.values(), ids=RUNS)
def test_runs(type: str, stages: str) -> None:
    assert judged(Trial("", type, stages)).what == "ran"


def test_no_deviation_means_the_mean() -> None:
    model = archlang.compile(archlang.loads(Trial("", *RUNS["no deviation"]).text))
    assert bool((model.get_parameter("y.linear.weight") == 0.5).all())


OPTIMISERS = {
    "nesterov without momentum": ("sgd(lr = 0.1, nesterov = true)", "out-of-range"),
    "nesterov with dampening": ("sgd(lr = 0.1, momentum = 0.9, nesterov = true, dampening = 0.1)", "out-of-range"),
    "a beta of 1": ("adam(lr = 0.1, betas = [0.9, 1])", "out-of-range"),
    "a beta of 1 in a group": ('adam(lr = 0.1, groups = [group("*", betas = [1, 0.9])])', "out-of-range"),
    "steps that only grow": ("rprop(lr = 0.1, etas = [2, 3])", "out-of-range"),
    "steps turned round": ("rprop(lr = 0.1, step_sizes = [5, 1])", "out-of-range"),
    "steps below one": ("adafactor(lr = 0.1, d = 0.5)", "out-of-range"),
    "powers past all numbers": ("asgd(lr = 0.1, alpha = 1e6)", "out-of-range"),
}


@pytest.mark.parametrize(("optimizer", "mistake"), OPTIMISERS.values(), ids=OPTIMISERS)
def test_optimizers_that_torch_refuses_are_refused_by_check(optimizer: str, mistake: str) -> None:
    text = Trial("", "[6]", "linear(4)", "train {\n  loss = cross_entropy(y, label)\n"
                 f"  optimizer = {optimizer}\n  phase all {{ epochs = 1 }}\n}}").text
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(text)
    assert [d.name for d in caught.value.diagnostics] == [mistake]


@pytest.mark.parametrize("size", ["W - 0.0", "0.5 * W", "W + 1.0", "1.0 - W", "2.0 * W // 2"])
def test_a_fraction_beside_a_symbol(size: str) -> None:
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(f"archlang 1\nnetwork N {{\n  input x: [3, 8, {size}]\n  output x -> relu\n}}\n")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.name == "wrong-kind"
    assert "." in diagnostic.primary.span.text, "the fraction itself is marked"


@pytest.mark.parametrize("test", ["x.width == 2.5", "x.width >= 8.0", "2.5 < x.width", "x.width != 8.0"])
def test_a_fraction_compared_with_a_symbol(test: str) -> None:
    with pytest.raises(archlang.ArchError) as caught:
        archlang.loads(f"archlang 1\nnetwork N {{\n  input x: [3, 8, W]\n  output x -> if {test} {{ relu }}\n}}\n")
    assert [d.name for d in caught.value.diagnostics] == ["wrong-kind"]


def test_the_judge_notices() -> None:
    """A wrong shape, a wrong count and a crash would each be found."""
    good = Trial("", "[4, 6, 6]", "conv(3x3, 4)")
    assert judged(good).what == "ran"
    assert judged(Trial("", "[4, 6, 6]", "conv(3x3, 0)")).what == "refused"
    assert judged(Trial("", "[64, 512, 512]", "conv(3x3, 64)")).what == "large"


@pytest.mark.parametrize("fault", ["shape", "weights", "torch"])
def test_the_judge_notices_a_wrong_operation(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op = CATALOGUE.ops["linear"]
    wrong = {
        "shape": lambda call: CATALOGUE.ops["relu"].shape(call),
        "weights": lambda call: op.weights(call)[:1],
        "torch": CATALOGUE.ops["relu"].torch,
    }
    value = getattr(op, fault)
    monkeypatch.setitem(op.__dict__, fault, wrong[fault])
    verdict = judged(Trial("", "[6]", "linear(4, bias = true)"))
    assert getattr(op, fault) is not value and verdict.what == "failed", verdict
