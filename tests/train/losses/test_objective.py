"""Weighted sums of losses: what they report, what they read, what they refuse."""

import pytest
import torch

from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.graph.ir import Port
from archlang.graph.plan import Loss
from archlang.graph.scores import scores_port
from archlang.ops.values import Option
from archlang.train.losses.objective import hits, objective, values_of
from tests.train.nets import outputs

MAIN, AUX, INSIDE = Port("n5"), Port("n4"), Port("n2")
GRAPH = outputs(MAIN, AUX, sizes=(1,))


def loss(name: str, *reads: object, weight: float = 1.0, **args: object) -> Loss:
    return Loss(weight, Option(name, "loss", args), reads)


def test_a_weighted_sum_reports_its_parts() -> None:
    goal = objective([loss("mse", MAIN, "label"), loss("mse", AUX, "label", weight=0.5)], GRAPH)
    result = {"main": torch.tensor([[1.0]]), "aux": torch.tensor([[2.0]])}
    total, parts = goal(values_of(GRAPH, result, torch.zeros(1)))
    assert float(total) == 3.0
    assert {name: float(part) for name, part in parts.items()} == {"mse": 1.0, "mse_2": 4.0}


def test_every_unusable_loss_is_named_at_once() -> None:
    with pytest.raises(ArchError) as caught:
        objective([loss("hinge"), loss("huber", INSIDE, "label")], GRAPH)
    assert [d.name for d in caught.value.diagnostics] == ["not-available"] * 2


def test_half_precision_is_widened() -> None:
    goal = objective([loss("mse", MAIN, "label")], outputs(MAIN, sizes=(1,)))
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


def test_labels_that_are_no_numbers_are_refused_and_those_of_a_network_are_not() -> None:
    goal = objective([loss("mse", MAIN, "label")], GRAPH)
    with pytest.raises(ArchError, match=r"of one number holds NaN or infinity"):
        goal({MAIN: torch.zeros(3, 1), "label": torch.tensor([0.0, float("nan"), 1.0])})

    pair = objective([loss("mse", MAIN, AUX)], GRAPH)
    total, _ = pair({MAIN: torch.zeros(3, 1), AUX: torch.full((3, 1), float("inf")), "label": torch.zeros(3)})
    assert not total.isfinite()  # such a step is skipped


@pytest.mark.parametrize(("stages", "axis"), [
    ("flatten -> linear(4)", 0),
    ("conv(1x1, 4)", 0),
    ("to_sequence -> linear(4)", 1),
    ("to_sequence -> linear(4) -> layer_norm -> dropout(0.5) -> relu", 1),
    ("reshape([8, 4]) -> conv1d(1, 4)", 0),
    ("reshape([8, 4]) -> conv1d(1, 4) -> batch_norm -> relu -> dropout(0.5)", 0),
    ("reshape([8, 4]) -> conv1d(1, 4) -> permute([length, channels])", 1),
])
def test_the_axis_of_classes_is_that_of_the_tensor(stages: str, axis: int) -> None:
    network = loads(
        f"archlang 1\nnetwork N {{\n input x: [2, 4, 4]\n scores = x -> {stages}\n output scores\n}}\n"
        "train { loss = cross_entropy(scores, label); optimizer = sgd(lr = 0.1); phase all { epochs = 1 } }"
    )
    assert network.graph.plan is not None
    (term,) = objective(network.graph.plan.losses, network.graph).terms
    assert term.args["class_axis"] == axis
