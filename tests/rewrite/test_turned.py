"""Branches that are transposed convolutions of one tensor."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from archlang.rewrite import fuse
from tests.rewrite.branches import Total
from tests.rewrite.harness import assert_same, check, convolutions, example
from tests.rewrite.subjects import randomised

KINDS: dict[int, tuple[Any, Any]] = {1: (nn.ConvTranspose1d, nn.BatchNorm1d), 2: (nn.ConvTranspose2d, nn.BatchNorm2d),
                                     3: (nn.ConvTranspose3d, nn.BatchNorm3d)}
SHAPES = {1: (2, 4, 7), 2: (2, 4, 5, 6), 3: (2, 4, 3, 4, 3)}


def branch(spatial: int, size: int, norm: bool = True, leaving: int = 4, **settings: Any) -> nn.Module:
    """A transposed convolution, with its batch norm."""
    conv, behind = KINDS[spatial]
    turned = conv(4, leaving, size, bias=not norm, **settings)
    return nn.Sequential(turned, behind(leaving)) if norm else turned


@pytest.mark.parametrize("spatial", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_kernel_and_smaller_ones(spatial: int, groups: int, stride: int) -> None:
    settings = {"stride": stride, "groups": groups}
    more = {"output_padding": 1} if stride > 1 else {}
    check(Total(branch(spatial, 5, padding=2, **more, **settings), branch(spatial, 3, padding=1, **more, **settings),
                branch(spatial, 1, norm=False, **more, **settings)), SHAPES[spatial], known=spatial == 1)


def test_kernels_at_one_side_and_dilated() -> None:
    one = branch(2, 4, stride=2, padding=1)  # taps at -1 to 2
    check(Total(one, branch(2, 2, stride=2)), SHAPES[2])  # taps at 0 and 1
    check(Total(branch(2, 5, padding=2), branch(2, 3, padding=2, dilation=2), branch(2, 1)), SHAPES[2])
    check(Total(branch(2, 3, padding=3, dilation=3), branch(2, 1)), SHAPES[2])


def test_terms_signs_and_functions() -> None:
    weights = [nn.Parameter(torch.randn(4, 6, k, k, dtype=torch.float64)) for k in (3, 1)]

    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = weights

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            one = functional.conv_transpose2d(x, self.a, None, 2, 1, 1)
            return one - 0.5 * functional.conv_transpose2d(x, self.b, None, 2, 0, 1)

    model = Turned().eval()
    x = example(SHAPES[2])
    with torch.no_grad():
        assert_same(model(x), fuse(model, [x])(x))
    assert convolutions(fuse(model, [x])) == 1


@pytest.mark.parametrize(("parts", "reason"), [
    (lambda: (branch(2, 3, stride=2, padding=1, output_padding=1), branch(2, 2, stride=2, groups=2)), "channels"),
    (lambda: (branch(2, 3, padding=1), nn.Sequential(nn.ReLU(), branch(2, 1))), ""),
], ids=["groups", "other input"])
def test_what_stays(parts: Any, reason: str) -> None:
    made = fuse(randomised(Total(*parts())), [example(SHAPES[2])])
    assert convolutions(made) == 2
    assert {s.name for s in made.meta["report"].skipped} == ({reason} if reason else set())


def test_a_transposed_and_a_plain_branch_stay_apart() -> None:
    model = randomised(Total(branch(2, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)))
    made = check(model, SHAPES[2], convs=2, reasons=["transposed"], prepared=True)
    assert convolutions(made) == 2


@pytest.mark.parametrize("spatial", [1, 2, 3])
@pytest.mark.parametrize("settings", [{}, {"stride": 2}, {"padding": 1}], ids=str)
def test_a_shift_before_one_stays_and_a_factor_does_not(spatial: int, settings: dict[str, int]) -> None:
    """At the border fewer taps add up, so that a shift of every cell is no bias of the result."""
    shape = (1, 4, *(1,) * spatial)

    class Moved(nn.Module):
        def __init__(self, shift: float) -> None:
            super().__init__()
            self.register_buffer("factor", torch.randn(shape, dtype=torch.float64))
            self.register_buffer("shift", shift * torch.randn(shape, dtype=torch.float64))
            self.turned = KINDS[spatial][0](4, 6, 3, **settings).double()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.turned(x * self.factor + self.shift)

    x = example(SHAPES[spatial])
    for shift, steps in ((1.0, 1), (0.0, 0)):
        model = Moved(shift).eval()
        made = fuse(model, [x])
        with torch.no_grad():
            assert_same(model(x), made(x))
        added = [node for node in made.graph.nodes if "add" in node.name]
        assert len(added) == steps, made.code
