"""Neural mixture EM against plain tensor code written from the thesis, chapters 4 and 5."""

from __future__ import annotations

import math

import pytest
import torch

from archlang.layers.clustering import (
    Standardize,
    Statistics,
    agreement,
    centred,
    em_loss,
    likelihood_log,
    mutual_information,
    posterior,
)
from archlang.train.losses.clustering import Agreement, GateClusters, MixtureEM

torch.manual_seed(0)
A = torch.randn(12, 4, dtype=torch.float64) * 3 + 1
B = torch.randn(12, 4, dtype=torch.float64)
GAMMA = 5.0


def standard(a: torch.Tensor) -> torch.Tensor:
    """Equation 4.11, by columns, number by number."""
    out = torch.empty_like(a)
    for j in range(a.shape[1]):
        mean = sum(a[:, j]) / len(a)
        variance = sum((v - mean) ** 2 for v in a[:, j]) / len(a)
        out[:, j] = (a[:, j] - mean) / torch.sqrt(variance + 1e-5)
    return out


def by_hand(p: torch.Tensor, *views: torch.Tensor) -> float:
    """Equations 4.22 and 4.23."""
    total = 0.0
    for i in range(len(p)):
        for j in range(p.shape[1]):
            total += float(p[i, j]) * sum(math.log(1 / (1 + math.exp(-float(v[i, j]) / GAMMA))) for v in views)
    return -total / len(p)


def test_relevance_is_standardised_by_the_batch() -> None:
    norm = Standardize(4, "batch").double()
    assert norm(A).allclose(standard(A), atol=1e-10)
    assert norm(A).mean(0).abs().max() < 1e-12  # eq. 4.13


def test_running_statistics_move_and_are_those_of_inference() -> None:
    norm = Standardize(4, "running", momentum=0.25).double()
    norm(A)
    assert norm.mean.allclose(A.mean(0)) and norm.variance.allclose(A.var(0, correction=0))
    made = norm(B)
    mean = 0.75 * A.mean(0) + 0.25 * B.mean(0)
    variance = 0.75 * A.var(0, correction=0) + 0.25 * B.var(0, correction=0)
    assert made.allclose((B - mean) / torch.sqrt(variance + 1e-5), atol=1e-10)
    norm.eval()
    assert norm(A[:1]).allclose((A[:1] - mean) / torch.sqrt(variance + 1e-5), atol=1e-10)


def test_no_cluster_gains_by_a_shift_of_its_scores() -> None:
    kinds: tuple[Statistics, ...] = ("running", "batch")
    for statistics in kinds:
        scores = A.clone().requires_grad_()
        em_loss(Standardize(4, statistics).double()(scores), GAMMA).backward()  # type: ignore[no-untyped-call]
        assert scores.grad is not None and float(scores.grad.sum(0).abs().max()) < 1e-12


def test_posterior_and_likelihood() -> None:
    a = standard(A)
    for row, made in zip(a, posterior(a), strict=True):
        powers = [math.exp(v) for v in row.tolist()]
        assert made.tolist() == pytest.approx([v / sum(powers) for v in powers], abs=1e-12)  # eq. 4.20
    assert likelihood_log(a, GAMMA).exp().mean(0).tolist() == pytest.approx([0.5] * 4, abs=0.01)  # eq. 4.14
    priors = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    joint = a.exp() * priors
    assert posterior(a, priors).allclose(joint / joint.sum(1, keepdim=True), atol=1e-12)
    assert not posterior(a.requires_grad_()).requires_grad


def test_the_loss_of_one_view_and_of_two() -> None:
    a, b = standard(A), standard(B)
    assert em_loss(a, GAMMA).item() == pytest.approx(by_hand(a.softmax(1), a), abs=1e-10)
    assert em_loss(a, GAMMA, b).item() == pytest.approx(by_hand(a.softmax(1), a, b), abs=1e-10)


def test_agreement_is_the_divergence_from_the_held_posterior() -> None:
    a, b = standard(A).requires_grad_(), standard(B).requires_grad_()
    p, q = a.softmax(1), b.softmax(1)
    rows = zip(p.tolist(), q.tolist(), strict=True)
    by_hand = sum(u * math.log(u / v) for row, other in rows for u, v in zip(row, other, strict=True)) / 12
    made = agreement(a, b)
    made.backward()  # type: ignore[no-untyped-call]
    assert made.item() == pytest.approx(by_hand, abs=1e-10)
    assert a.grad is None and b.grad is not None and float(b.grad.abs().sum()) > 0


def test_mutual_information_of_two_views() -> None:
    p, q = A.softmax(1), B.softmax(1)
    joint = torch.stack([torch.outer(x, y) for x, y in zip(p, q, strict=True)]).sum(0) / 12
    joint = (joint + joint.t()) / 2
    by_hand = -sum(float(joint[i, j] * (joint[i, j] / (joint[i].sum() * joint[:, j].sum())).log())
                   for i in range(4) for j in range(4))
    assert mutual_information(A, B).item() == pytest.approx(by_hand, abs=1e-10)


def test_stateful_losses_standardise_and_follow_priors() -> None:
    loss = MixtureEM({"gamma": GAMMA, "statistics": "batch", "prior": "ema"}, [(4,)]).double()
    first = loss([A])
    assert first.item() == pytest.approx(by_hand(standard(A).softmax(1), standard(A)), abs=1e-10)
    mean = standard(A).softmax(1).mean(0)
    assert loss.clusters.priors.allclose(0.99 * torch.full((4,), 0.25, dtype=torch.float64) + 0.01 * mean)
    given = MixtureEM({"gamma": GAMMA, "standardized": True}, [(4,)]).double()
    assert given([standard(A), standard(B)]).item() == pytest.approx(
        by_hand(standard(A).softmax(1), standard(A), standard(B)), abs=1e-10)
    kl = Agreement({"statistics": "batch"}, [(4,)]).double()
    assert kl([A, B]).item() == pytest.approx(agreement(standard(A), standard(B)).item(), abs=1e-10)


def test_relevance_under_gates_is_what_the_softmax_keeps_of_it() -> None:
    assert centred(A.softmax(1)).allclose(A - A.mean(1, keepdim=True), atol=1e-10)
    assert bool(centred(torch.tensor([[1.0, 0.0]])).isfinite().all())


@pytest.mark.parametrize("over", ["gate", "router"])
def test_every_gate_clusters_what_comes_to_it(over: str) -> None:
    scores = torch.randn(16, 2, 3, dtype=torch.float64)
    loss = GateClusters({"gamma": GAMMA, "statistics": "batch", "prior": "uniform", "over": over}, [(2, 3)]).double()
    relevance = scores - scores.mean(2, keepdim=True)
    parts = [relevance[:, 0], relevance[:, 1]] if over == "gate" else [relevance.mean(1)]
    by = sum(by_hand(standard(part).softmax(1), standard(part)) for part in parts)
    assert loss([scores.softmax(2)]).item() == pytest.approx(by, abs=1e-9)


def test_gates_of_one_path_are_no_clusters() -> None:
    loss = GateClusters({"gamma": GAMMA}, [(2, 1)])
    assert loss([torch.ones(4, 2, 1)]).item() == 0


def test_gradients_stay_finite_where_nothing_differs() -> None:
    scores = torch.zeros(4, 3, requires_grad=True)
    kinds: tuple[Statistics, ...] = ("running", "batch")
    for statistics in kinds:
        em_loss(Standardize(3, statistics)(scores), GAMMA).backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None and bool(scores.grad.isfinite().all())
