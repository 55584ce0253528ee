"""Kernels that train as branches with constant factors would: weight by weight those of branches that are there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import nn

import archlang
from archlang import ArchError
from archlang.train import Tensors, fit
from archlang.train.data.splits import Data
from archlang.train.optimization.scaled_gradients import kernels_of

NET = """archlang 1
network Plain {{
  input x: [3, 6, 6] (mean = 0, std = 1)
  first  = x -> conv(3x3, 4, stride = 2, bias = false)
  second = first -> conv(3x3, 4, bias = false, groups = {groups})
  logits = second -> global_avg_pool -> linear(2)
  output logits
}}
train {{
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.5, momentum = 0.9, weight_decay = 0.01, {branches})
  batch     = 8
  phase all {{ epochs = 6 }}
}}
"""


class Branches(nn.Module):
    """`s W x + t w x + u v x`, each part there (RepOptimizer, eq. 1): the last scales channels, at stride 1."""

    def __init__(self, whole: torch.Tensor, constants: Sequence[float], stride: int, groups: int) -> None:
        super().__init__()
        leaving, entering = whole.shape[:2]
        self.s, self.t, *more = constants
        self.stride, self.groups = stride, groups
        self.point = nn.Parameter(torch.zeros(leaving, entering, 1, 1))
        self.scale = nn.Parameter(torch.zeros(leaving)) if more and stride == 1 else None
        self.u = more[0] if more else 0.0
        self.large = nn.Parameter(whole / self.s)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[batch, C, H, W] to [batch, C', H', W']."""
        y = self.s * nn.functional.conv2d(x, self.large, None, self.stride, 1, 1, self.groups)
        y = y + self.t * nn.functional.conv2d(x, self.point, None, self.stride, 0, 1, self.groups)
        return y if self.scale is None else y + self.u * self.scale[:, None, None] * x

    def whole(self) -> torch.Tensor:
        """The kernel that all of them are."""
        kernel = self.s * self.large.detach().clone()
        kernel[:, :, 1, 1] += self.t * self.point.detach()[:, :, 0, 0]
        if self.scale is not None:
            rows = torch.arange(len(kernel))
            kernel[rows, rows % kernel.shape[1], 1, 1] += self.u * self.scale.detach()
        return kernel


@pytest.mark.parametrize(("constants", "groups"), [((1.5, 0.5), 1), ((1.5, 0.5, 0.7), 1), ((0.5, 1, 2), 2)])
def test_they_train_as_branches_that_are_there(constants: tuple[float, ...], groups: int) -> None:
    torch.set_num_threads(1)
    samples = torch.rand(8, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(8) % 2
    net = archlang.loads(NET.format(groups=groups, branches=f"branches = {list(constants)}"))
    started = archlang.compile(net, seed=0)
    result = fit(net, Data("mine", Tensors(samples, labels), Tensors(samples, labels)), seed=0, device="cpu")

    before = started.state_dict()
    first = Branches(before["first.conv.weight"], constants, 2, 1)
    second = Branches(before["second.conv.weight"], constants, 1, groups)
    last = nn.Linear(4, 2)
    last.load_state_dict({name: before[f"logits.linear.{name}"] for name in ("weight", "bias")})
    model = nn.Sequential(first, second, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)
    descent = torch.optim.SGD(model.parameters(), 0.5, 0.9, weight_decay=0.01)
    for _ in range(6):
        descent.zero_grad()
        nn.functional.cross_entropy(model(samples), labels).backward()
        descent.step()

    after = result.model.state_dict()
    assert not torch.allclose(before["first.conv.weight"], after["first.conv.weight"], atol=1e-3)
    for made, branches in (("first", first), ("second", second)):
        assert torch.allclose(after[f"{made}.conv.weight"], branches.whole(), atol=1e-5), made
    assert torch.allclose(after["logits.linear.weight"], last.weight, atol=1e-5)


def test_a_group_says_which_and_the_rest_is_left_alone() -> None:
    text = NET.format(groups=1, branches='groups = [group("second", branches = [2, 1])]')
    assert kernels_of(archlang.loads(text).graph) == {"first.conv.weight": False, "second.conv.weight": True}
    for optimiser, wrong in (("adam(lr = 0.1, branches = [1, 1])", "unknown-argument"),
                             ("sgd(lr = 0.1, branches = [1])", "out-of-range")):
        start = text.index("optimizer = ")
        with pytest.raises(ArchError) as caught:
            archlang.loads(text[:start] + f"optimizer = {optimiser}\n" + text[text.index("  batch"):])
        assert [problem.name for problem in caught.value.diagnostics] == [wrong]


def test_a_kernel_without_a_middle_is_refused() -> None:
    text = NET.format(groups=1, branches="branches = [1, 1]")
    net = archlang.loads(text.replace("conv(3x3, 4, bias", "conv(2x2, 4, bias"))
    data = Data("mine", *[Tensors(torch.rand(8, 3, 6, 6), torch.arange(8) % 2)] * 2)
    with pytest.raises(ArchError, match="a kernel of 2x2 has no middle"):
        fit(net, data, device="cpu")
