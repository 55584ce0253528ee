"""Convolutions of members as one: kernels of one place over few columns are read where they lie."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from archlang.layers import grouped

RUNS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(("axes", "channels", "stride", "apart"), [
    (1, 600, 1, True), (2, 1200, 1, True), (3, 2400, 1, True), (2, 3, 1, False), (2, 1200, 2, False),
])
def test_kernels_of_one_place(axes: int, channels: int, stride: int, apart: bool, biased: bool,
                              monkeypatch: pytest.MonkeyPatch) -> None:
    """Large kernels beside few places, and those that are joined: results and gradients of one after the other."""
    torch.manual_seed(0)
    ones = (1,) * axes
    x = torch.randn(3, channels, *(2,) * axes, dtype=torch.float64, requires_grad=True)
    kernels = [torch.randn(5, channels, *ones, dtype=torch.float64, requires_grad=True) for _ in range(4)]
    biases = [torch.randn(5, dtype=torch.float64, requires_grad=True) for _ in range(4)] if biased else None
    joined = []
    monkeypatch.setattr(grouped, "_CONVOLUTIONS", {x.dim(): lambda *args: joined.append(1) or RUNS[axes](*args)})

    made = grouped.convolution(x, kernels, biases, True, (*ones[:-1], stride), (0,) * axes, ones)
    wanted = torch.cat([
        RUNS[axes](x, kernel, None if biases is None else biases[n], (*ones[:-1], stride))
        for n, kernel in enumerate(kernels)
    ], 1)
    assert bool(joined) is not apart
    torch.testing.assert_close(made, wanted, rtol=1e-12, atol=1e-12)

    leaves = [x, *kernels, *(biases or ())]
    left, right = (torch.autograd.grad(y.sin().sum(), leaves) for y in (made, wanted))
    torch.testing.assert_close(left, right, rtol=1e-10, atol=1e-10)
