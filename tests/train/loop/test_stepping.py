"""Steps that are no numbers leave no trace, and ten of them end the training."""

import pytest
import torch
from torch import nn

from archlang.diagnostics import ArchError
from archlang.graph.ir import Port
from archlang.graph.plan import Loss
from archlang.ops.values import Option
from archlang.train.loop.stepping import PATIENCE, Optimization, Stepper
from archlang.train.losses.objective import objective
from tests.train.nets import outputs

OUT = Port("n1")
GRAPH = outputs(OUT)


class Root(torch.autograd.Function):
    """A finite value with an infinite gradient at 0."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * float("inf")


class Net(nn.Module):
    def __init__(self, spoil: bool = False) -> None:
        super().__init__()
        self.norm, self.dense, self.spoil = nn.BatchNorm1d(3), nn.Linear(3, 2), spoil

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.dense(self.norm(x))
        return Root.apply(y) if self.spoil else y


def made(model: nn.Module) -> tuple[Stepper, Optimization]:
    goal = objective([Loss(1.0, Option("cross_entropy", "loss"), (OUT, "label"))], GRAPH)
    return Stepper(model, GRAPH, OUT), Optimization(goal, torch.optim.Adam(model.parameters()))


def test_a_step_changes_weights_and_says_what_it_saw() -> None:
    torch.manual_seed(0)
    stepper, stage = made(Net())
    before = stepper.model.dense.weight.clone()
    outcome = stepper(stage, torch.randn(8, 3), torch.randint(0, 2, (8,)))
    assert outcome is not None
    assert outcome.loss == outcome.parts["cross_entropy"]
    assert 0 <= outcome.correct <= 8
    assert not torch.equal(before, stepper.model.dense.weight)


@pytest.mark.parametrize(("model", "bad"), [(Net(), float("nan")), (Net(), float("inf")), (Net(spoil=True), 0.0)])
def test_what_is_no_number_leaves_no_trace(model: nn.Module, bad: float) -> None:
    stepper, stage = made(model)
    inputs = torch.randn(8, 3)
    inputs[0, 0] += bad
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert stepper(stage, inputs, torch.zeros(8, dtype=torch.int64)) is None
    assert stepper.skipped == 1
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not stage.optimizer.state
    assert all(p.grad is None for p in model.parameters())


def test_ten_in_a_row_end_the_training_and_a_good_one_starts_anew() -> None:
    stepper, stage = made(Net())
    label, bad = torch.zeros(4, dtype=torch.int64), torch.full((4, 3), float("nan"))
    for _ in range(PATIENCE - 1):
        stepper(stage, bad, label)
    assert stepper(stage, torch.randn(4, 3), label) is not None
    for _ in range(PATIENCE - 1):
        stepper(stage, bad, label)
    with pytest.raises(ArchError) as caught:
        stepper(stage, bad, label)
    assert caught.value.status == 3
    assert caught.value.diagnostics[0].name == "diverged"


def test_batch_norm_over_one_vector() -> None:
    stepper, stage = made(Net())
    with pytest.raises(ArchError, match="batches of one"):
        stepper(stage, torch.randn(1, 3), torch.zeros(1, dtype=torch.int64))
