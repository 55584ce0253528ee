"""Slips in the layers of clustering that would hardly be seen: first statistics, held posteriors, half precision."""

from __future__ import annotations

import pytest
import torch

from archlang.layers import SparseGates, Standardize
from archlang.layers.clustering import agreement, centred, posterior
from archlang.layers.multipath import Gates, pooled


def batch(rows: int = 7, columns: int = 3, seed: int = 0) -> torch.Tensor:
    """Scores far from mean 0 and deviation 1."""
    chance = torch.Generator().manual_seed(seed)
    return 40 + 9 * torch.randn(rows, columns, generator=chance, dtype=torch.float64)


@pytest.mark.parametrize("statistics", ["running", "batch"])
def test_the_first_batch_sets_the_statistics_and_later_ones_move_them(statistics: str) -> None:
    norm = Standardize(3, statistics, momentum=0.25).double()  # type: ignore[arg-type]  # one of the two
    first, second = batch(seed=1), batch(seed=2)
    norm(first)
    torch.testing.assert_close(norm.mean, first.mean(0), rtol=0, atol=1e-12)
    torch.testing.assert_close(norm.variance, first.var(0, correction=0), rtol=0, atol=1e-12)
    assert norm.seen == 1

    norm(second)
    torch.testing.assert_close(norm.mean, 0.75 * first.mean(0) + 0.25 * second.mean(0))
    moved = 0.75 * first.var(0, correction=0) + 0.25 * second.var(0, correction=0)
    torch.testing.assert_close(norm.variance, moved)

    kept = norm.mean.clone()
    norm.eval()(first)
    assert torch.equal(norm.mean, kept) and norm.seen == 2
    norm.reset_parameters()
    norm.train()(second)
    torch.testing.assert_close(norm.mean, second.mean(0), rtol=0, atol=1e-12)


def test_standardised_gates_start_from_their_first_batch_too() -> None:
    gates = SparseGates(4, 3, hidden=0, standardized=True).double()
    scores = gates(batch(9, 3))[2]
    assert scores.mean(0).abs().max() < 1e-6 and (scores.std(0, correction=0) - 1).abs().max() < 1e-4


def test_no_gradient_passes_through_what_is_held() -> None:
    first, second = (batch(seed=seed).requires_grad_() for seed in (3, 4))
    agreement(first, second).backward()  # type: ignore[no-untyped-call]
    assert first.grad is None and second.grad is not None and bool((second.grad != 0).any())
    assert not posterior(first).requires_grad


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_means_under_gates_are_taken_in_float32(dtype: torch.dtype) -> None:
    """In half precision a sum of thousands of places stops growing, or overflows."""
    for shape in ((2, 5000, 3), (2, 3, 80, 80), (2, 3, 9, 20, 30)):
        x = torch.full(shape, 100.0, dtype=dtype)
        x.view(2, -1)[:, ::7] = 101.0
        wide = pooled(x)
        exact = x.double().mean(1 if x.dim() == 3 else tuple(range(2, x.dim())))
        assert wide.dtype == torch.float32
        torch.testing.assert_close(wide.double(), exact, rtol=1e-5, atol=0)

    gates = Gates(1, 2, 3, hidden=0)
    x = torch.full((1, 5000, 3), 3.0, dtype=dtype)
    wanted = (gates.weight[0] @ torch.full((3,), 3.0)).softmax(0)
    torch.testing.assert_close(gates(x)[0, 0].float(), wanted, rtol=1e-2, atol=1e-2)


def test_what_a_softmax_keeps_is_the_same_for_gates_of_any_precision() -> None:
    gates = batch().softmax(1)
    torch.testing.assert_close(centred(gates.bfloat16()).double(), centred(gates.bfloat16().double()),
                               rtol=1e-5, atol=1e-5)
