"""Half precision: a folded kernel that would overflow, or lose its digits, keeps its norm."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from archlang.rewrite import fuse
from tests.rewrite.branches import Total, block
from tests.rewrite.harness import norms
from tests.rewrite.subjects import chain, conv, randomised

MAP = (2, 8, 6, 6)
BIG, SMALL = 1e7, 1e-6


def norms_of(model: nn.Module) -> list[Any]:
    """The norms of a model."""
    return [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._NormBase)]


def scaled(model: nn.Module, scale: float, shift: float = 0.0) -> nn.Module:
    """The model with its last norm's scale so large or small that a kernel of float16 cannot hold it."""
    norm = norms_of(model)[-1]
    with torch.no_grad():
        norm.running_var.fill_(1e-6 if scale > 1 else 1e4)  # float16 holds these, and the scale's other part
        norm.eps = 0.0
        norm.running_mean.zero_()
        norm.weight.fill_(scale * float(norm.running_var[0]) ** 0.5)
        norm.bias.fill_(shift)
    return model


MODELS = {
    "conv": lambda: conv(8, 8, 3, padding=1),
    "transposed": lambda: chain(nn.ConvTranspose2d(8, 8, 3), nn.BatchNorm2d(8)),
    "grouped": lambda: conv(8, 8, 3, padding=1, groups=4),
    "branches": lambda: Total(block((8, 8), 3), block((8, 8), 1), nn.BatchNorm2d(8)),
    "after the sum": lambda: Total(block((8, 8), 3), block((8, 8), 1), behind=nn.BatchNorm2d(8)),
    "norm first": lambda: chain(nn.Conv2d(8, 8, 1), nn.ReLU(), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3)),
    "behind a concatenation": lambda: Concatenated(),
}


class Concatenated(nn.Module):
    """A norm behind two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.norm = nn.Conv2d(8, 8, 3), nn.Conv2d(8, 4, 3), nn.BatchNorm2d(12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.norm(torch.cat([self.a(x), self.b(x)], 1))
        return made


HARMLESS = {(SMALL, "branches"), (SMALL, "norm first")}
"""Small numbers beside large ones in one sum, which loses nothing by losing their digits."""


@pytest.mark.parametrize(("scale", "name"), [(s, n) for s in (BIG, SMALL) for n in MODELS if (s, n) not in HARMLESS])
def test_a_kernel_that_does_not_fit_stays(scale: float, name: str) -> None:
    wide = scaled(randomised(MODELS[name]()), scale)
    half = copy.deepcopy(wide).half()
    made = fuse(half)
    kept = {s.name for s in made.meta["report"].skipped}
    assert "overflow" in kept and norms(made) >= 1
    assert all(bool(p.isfinite().all()) for p in made.parameters())
    assert norms(fuse(wide)) == 0  # in float64 everything fits


def test_a_bias_that_does_not_fit_stays() -> None:
    wide = scaled(randomised(conv(8, 8, 3, padding=1)), 2.0)
    with torch.no_grad():
        norms_of(wide)[-1].running_mean.fill_(6e4)  # float16 holds it, and not its double
    made = fuse(copy.deepcopy(wide).half())
    assert "overflow" in {s.name for s in made.meta["report"].skipped} and norms(made) == 1
    assert norms(fuse(wide)) == 0


@pytest.mark.parametrize("scale", [BIG, SMALL])
def test_results_are_those_of_the_model(scale: float) -> None:
    wide = scaled(randomised(conv(8, 8, 3, padding=1)), scale)
    half = copy.deepcopy(wide).half()
    x = (torch.randn(MAP) * min(1.0, 1 / scale)).half()
    with torch.no_grad():
        wanted, got = half(x), fuse(half)(x)
    assert torch.equal(wanted.isfinite(), got.isfinite())
    torch.testing.assert_close(got, wanted, rtol=1e-2, atol=1e-3)


def test_a_dead_channel_does_not_keep_the_others() -> None:
    """Scales of 1e-9 beside a bias: the kernel has no digits, and needs none."""
    model = scaled(randomised(conv(8, 8, 3)), 1.0, shift=0.5)
    with torch.no_grad():
        model[1].weight[2] = 1e-9
    assert norms(fuse(model.half())) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_wider_dtypes_fold_and_overflow_too(dtype: torch.dtype) -> None:
    assert norms(fuse(scaled(randomised(conv(8, 8, 3)), BIG).to(dtype))) == 0
    huge = scaled(randomised(conv(8, 8, 3)), BIG)
    with torch.no_grad():
        huge[1].weight.fill_(1e37)
    made = fuse(huge.to(dtype))
    assert norms(made) == 1 and {s.name for s in made.meta["report"].skipped} == {"overflow"}
