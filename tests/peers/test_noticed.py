"""The comparison notices what differs: each fault is put in one at a time, and each must be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

import archlang
from tests.peers import of_specs, of_std
from tests.peers.comparing import Pair, equal
from tests.peers.papers import coded, multipath
from tests.peers.papers.residual import Basic

BASIC = """archlang 1
network N {
  input x: [8, 12, 12]
  body = x -> conv(3x3, 6, stride = 2) -> batch_norm -> relu -> conv(3x3, 6) -> batch_norm
  output body -> add(x -> conv(1x1, 6, stride = 2) -> batch_norm) -> relu
}
"""

FAULTS = {
    "eps": ("6) -> batch_norm\n", "6) -> batch_norm(eps = 1e-6)\n"),
    "momentum": ("6) -> batch_norm\n", "6) -> batch_norm(momentum = 0.01)\n"),
    "no activation": ("batch_norm -> relu -> conv", "batch_norm -> conv"),
    "another activation": ("batch_norm -> relu -> conv", "batch_norm -> relu6 -> conv"),
    "stride at the other convolution": (
        "conv(3x3, 6, stride = 2) -> batch_norm -> relu -> conv(3x3, 6)",
        "conv(3x3, 6) -> batch_norm -> relu -> conv(3x3, 6, stride = 2)",
    ),
    "padding of another kind": ("conv(3x3, 6)", "conv(3x3, 6, padding_mode = replicate)"),
    "dilation": ("conv(3x3, 6)", "conv(3x3, 6, dilation = 2)"),
    "a bias": ("conv(3x3, 6)", "conv(3x3, 6, bias = true)"),
    "no last activation": ("-> batch_norm) -> relu", "-> batch_norm)"),
    "a dropout": ("conv(3x3, 6)", "dropout(0.1) -> conv(3x3, 6)"),
    "no statistics": ("6) -> batch_norm\n", "6) -> batch_norm(running = false)\n"),
}


def basic(text: str) -> Pair:
    """A text beside the basic block."""
    return Pair("N", "He et al. 2016", lambda: archlang.loads(text), lambda: Basic(8, 6, 2))


def test_without_a_fault_nothing_is_noticed() -> None:
    equal(basic(BASIC))


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_a_text_is_noticed(fault: str) -> None:
    before, after = FAULTS[fault]
    assert BASIC.count(before) == 1
    with pytest.raises(AssertionError):
        equal(basic(BASIC.replace(before, after)))


def _pair(ours: str, judge: str = "") -> Pair:
    tables = [*of_specs.PAIRS, *of_std.PAIRS]
    return next(pair for pair in tables if pair.ours == ours and judge in pair.judge)


def _softmax_over_inputs(xs: list[torch.Tensor], first: torch.Tensor, second: torch.Tensor) -> list[torch.Tensor]:
    scores = torch.stack([torch.relu(x.mean((2, 3)) @ a.T) @ b.T for x, a, b in zip(xs, first, second, strict=True)])
    return list(torch.softmax(scores, 0))


class OverInputs(multipath.CrossConnection):
    """Gates whose softmax runs over the inputs instead of the outputs."""

    def forward(self, xs: list[torch.Tensor]) -> list[torch.Tensor]:
        g = _softmax_over_inputs(xs, self.first, self.second)
        return [
            torch.stack([g[i][:, j, None, None, None] * x for i, x in enumerate(xs)]).sum(0)
            for j in range(self.second.shape[1])
        ]


def test_gates_over_inputs_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipath, "CrossConnection", OverInputs)
    with pytest.raises(AssertionError, match="differs"):
        equal(_pair("specs/multipath/resnet_cifar_cc"))


@pytest.mark.parametrize("wrong", [
    lambda x: (x * x).sum((1, 2, 3)), lambda x: x.abs().mean((1, 2, 3)), lambda x: x.square().mean((1, 2, 3)).detach(),
], ids=["sum for mean", "no squares", "no gradient"])
def test_energies_are_noticed(monkeypatch: pytest.MonkeyPatch, wrong: Callable[[torch.Tensor], torch.Tensor]) -> None:
    monkeypatch.setattr(coded, "energy", wrong)
    with pytest.raises(AssertionError, match="differs"):
        equal(_pair("std.coded.coded"))


def test_a_gradient_alone_is_noticed() -> None:
    """Outputs and statistics are equal, one gradient is cut off."""
    pair = _pair("std.resnet.basic")

    class Cut(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = self.inner(x)
            return made + 0.5 * (x.mean() - x.mean().detach())

    with pytest.raises(AssertionError, match="gradient of input 0"):
        equal(replace(pair, peer=lambda: Cut(pair.peer())))
