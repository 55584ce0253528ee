"""Settings of a `train` that are given from outside are those that the file would hold."""

from __future__ import annotations

import pytest

from archlang.diagnostics import ArchError
from archlang.elaborate.network import Network, configured, loads

NETWORK = """archlang 1

network Tiny(classes = 3) {
  input image: [1, 6, 6]
  logits = image -> flatten -> linear(classes)
  output logits
}
"""
TRAIN = """
train {
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1, momentum = 0.9)
  batch     = 16
  phase warm { steps = 5; only = "logits" }
  phase all  { epochs = 3; lr = cosine }
}
"""
CASES = {
    "batch": (64, "batch     = 16", "batch     = 64"),
    "clip": (5, "batch     = 16", "batch     = 16\n  clip = 5"),
    "optimizer": ("adam(lr = 0.001)", "sgd(lr = 0.1, momentum = 0.9)", "adam(lr = 0.001)"),
    "optimizer.lr": (0.5, "lr = 0.1", "lr = 0.5"),
    "optimizer.nesterov": (True, "momentum = 0.9", "momentum = 0.9, nesterov = true"),
    "all.epochs": (7, "epochs = 3", "epochs = 7"),
    "all.lr.warmup": (1, "lr = cosine", "lr = cosine(warmup = 1)"),
    "warm.freeze": ('"*.bias"', 'only = "logits"', 'only = "logits"; freeze = "*.bias"'),
    "loss": ("0.5 * mse(logits, label)", "cross_entropy(logits, label)", "0.5 * mse(logits, label)"),
}


def net(train: str = TRAIN) -> Network:
    return loads(NETWORK + train)


def figures(found: Network) -> list[object]:
    """All of a plan but the places in texts."""
    plan = found.graph.plan
    losses = [(loss.weight, loss.option, loss.reads) for loss in plan.losses]
    phases = [(phase.epochs, phase.steps, phase.lr, phase.only, phase.freeze) for phase in plan.phases]
    return [losses, phases, plan.optimizer, plan.batch, plan.clip]


def refused(settings: dict[str, object], train: str = TRAIN) -> ArchError:
    with pytest.raises(ArchError) as caught:
        configured(net(train), settings)
    return caught.value


@pytest.mark.parametrize("name", CASES)
def test_a_setting_stands_as_if_the_file_had_it(name: str) -> None:
    value, before, after = CASES[name]
    assert TRAIN.count(before) == 1
    found, written = configured(net(), {name: value}), net(TRAIN.replace(before, after))
    assert found.text == written.text
    assert figures(found) == figures(written)
    assert loads(found.text).text == found.text  # a model file holds the text


def test_several_settings_and_dials_together() -> None:
    base = loads(NETWORK + TRAIN, {"classes": 5})
    found = configured(base, {"batch": 8, "all.epochs": 1})
    assert dict(found.settings) == {"batch": "8", "all.epochs": "1"}
    assert (found.graph.plan.batch, found.dials["classes"]) == (8, 5)
    assert base.graph.plan.batch == 16


@pytest.mark.parametrize(("settings", "name", "said"), [
    ({"batsh": 3}, "unknown-setting", "did you mean `batch`"),
    ({"alll.epochs": 3}, "unknown-setting", "did you mean `all`"),
    ({"all.epoch": 3}, "unknown-setting", "did you mean `epochs`"),
    ({"optimizer.rate": 3}, "unknown-argument", "lr"),
    ({"batch": 0}, "out-of-range", "<setting batch>:2:13"),
    ({"batch": "3\nlet x = 4"}, "usage", "not an expression"),
    ({"batch": "("}, "usage", "not an expression"),
    ({"a-b": "1"}, "usage", "no name of a setting"),
    ({"loss.extra.deep": 1}, "unknown-setting", "give the whole of it"),
    ({"all.steps": 4}, "bad-phase", "not both"),
])
def test_what_cannot_be_set(settings: dict[str, object], name: str, said: str) -> None:
    problem = refused(settings)
    assert problem.diagnostics[0].name == name
    assert said in str(problem) + " ".join(problem.diagnostics[0].help)


def test_a_file_without_training() -> None:
    assert refused({"batch": 3}, "").diagnostics[0].name == "missing-train"
