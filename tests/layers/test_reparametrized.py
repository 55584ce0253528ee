"""Kernels that are calculated, beside what torch makes of the same numbers; whatever works on kernels leaves them."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

import archlang
from archlang.layers import ReparametrizedConv

NET = """archlang 1
network N {{
  input x: [4, 7, 7]
  output x -> conv(3x3, 6, weights = {}) -> batch_norm -> relu
}}
"""


def test_weight_norm_is_torchs() -> None:
    theirs = weight_norm(nn.Conv2d(4, 6, (3, 2), groups=2, padding=1, padding_mode="circular")).double()
    made = ReparametrizedConv(4, 6, (3, 2), (1, 1), (1, 1), (1, 1), 2, padding_mode="circular", form="weight_norm")
    made.double()
    assert torch.allclose(made.kernel(), made.weight), "it starts as the kernel that was drawn"

    state = theirs.state_dict()
    made.load_state_dict({"weight": 3 * state["parametrizations.weight.original1"], "bias": state["bias"],
                          "gain": state["parametrizations.weight.original0"]})
    x = torch.randn(2, 4, 6, 5, dtype=torch.float64)
    assert torch.allclose(made(x), theirs(x), atol=1e-13)


@pytest.mark.parametrize("form", ["standardized", "scaled"])
def test_a_standardized_kernel_is_a_batch_norm_of_its_rows(form: str) -> None:
    made = ReparametrizedConv(4, 6, (3,), form=form, gamma=1.7, eps=0.01).double()
    scale = None
    if made.gain is not None:
        nn.init.normal_(made.gain)
        scale = (made.gain * 1.7 * 12**-0.5).flatten()
    rows = functional.batch_norm(made.weight.reshape(1, 6, -1), None, None, scale, None, True, 0, 0.01)
    assert torch.allclose(made.kernel(), rows.reshape(6, 4, 3), atol=1e-13)


@pytest.mark.parametrize("form", ["standardized", "scaled", "weight_norm"])
def test_fusing_changes_nothing(form: str) -> None:
    model = archlang.compile(archlang.loads(NET.format(form))).eval()
    x = torch.randn(2, 4, 7, 7)
    assert torch.allclose(archlang.fuse(model)(x), model(x), atol=1e-5)


def test_it_is_not_boosted() -> None:
    net = archlang.loads(NET.format("weight_norm").replace("relu", "relu -> conv(3x3, 5) -> batch_norm"))
    text = archlang.transform(net, "pbconv").text
    assert "conv(3x3, 6, weights = weight_norm)" in text and "pbconv(3x3, 5" in text
