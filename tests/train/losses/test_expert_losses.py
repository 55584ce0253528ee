"""Losses on routing weights, written out from the document's equations 15 to 17."""

from __future__ import annotations

import math

import pytest
import torch

from archlang.train.losses.patch_experts import collapse, confidence, unused, usage

WEIGHTS = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], dtype=torch.float64)


def test_confidence_is_the_mean_entropy_over_patches() -> None:
    by_hand = sum(-sum(w * math.log(w) for w in row) for row in WEIGHTS.tolist()) / len(WEIGHTS)
    assert confidence([WEIGHTS], {}).item() == pytest.approx(by_hand, abs=1e-12)


def test_losses_are_averaged_over_sites_so_that_a_weight_means_the_same_at_any_depth() -> None:
    other = torch.tensor([[0.25, 0.75, 0.0]], dtype=torch.float64)
    for loss, args in ((confidence, {}), (collapse, {"below": 0.4})):
        alone = [loss([weights], args).item() for weights in (WEIGHTS, other)]
        assert alone[0] != pytest.approx(alone[1])
        assert loss([WEIGHTS, other], args).item() == pytest.approx(sum(alone) / 2, abs=1e-12)
        assert loss([WEIGHTS] * 7, args).item() == pytest.approx(alone[0], abs=1e-12)


def test_confidence_and_its_gradient_are_finite_for_sure_and_for_even_rows() -> None:
    weights = torch.tensor([[1.0, 0.0], [0.5, 0.5]], requires_grad=True)
    confidence([weights], {}).backward()  # type: ignore[no-untyped-call]
    assert weights.grad is not None and bool(weights.grad.isfinite().all())


def test_confidence_of_one_expert_is_nothing() -> None:
    assert confidence([torch.ones(4, 1)], {}).item() == 0


@pytest.mark.parametrize("below", [0.01, 0.2, 0.6])
def test_collapse_is_what_experts_lack(below: float) -> None:
    means = [(a + b) / 2 for a, b in zip(*WEIGHTS.tolist(), strict=True)]
    by_hand = sum(max(0.0, below - mean) / below for mean in means)
    assert collapse([WEIGHTS], {"below": below}).item() == pytest.approx(by_hand, abs=1e-12)


def test_collapse_pushes_the_unused_expert_up_and_no_other() -> None:
    weights = torch.tensor([[1.0, 0.0], [1.0, 0.0]], requires_grad=True)
    collapse([weights], {"below": 0.01}).backward()  # type: ignore[no-untyped-call]
    assert weights.grad is not None
    assert bool((weights.grad[:, 1] < 0).all()) and bool((weights.grad[:, 0] == 0).all())


def test_literal_usage_counts_rows_with_any_weight() -> None:
    weights = torch.tensor([[0.9, 0.1, 0.0], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    assert usage(weights).tolist() == [1.0, 0.5, 0.0]
    assert unused([weights, weights], {"below": 0.6}).item() == 4
    assert unused([weights], {"below": 0.01}).item() == 1
