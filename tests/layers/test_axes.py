"""Padding along axes against torch's own, with gradients."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from archlang.layers.axes import pad


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_cells_around_maps_are_torchs(mode: str, rank: int) -> None:
    x = torch.randn(2, 3, *(4, 5, 6)[:rank], dtype=torch.float64, requires_grad=True)
    made = pad(x, tuple(range(2, 2 + rank)), 1, 2, mode)
    expected = functional.pad(x, (1, 2) * rank, mode=mode)
    assert torch.equal(made, expected)

    weight = torch.randn_like(made)
    (got,) = torch.autograd.grad((made * weight).sum(), x)
    (wanted,) = torch.autograd.grad((expected * weight).sum(), x)
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_one_axis_is_padded_as_if_it_were_the_last(mode: str, dim: int) -> None:
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    turned = functional.pad(x.movedim(dim, -1), (2, 0, 0, 0), mode=mode).movedim(-1, dim)
    assert torch.equal(pad(x, (dim,), 2, 0, mode), turned)
