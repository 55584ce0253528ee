"""Losses that remember, that read two views, that read inside the network, and what is reported beside them."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.graph.ir import Graph, OutputSpec, Port
from archlang.graph.plan import Loss
from archlang.ops.values import Option
from archlang.shapes import Tensor
from archlang.train import fit
from archlang.train.data.splits import Tensors
from archlang.train.loop.stepping import Optimization, Stepper
from archlang.train.losses import catalogue as tables
from archlang.train.losses.objective import objective
from tests.train.nets import TRAIN, bars, tiny

OUT = Port("n1")


class Typed(Graph):
    def type(self, port: Port):
        return Tensor((2,))


GRAPH = Typed("g", outputs=(OutputSpec(None, OUT),))


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


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tables, "STATEFUL", {"bce": Running})
    monkeypatch.setattr(tables, "PAIRED", {"bce": "two augmented", "mse": "plain+augmented"})
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
