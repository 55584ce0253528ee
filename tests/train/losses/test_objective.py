"""Losses against their formulas written out, and what losses refuse."""

import pytest
import torch

from archlang.diagnostics import ArchError
from archlang.graph.ir import Graph, OutputSpec, Port
from archlang.graph.plan import Loss
from archlang.ops.values import Option
from archlang.train.losses.catalogue import FORMULAS
from archlang.train.losses.objective import hits, objective, scores_port, values_of

MAIN, AUX, INSIDE = Port("n5"), Port("n4"), Port("n2")
GRAPH = Graph("g", outputs=(OutputSpec(None, MAIN), OutputSpec("aux", AUX)))


def loss(name: str, *reads: object, weight: float = 1.0, **args: object) -> Loss:
    return Loss(weight, Option(name, "loss", args), reads)


def test_cross_entropy() -> None:
    logits, label = torch.randn(6, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 0, 1])
    expected = -logits.softmax(1).log()[range(6), label].mean()
    assert torch.allclose(FORMULAS["cross_entropy"]([logits, label], {"label_smoothing": 0.0}), expected)


def test_label_smoothing() -> None:
    logits, label = torch.randn(6, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 0, 1])
    target = torch.nn.functional.one_hot(label, 4) * 0.8 + 0.05
    expected = -(target * logits.log_softmax(1)).sum(1).mean()
    assert torch.allclose(FORMULAS["cross_entropy"]([logits, label], {"label_smoothing": 0.2}), expected)


def test_mse_and_bce_take_classes_as_one_hot_rows() -> None:
    value, label = torch.randn(5, 3, dtype=torch.float64), torch.tensor([0, 2, 1, 1, 0])
    rows = torch.eye(3, dtype=torch.float64)[label]
    assert torch.allclose(FORMULAS["mse"]([value, label], {}), ((value - rows) ** 2).mean())
    p = value.sigmoid()
    assert torch.allclose(FORMULAS["bce"]([value, label], {}), -(rows * p.log() + (1 - rows) * (1 - p).log()).mean())


def test_mse_of_single_numbers() -> None:
    assert float(FORMULAS["mse"]([torch.tensor([[1.0], [3.0]]), torch.tensor([0.0, 0.0])], {})) == 5.0


def test_kl_has_no_gradient_through_its_target() -> None:
    p, q = torch.randn(5, 3, requires_grad=True), torch.randn(5, 3, requires_grad=True)
    value = FORMULAS["kl"]([q, p], {})
    a, b = p.softmax(1), q.softmax(1)
    assert torch.allclose(value, (a * (a / b).log()).sum(1).mean(), atol=1e-6)
    value.backward()
    assert p.grad is None
    assert q.grad is not None


def test_a_weighted_sum_reports_its_parts() -> None:
    goal = objective([loss("mse", MAIN, "label"), loss("mse", AUX, "label", weight=0.5)], GRAPH)
    result = {"main": torch.tensor([[1.0]]), "aux": torch.tensor([[2.0]])}
    total, parts = goal(values_of(GRAPH, result, torch.zeros(1)))
    assert float(total) == 3.0
    assert {name: float(part) for name, part in parts.items()} == {"mse": 1.0, "mse_2": 4.0}


@pytest.mark.parametrize("label", [torch.tensor([0, 5]), torch.tensor([-1, 0])])
@pytest.mark.parametrize("name", ["cross_entropy", "mse", "bce"])
def test_labels_out_of_range(name: str, label: torch.Tensor) -> None:
    with pytest.raises(ArchError, match=r"the network knows 0 to 2"):
        FORMULAS[name]([torch.zeros(2, 3), label], {})


def test_labels_of_another_shape() -> None:
    with pytest.raises(ArchError, match="for a sample"):
        FORMULAS["mse"]([torch.zeros(2, 3), torch.zeros(2, 4)], {})


def test_every_unusable_loss_is_named_at_once() -> None:
    with pytest.raises(ArchError) as caught:
        objective([loss("hinge"), loss("huber", INSIDE, "label")], GRAPH)
    assert [d.name for d in caught.value.diagnostics] == ["not-available"] * 2


def test_half_precision_is_widened() -> None:
    goal = objective([loss("mse", MAIN, "label")], Graph("g", outputs=(OutputSpec(None, MAIN),)))
    total, _ = goal({MAIN: torch.full((1, 1), 300.0, dtype=torch.float16), "label": torch.zeros(1)})
    assert float(total) == 90000.0


def test_which_output_is_scored() -> None:
    assert scores_port(GRAPH, [loss("cross_entropy", AUX, "label")]) == AUX
    assert scores_port(GRAPH, [loss("kl", AUX, MAIN)]) == MAIN


def test_hits() -> None:
    scores = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    assert hits(scores, torch.tensor([1, 1])).tolist() == [True, False]
    assert hits(scores, torch.rand(2)) is None
    assert hits(torch.rand(2, 1), torch.tensor([0, 0])) is None
