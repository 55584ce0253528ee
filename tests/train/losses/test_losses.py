"""Losses that remember, that read two views, that read inside the network, and what is reported beside them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn

from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.graph.ir import Port
from archlang.graph.plan import Loss
from archlang.ops.catalogue import CATALOGUE
from archlang.ops.facts import LossFacts
from archlang.ops.values import Option
from archlang.train import fit
from archlang.train.data.splits import Tensors
from archlang.train.loop.stepping import Optimization, Stepper
from archlang.train.losses import catalogue as tables
from archlang.train.losses.objective import objective
from tests.train.nets import NETWORK, TRAIN, bars, outputs, tiny

OUT = Port("n1")


GRAPH = outputs(OUT)


class Running(nn.Module):
    """The square of outputs, and how often and with how many tensors it was asked."""

    def __init__(self, args: object, sizes: object) -> None:
        super().__init__()
        self.register_buffer("asked", torch.zeros(()))
        self.seen: list[int] = []

    def forward(self, reads: list[torch.Tensor]) -> torch.Tensor:
        self.asked += 1
        self.seen.append(len(reads))
        return reads[0].square().mean()


def states(monkeypatch: pytest.MonkeyPatch, name: str, **facts: object) -> None:
    """Change the facts that the catalogue states of a loss."""
    setting = CATALOGUE.settings["loss", name]
    changed = replace(setting, facts=replace(setting.facts, **facts))
    monkeypatch.setitem(CATALOGUE.settings, ("loss", name), changed)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tables, "STATEFUL", {"bce": Running})
    states(monkeypatch, "bce", views="two augmented")
    states(monkeypatch, "mse", views="plain+augmented")
    monkeypatch.setattr(tables, "METRICS", {"bce": {"largest": lambda reads, args: reads[0].max()}})
    yield


def term(name: str, *reads: Port | str, **args: object) -> Loss:
    return Loss(1.0, Option(name, "loss", args), reads)


def test_a_loss_that_remembers_is_put_back_with_the_model(made: None) -> None:
    model = nn.Linear(3, 2)
    stepper = Stepper(model, GRAPH, OUT)
    goal = objective([term("bce", OUT, augmented=False)], GRAPH)
    assert goal.views is None
    stage = Optimization(goal, torch.optim.SGD(model.parameters(), 0.1))
    label = torch.zeros(4, dtype=torch.int64)
    assert stepper(stage, torch.randn(4, 3), label) is not None
    assert stepper(stage, torch.full((4, 3), float("nan")), label) is None
    assert float(goal.state["bce"].asked) == 1


def test_two_views_reach_the_loss_with_one_label(made: None) -> None:
    goal = objective([term("bce", OUT, "label")], GRAPH)
    first, second = ({OUT: torch.full((2, 2), n), "label": torch.zeros(2)} for n in (1.0, 2.0))
    total, parts = goal(first, second)
    assert goal.terms[0].formula.seen == [3]
    assert {name: float(value) for name, value in parts.items()} == {"bce": 1.0, "largest": 1.0}
    assert float(total) == 1.0


def test_two_views_in_one_sum_are_one_kind(made: None) -> None:
    with pytest.raises(ArchError) as caught:
        objective([term("bce", OUT), term("mse", OUT)], GRAPH)
    assert caught.value.diagnostics[0].name == "bad-phase"


def test_a_loss_may_read_inside_the_network() -> None:
    text = tiny("").text.replace("flatten -> linear(classes)", "flatten -> linear(classes)\n  half = logits -> relu")
    text = text.replace("output logits", "output half")
    result = fit(loads(text + TRAIN), bars(), epochs=2)
    assert result.history[-1].train_loss < result.history[0].train_loss


def test_labels_that_are_not_there_are_named() -> None:
    data = bars()
    bare = type(data)("bare", Tensors(data.train.samples, torch.full_like(data.train.labels, -1)), data.test)
    with pytest.raises(ArchError, match="no labels"):
        fit(tiny(), bare)


def focal(reads: list[torch.Tensor], args: dict[str, object]) -> torch.Tensor:
    """Cross-entropy times `(1 - p)^2` (Lin et al. 2017)."""
    log_p = reads[0].log_softmax(1).gather(1, reads[1][:, None])
    return -((1 - log_p.exp()) ** 2 * log_p).mean()


def test_every_loss_has_a_formula_and_every_formula_a_loss() -> None:
    losses = {name: CATALOGUE.settings[role, name].facts for role, name in CATALOGUE.settings if role == "loss"}
    over_sites = {name for name, facts in losses.items() if isinstance(facts, LossFacts) and facts.sites is not None}
    assert set(losses) == {*tables.FORMULAS, *tables.STRUCTURAL, *tables.STATEFUL}
    assert set(tables.STRUCTURAL) <= over_sites
    assert set(tables.METRICS) <= set(losses)


def test_class_names_travel_with_a_model_of_a_new_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss that nobody compares by its name: what training must know of it stands among its facts."""
    like = CATALOGUE.settings["loss", "cross_entropy"]
    new = replace(like, name="focal", facts=LossFacts("classes", "softmax", reads_classes=True))
    monkeypatch.setitem(CATALOGUE.settings, ("loss", "focal"), new)
    monkeypatch.setattr(tables, "FORMULAS", {**tables.FORMULAS, "focal": focal})
    result = fit(loads(NETWORK + TRAIN.replace("cross_entropy", "focal")), bars(), epochs=2)
    assert result.model.archlang.labels == ("a", "b", "c")
    assert result.history[-1].test_accuracy is not None


@pytest.mark.parametrize(("loss", "labels"), [
    ("cross_entropy(logits, label)", ("a", "b", "c")), ("mse(logits, label)", ("a", "b", "c")),
    ("bce(logits, label)", ("a", "b", "c")), ("mse(logits, logits)", None),
])
def test_class_names_belong_to_losses_that_read_classes(loss: str, labels: tuple[str, ...] | None) -> None:
    result = fit(tiny(TRAIN.replace("cross_entropy(logits, label)", loss)), bars(), epochs=1)
    assert result.model.archlang.labels == labels
