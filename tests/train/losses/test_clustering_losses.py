"""Gradients of clustering losses: over scores, over gates, held posteriors, first batches."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from archlang.elaborate import load, loads
from archlang.graph.ir import Port
from archlang.graph.plan import Loss
from archlang.layers.clustering import EPS, Standardize, StandardizeGates, em_loss
from archlang.layers.multipath import pooled
from archlang.ops.values import Option
from archlang.train.loop.stepping import Optimization, Stepper
from archlang.train.losses.clustering import Agreement, Clusters, GateClusters, MixtureEM
from archlang.train.losses.objective import objective
from tests.train.nets import outputs

torch.manual_seed(0)
BEFORE = torch.randn(32, 3, dtype=torch.float64) * 2 + 1
SCORES = torch.randn(24, 3, dtype=torch.float64) * 1.5 + torch.tensor([0.5, 0.0, -1.0], dtype=torch.float64)
GAMMA = 5.0



def by_differences(function: Callable[[Tensor], Tensor], at: Tensor, step: float = 1e-6) -> Tensor:
    """The gradient by central differences."""
    gradient = torch.empty_like(at)
    for i in range(at.numel()):
        away = torch.zeros_like(at)
        away.view(-1)[i] = step
        gradient.view(-1)[i] = (function(at + away) - function(at - away)) / (2 * step)
    return gradient


def followed(momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    """Running mean and variance after the batches BEFORE and SCORES."""
    mean = (1 - momentum) * BEFORE.mean(0) + momentum * SCORES.mean(0)
    variance = (1 - momentum) * BEFORE.var(0, correction=0) + momentum * SCORES.var(0, correction=0)
    return mean, variance


@pytest.mark.parametrize("kind", [Standardize, StandardizeGates])
def test_both_forms_give_the_same_numbers(kind: type[Standardize]) -> None:
    norm = kind(3).double()
    norm(BEFORE)
    mean, variance = followed()
    assert norm(SCORES).allclose((SCORES - mean) / (variance + EPS).sqrt(), atol=1e-12)
    norm.eval()
    assert norm(SCORES).allclose((SCORES - mean) / (variance + EPS).sqrt(), atol=1e-12)
    assert kind(3, "batch").double()(SCORES).allclose(
        (SCORES - SCORES.mean(0)) / (SCORES.var(0, correction=0) + EPS).sqrt(), atol=1e-12)


def test_the_gradient_over_gates_is_that_of_the_mean_with_the_deviation_a_number() -> None:
    mean, variance = followed()
    scale, shift = 1 / (variance + EPS).sqrt(), (SCORES.mean(0) - mean) / (variance + EPS).sqrt()
    relevance = (SCORES - mean) * scale
    p = relevance.softmax(1)

    def loss(x: Tensor) -> Tensor:
        a = (x - x.mean(0)) * scale + shift
        return -(p * functional.logsigmoid(a / GAMMA)).sum(1).mean()

    norm = StandardizeGates(3).double()
    norm(BEFORE)
    scores = SCORES.clone().requires_grad_()
    em_loss(norm(scores), GAMMA).backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert scores.grad.allclose(by_differences(loss, SCORES), atol=1e-9)


def test_the_gradient_over_scores_is_that_of_the_batchs_own_statistics() -> None:
    mean, variance = followed()
    own_mean, own = SCORES.mean(0), (SCORES.var(0, correction=0) + EPS).sqrt()
    ratio, shift = own / (variance + EPS).sqrt(), (own_mean - mean) / (variance + EPS).sqrt()
    p = ((SCORES - mean) / (variance + EPS).sqrt()).softmax(1)

    def loss(x: Tensor) -> Tensor:
        a = (x - x.mean(0)) / (x.var(0, correction=0) + EPS).sqrt() * ratio + shift
        return -(p * functional.logsigmoid(a / GAMMA)).sum(1).mean()

    norm = Standardize(3).double()
    norm(BEFORE)
    scores = SCORES.clone().requires_grad_()
    em_loss(norm(scores), GAMMA).backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert scores.grad.allclose(by_differences(loss, SCORES), atol=1e-9)


def moved_by(loss: nn.Module, reads: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """The gradients of a loss for a shift of each column of SCORES, and for a factor of all of them.

    A factor of one column alone would change what is left of the others when gates are centred.
    """
    loss([reads(BEFORE)])
    shift = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    factor = torch.ones((), dtype=torch.float64, requires_grad=True)
    loss([reads(SCORES * factor + shift)]).backward()
    assert shift.grad is not None and factor.grad is not None
    return shift.grad.abs().max(), factor.grad.abs().max()


def test_a_loss_over_gates_can_spread_a_gate_and_over_scores_cannot_scale_one() -> None:
    shift, factor = moved_by(GateClusters({"gamma": GAMMA}, [(1, 3)]).double(), lambda x: x.softmax(1)[:, None])
    assert shift < 1e-12 and factor > 1e-3
    shift, factor = moved_by(MixtureEM({"gamma": GAMMA}, [(3,)]).double(), lambda x: x)
    assert shift < 1e-12 and factor < 1e-5


def test_priors_of_gates_follow_the_mean_posterior_unless_the_file_says_otherwise() -> None:
    for more, is_even in (("", False), ("prior = uniform", True), ("prior = ema", False)):
        text = load("specs/multipath/sparse_digits.arch").text.replace("mixture_em()", f"mixture_em({more})")
        network = loads(text)
        assert network.graph.plan is not None
        goal = objective(network.graph.plan.losses, network.graph)
        clusters = [module for module in goal.state.modules() if hasattr(module, "is_even")]
        assert clusters and all(module.is_even is is_even for module in clusters)


def test_the_posterior_of_the_samples_is_held_in_agreement() -> None:
    for args in ({}, {"statistics": "batch"}, {"statistics": "none"}, {"standardized": True}):
        first, second = SCORES.clone().requires_grad_(), BEFORE[:24].clone().requires_grad_()
        loss = Agreement(args, [(3,)]).double()
        loss([first, second]).backward()
        assert first.grad is None or not bool(first.grad.any())
        assert second.grad is not None and bool(second.grad.any())


@pytest.mark.parametrize("kind", [Standardize, StandardizeGates])
def test_the_first_batch_sets_the_running_statistics(kind: type[Standardize]) -> None:
    norm = kind(3, momentum=0.05).double()
    for _ in range(2):
        norm(SCORES)
        assert norm.mean.allclose(SCORES.mean(0), atol=1e-12)
        assert norm.variance.allclose(SCORES.var(0, correction=0), atol=1e-12)
        norm(BEFORE)
        assert norm.mean.allclose(0.95 * SCORES.mean(0) + 0.05 * BEFORE.mean(0), atol=1e-12)
        norm.reset_parameters()
        assert norm.mean.tolist() == [0, 0, 0] and norm.variance.tolist() == [1, 1, 1] and int(norm.seen) == 0


def test_a_first_step_that_is_skipped_leaves_the_next_one_to_set_them() -> None:
    out = Port("n1")
    model = nn.Linear(4, 3)
    stepper = Stepper(model, outputs(out, sizes=(3,)), out)
    loss = Loss(1.0, Option("mixture_em", "loss", {"gamma": GAMMA}), (out,))
    stage = Optimization(objective([loss], stepper.graph), torch.optim.SGD(model.parameters(), 0.1))
    label = torch.full((8,), -1)
    assert stepper(stage, torch.full((8, 4), float("nan")), label) is None

    x = torch.randn(8, 4)
    expected = model(x).detach()
    assert stepper(stage, x, label) is not None
    (norm,) = (module for module in stage.goal.state.modules() if isinstance(module, Standardize))
    assert norm.mean.allclose(expected.mean(0), atol=1e-6)
    assert norm.variance.allclose(expected.var(0, correction=0), atol=1e-6)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(2, 1000, 4), (2, 4, 40, 25), (2, 4, 10, 10, 10), (2, 4)])
def test_gates_see_means_in_full_precision(kind: torch.dtype, shape: tuple[int, ...]) -> None:
    x = (torch.rand(shape) + 3).to(kind)
    axes = {2: (), 3: (1,)}.get(len(shape), tuple(range(2, len(shape))))
    wide = x.double().mean(axes) if axes else x.double()
    assert pooled(x).dtype == torch.float32
    assert pooled(x).double().allclose(wide, atol=1e-6, rtol=0)


def test_an_evaluation_moves_neither_priors_nor_statistics() -> None:
    module = Clusters(3, {"prior": "ema"}, Standardize)
    chance = torch.Generator().manual_seed(0)
    for training in (True, False, True):
        before = {name: value.clone() for name, value in module.state_dict().items()}
        module.train(training)(torch.randn(16, 3, generator=chance) + torch.tensor([0.0, 1.0, 3.0]))
        moved = {name for name, value in module.state_dict().items() if not torch.equal(before[name], value)}
        assert bool(moved) is training
        assert not training or "priors" in moved
