"""Boosting a model whose batch norm holds its activation, as timm's do."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

import archlang
from archlang.studies import BoostedConv
from tests.rewrite.subjects import randomised


class BatchNormAct2d(nn.BatchNorm2d):
    """The function of a batch norm, then an activation."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.drop, self.act = nn.Identity(), nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training,
                                  self.momentum or 0.0, self.eps)
        made: torch.Tensor = self.act(self.drop(x))
        return made


def test_the_activation_stays_behind_the_sum() -> None:
    torch.manual_seed(0)
    model = randomised(nn.Sequential(nn.Conv2d(3, 6, 3, padding=1, bias=False), BatchNormAct2d(6),
                                     nn.Conv2d(6, 4, 5, stride=2, bias=False), BatchNormAct2d(4)))
    boosted = archlang.boost(model, seed=7)
    x = torch.randn(2, 3, 9, 9, dtype=torch.float64)
    wanted = model(x)
    gate = 1e-10 * (1 + wanted.abs().max())
    assert sum(isinstance(m, BoostedConv) for m in boosted.modules()) == 2
    assert (boosted(x) - wanted).abs().max() <= gate
    learned = randomised(boosted, 1)
    fused = archlang.fuse(learned)
    assert (fused(x) - learned(x)).abs().max() <= 1e-10 * (1 + learned(x).abs().max())
    assert sum(isinstance(m, nn.Conv2d) for m in fused.modules()) == 2
