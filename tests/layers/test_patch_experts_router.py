"""The router of patch experts against the document's equations, written out with plain tensor operations in float64."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from archlang.layers import CosineRouter
from archlang.layers.patch_experts.keys import kmeans

ADAPTIVE: dict[str, Any] = {"threshold": (0.4, 0.3, 0.3), "start": "random"}


def router(experts: int = 5, features: int = 7, **settings: Any) -> CosineRouter:
    """In evaluation mode and float64, with keys that are not of unit length."""
    torch.manual_seed(3)
    made = CosineRouter(experts, features, **{**ADAPTIVE, **settings}).double().eval()
    with torch.no_grad():
        made.keys.mul_(torch.rand(experts, 1) + 0.5)
    return made


def embeddings(rows: int = 6, features: int = 7) -> Tensor:
    torch.manual_seed(4)
    return torch.randn(rows, features, dtype=torch.float64)


def document(e: Tensor, keys: Tensor, beta: float = 10.0, lambdas: tuple[float, ...] = (0.4, 0.3, 0.3)) -> list[Tensor]:
    """Equations 2 to 11 one by one, for one embedding: the weights, filtered ones, threshold, its components."""
    similarity = torch.stack([e @ k / (e.norm() * k.norm()) for k in keys])  # (2)
    w = similarity.exp() / similarity.exp().sum()  # (3)
    count = len(keys)
    w_max = max(w)  # (4)
    max_component = 1 - w_max  # (5)
    entropy = -sum(w_i * w_i.log() for w_i in w)  # (6)
    entropy_component = entropy / math.log(count)  # (7), (8)
    ordered = sorted(w, reverse=True)
    k = min(4, count - 1)
    rest = sum(ordered[1 : k + 1]) / k
    gap_component = (ordered[0] - rest) / (ordered[0] + 1e-8)  # (9)
    components = torch.stack([max_component, entropy_component, gap_component])
    theta = sum(share * part for share, part in zip(lambdas, components, strict=True))  # (10)
    filtered = w * (1 / (1 + torch.exp(-beta * (w - theta))))  # (11)
    return [w, filtered, theta, components]


@pytest.mark.parametrize("experts", [2, 3, 5, 9])
@pytest.mark.parametrize(("beta", "lambdas"), [(10.0, (0.4, 0.3, 0.3)), (3.0, (0.1, 0.0, 0.8))])
def test_equations_2_to_11(experts: int, beta: float, lambdas: tuple[float, ...]) -> None:
    made, e = router(experts, threshold=lambdas, steepness=beta), embeddings()
    weights, before, threshold, parts = made(e)
    for j, row in enumerate(e):
        w, filtered, theta, components = document(row, made.keys.detach(), beta, lambdas)
        for got, wanted in ((before[j], w), (threshold[j, 0], theta), (parts[j], components),
                            (weights[j], filtered / filtered.sum())):
            assert torch.allclose(got, wanted, rtol=0, atol=1e-10)


def test_the_form_of_the_authors_code() -> None:
    made, e = router(form="authors", base=0.5), embeddings()
    _, before, threshold, parts = made(e)
    entropy = -(before * before.log()).sum(1)
    assert torch.allclose(parts[:, 1], 1 - entropy / math.log(5), rtol=0, atol=1e-10)
    wanted = 0.5 * (0.4 * parts[:, 0] + 0.3 * parts[:, 1] + 0.3 * parts[:, 2])
    assert torch.allclose(threshold[:, 0], wanted, rtol=0, atol=1e-12)


def test_temperature_fixed_threshold_and_none() -> None:
    e = embeddings()
    plain = router()(e)[1]
    made = router(temperature=0.1, threshold=None, fixed=0.25)
    weights, before, threshold, _ = made(e)
    assert torch.allclose(before, torch.softmax(plain.log() / 0.1, 1), rtol=0, atol=1e-10)
    assert torch.equal(threshold, torch.full((6, 1), 0.25, dtype=torch.float64))
    filtered = before * torch.sigmoid(10 * (before - 0.25))
    assert torch.allclose(weights, filtered / filtered.sum(1, keepdim=True), rtol=0, atol=1e-10)
    weights, before, _, _ = router(threshold=None)(e)
    assert torch.allclose(weights, before, rtol=0, atol=1e-12)


def test_hard_filter_keeps_what_reaches_the_threshold_and_the_largest() -> None:
    weights, before, threshold, _ = router(temperature=0.3, keep="hard")(embeddings())
    kept = (before >= threshold) | (before == before.amax(1, keepdim=True))
    assert kept.sum(1).min() == 1
    wanted = torch.where(kept, before, 0)
    assert torch.allclose(weights, wanted / wanted.sum(1, keepdim=True), rtol=0, atol=1e-12)
    assert torch.equal(weights > 0, kept)


def test_top_keeps_the_first_of_equal_ones() -> None:
    made = router(4, 3, keep=2, threshold=None)
    weights, before, _, _ = made(torch.zeros(2, 3, dtype=torch.float64))
    assert torch.allclose(before, torch.full((2, 4), 0.25, dtype=torch.float64))
    assert weights.tolist() == [[0.5, 0.5, 0, 0]] * 2
    weights, before, _, _ = made(embeddings(6, 3))
    for w, b in zip(weights, before, strict=True):
        best = sorted(range(4), key=lambda i: -b[i])[:2]
        assert [i for i in range(4) if w[i] > 0] == sorted(best)
        assert torch.allclose(w[best], b[best] / b[best].sum())


def test_one_expert_ties_and_nothing_are_finite() -> None:
    weights, _, threshold, parts = router(1)(embeddings())
    assert torch.equal(weights, torch.ones(6, 1, dtype=torch.float64))
    assert torch.allclose(parts, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64), atol=1e-7)
    assert torch.allclose(threshold, torch.full((6, 1), 0.3, dtype=torch.float64), atol=1e-7)
    made = router()
    assert all(t.shape[0] == 0 for t in made(embeddings(0)))


@pytest.mark.parametrize("settings", [{}, {"keep": "hard"}, {"keep": 1, "threshold": None}, {"steepness": 1e6},
                                      {"temperature": 1e-6}, {"temperature": 1e-320}, {"form": "authors"}], ids=str)
@pytest.mark.parametrize("experts", [1, 2, 6])
def test_gradients_are_finite(settings: dict[str, Any], experts: int) -> None:
    made = router(experts, **settings).float()
    for e in (embeddings().float(), torch.zeros(3, 7), 1e-30 * embeddings().float(), 1e18 * embeddings().float()):
        e.requires_grad_()
        results = made(e)
        assert all(t.isfinite().all() for t in results)
        assert torch.allclose(results[0].sum(1), torch.ones(len(e)))
        gradients = torch.autograd.grad(sum((t.square().sum() for t in results), torch.zeros(())), [e, made.keys])
        assert all(g.isfinite().all() for g in gradients)


def test_float32_under_autocast_and_for_half_precision() -> None:
    made, e = router().float(), embeddings().float()
    plain = made(e)
    with torch.autocast("cpu", torch.bfloat16):
        assert all(torch.equal(a, b) for a, b in zip(made(e), plain, strict=True))
    assert all(t.dtype == torch.float32 for t in made.bfloat16()(e.bfloat16()))


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1e-3, 1.0, 50.0])
def test_equation_13(length: float) -> None:
    """On directions: embeddings of any length pull keys equally far, so that the decay is the momentum."""
    made, e = router(temperature=0.5), length * embeddings()
    before = made.keys.detach() / made.keys.detach().norm(dim=1, keepdim=True)
    w = made(e)[0].detach()
    made.train().follow(0.9)
    assert not made.keys.requires_grad
    made(e)
    for i in range(5):
        mean = sum(w[j, i] * e[j] / e[j].norm() for j in range(6)) / sum(w[j, i] for j in range(6))
        wanted = 0.9 * before[i] + 0.1 * mean
        assert torch.allclose(made.keys[i], wanted / wanted.norm(), rtol=0, atol=1e-10)
    assert torch.allclose(made.keys.norm(dim=1), torch.ones(5, dtype=torch.float64), rtol=0, atol=1e-12)


def test_keys_move_in_training_only_and_only_while_they_follow() -> None:
    made, e = router(), embeddings()
    kept = made.keys.detach().clone()
    made.follow(0.5)
    made.eval()(e)
    assert torch.equal(made.keys, kept)
    made.train().follow(None)
    made(e)[0].square().sum().backward()
    assert torch.equal(made.keys, kept)
    assert made.keys.grad is not None and made.keys.grad.abs().sum() > 0
    made.follow(0.5)
    made.keys.grad = None
    probe = e.clone().requires_grad_()
    made(probe)[0].square().sum().backward()
    assert made.keys.grad is None and probe.grad is not None
    assert not torch.equal(made.keys, kept)


def test_an_unused_key_stays_and_so_does_one_without_a_finite_mean() -> None:
    made, e = router(keep=1, threshold=None), embeddings(2)
    made.train().follow(0.9)
    kept = made.keys.detach().clone()
    used = made.eval()(e)[0].sum(0) > 0
    made.train()(e)
    moved = (made.keys != kept).any(1)
    assert 0 < used.sum() < 5 and torch.equal(moved, used)
    made(torch.full((2, 7), math.nan, dtype=torch.float64))
    assert made.keys.isfinite().all()


def test_keys_start_amid_the_first_batch() -> None:
    """Clusters far apart are found, once, in training."""
    torch.manual_seed(0)
    centres = torch.eye(4, 6) * 3
    e = (centres[:, None] + 0.1 * torch.randn(4, 8, 6)).reshape(32, 6)
    made = CosineRouter(4, 6, (0.4, 0.3, 0.3), start="kmeans")
    kept = made.keys.detach().clone()
    made.eval()(e)
    assert torch.equal(made.keys, kept) and made.started == 0
    made.train()(e)
    found = (made.keys.detach() @ centres.t() / 3).amax(0)
    assert (found > 0.99).all() and made.started == 1
    kept = made.keys.detach().clone()
    made(e.flip(1))
    assert torch.equal(made.keys, kept)


def test_kmeans_with_fewer_embeddings_than_keys() -> None:
    spare = torch.eye(4)
    found = kmeans(torch.tensor([[0.0, 0.0, 0.0, 2.0]] * 3), spare)
    assert torch.equal(found[0], spare[3]) and found.isfinite().all()
    assert torch.equal(found[1:], spare[1:])
    assert torch.equal(kmeans(torch.zeros(0, 4), spare), spare)
    assert kmeans(torch.full((3, 4), math.nan), spare).isfinite().all()


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_two_patches_and_three_experts_by_hand() -> None:
    """Cosines (0.6, 0.8, 0) and (1, 0, 0): every number below was worked out on paper, to four places."""
    made = CosineRouter(3, 2, (0.4, 0.3, 0.3), start="random").double().eval()
    with torch.no_grad():
        made.keys.copy_(torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    weights, before, threshold, parts = made(torch.tensor([[3.0, 4.0], [5.0, 0.0]], dtype=torch.float64))
    # exp: 1.8221, 2.2255, 1 (sum 5.0477); 2.7183, 1, 1 (sum 4.7183)
    softmax = torch.tensor([[0.3610, 0.4409, 0.1981], [0.5761, 0.2119, 0.2119]]).double()
    assert torch.allclose(before, softmax, atol=6e-5)
    # entropies 1.0497 and 0.9753 of log 3 = 1.0986; rests (0.3610 + 0.1981) / 2 and 0.2119
    wanted = torch.tensor([[0.5591, 0.9555, 0.3659], [0.4239, 0.8877, 0.6321]]).double()
    assert torch.allclose(parts, wanted, atol=2e-4)
    assert torch.allclose(threshold[:, 0], torch.tensor([0.6201, 0.6255]).double(), atol=2e-4)
    # sigmoids of 10 (w - threshold): 0.0697, 0.1429, 0.0145; 0.3790, 0.0158, 0.0158
    filtered = torch.tensor([[0.02516, 0.06302, 0.00287], [0.21834, 0.00334, 0.00334]]).double()
    assert torch.allclose(weights, filtered / filtered.sum(1, keepdim=True), atol=1e-3)
