"""Energies, their normalisation, dropping and the coding loss against plain formulas; nothing breaks at zero."""

from __future__ import annotations

import warnings

import pytest
import torch

from archlang.layers import BranchMask, coded_sum, coding_loss, energies, weigh


def test_energies_and_normalisation_are_the_formula() -> None:
    members = [torch.randn(3, 4, 5, 6, dtype=torch.float64) for _ in range(7)]
    made, weights = energies(*members, of=7)
    normalised = weigh(weights, *members)
    for b in range(3):
        raw = [(x[b] ** 2).sum() / (4 * 5 * 6) for x in members]
        mean = sum(raw) / 7
        for n in range(7):
            assert torch.allclose(made[b, n], raw[n] / mean, rtol=1e-7)
            assert torch.allclose(normalised[n][b], members[n][b] / mean ** 0.5, rtol=1e-7)
    assert torch.allclose(made.sum(1), torch.full((3,), 7.0, dtype=torch.float64), rtol=1e-6)


def test_branches_taken_out_count_as_zeros() -> None:
    members = [torch.randn(2, 3, dtype=torch.float64) for _ in range(4)]
    whole = energies(*members[:2], *(0 * x for x in members[2:]), of=4)
    part = energies(*members[:2], of=4)
    assert torch.equal(whole[0][:, :2], part[0]) and torch.equal(whole[1][:, :2], part[1])


def test_zero_energy_stays_zero_with_finite_gradients() -> None:
    members = [torch.zeros(2, 3, 2, 2, requires_grad=True) for _ in range(3)]
    made, weights = energies(*members, of=3)
    out = weigh(weights, *members)
    torch.autograd.backward(made.sum() + torch.stack(out).sum())
    assert not made.any() and not any(x.any() for x in out)
    assert all(x.grad is not None and bool(x.grad.isfinite().all()) for x in members)


@pytest.mark.parametrize("channels", [8, 64 * 25])
@pytest.mark.parametrize("zero", [False, True])
def test_one_convolution_equals_branch_by_branch(zero: bool, channels: int) -> None:
    """Kernels are joined, or, where they are large beside the places of the batch, stay where they lie."""
    x = torch.randn(3, 12, 5, 5, dtype=torch.float64) * (not zero)
    x.requires_grad_()
    kernels = [torch.randn(channels, 3, 1, 1, dtype=torch.float64, requires_grad=True) for _ in range(4)]
    mask = torch.tensor([[1.0, 0.0, 2.0, 1.0]], dtype=torch.float64).expand(3, 4)
    members = [torch.nn.functional.conv2d(part, k) for part, k in zip(x.chunk(4, 1), kernels, strict=True)]
    made, weights = energies(*members, of=5)
    slow = torch.stack(weigh(weights * mask, *members)).sum(0)
    fast, fast_energies = coded_sum(x, kernels, (mask,), 5)
    assert torch.allclose(fast, slow, atol=1e-12) and torch.allclose(fast_energies, made, atol=1e-12)
    for a, b in ((fast.sin().sum() + fast_energies.sum(), slow.sin().sum() + made.sum()),):
        left = torch.autograd.grad(a, [x, *kernels], retain_graph=True)
        right = torch.autograd.grad(b, [x, *kernels])
        assert all(torch.allclose(p, q, atol=1e-10) for p, q in zip(left, right, strict=True))


@pytest.mark.parametrize("channels", [8, 64 * 25])
def test_changes_and_forms_of_one_convolution(channels: int) -> None:
    """Weights exchanged through `data` count at once; autocast and tracing give what is given eagerly."""
    torch.manual_seed(0)
    x, mask = torch.randn(3, 12, 5, 5), torch.rand(3, 4)
    kernels = [torch.randn(channels, 3, 1, 1) for _ in range(4)]
    before = coded_sum(x, kernels, (mask,), 5)
    for kernel in kernels:
        kernel.data = 2 * kernel.data
    after = coded_sum(x, kernels, (mask,), 5)
    torch.testing.assert_close(after, before)

    kernels[0].data.zero_()
    none = coded_sum(x, kernels, (mask,), 5)
    assert bool((none[1][:, 0] == 0).all()) and not torch.allclose(none[0], before[0])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to leave tracing
        traced = torch.jit.trace(lambda x, *kernels: coded_sum(x, kernels, (mask,), 5), (x, *kernels))
    torch.testing.assert_close(traced(x, *kernels), none)
    with torch.autocast("cpu", torch.bfloat16):
        half = coded_sum(x, kernels, (mask,), 5)
    assert half[0].dtype == torch.bfloat16
    torch.testing.assert_close(half[0].float(), none[0], rtol=0.05, atol=0.5)


def test_a_batch_without_samples_has_no_results() -> None:
    made, energy = coded_sum(torch.zeros(0, 12, 5, 5), [torch.ones(8, 3, 1, 1)] * 4, (torch.ones(0, 4),), 5)
    assert made.shape == (0, 8, 5, 5) and energy.shape == (0, 4)


def test_dropping_keeps_the_mean_and_stops_outside_training() -> None:
    torch.manual_seed(0)
    mask = BranchMask(10, 0.1)
    drawn = mask(torch.zeros(4000, 1))
    assert drawn.unique().tolist() == pytest.approx([0.0, 1 / 0.9])
    assert abs(float(drawn.mean()) - 1) < 0.01
    assert bool((mask.eval()(torch.zeros(5, 1)) == 1).all())


@pytest.mark.parametrize("power", [1, 2, 4])
def test_coding_loss_is_the_formula(power: int) -> None:
    energy = torch.rand(4, 6, dtype=torch.float64) * 2
    words = torch.tensor([[1.0, 0, 0, 1, 1, 0]], dtype=torch.float64).expand(4, 6)
    wanted = sum(abs(0.5 * energy[b, n] - words[b, n]) ** power for b in range(4) for n in range(6)) / 24
    assert torch.allclose(coding_loss(energy, words, power), torch.as_tensor(wanted))
