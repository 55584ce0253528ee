"""Boosted convolutions become plain ones by the methods that re-parameterisation tools call."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import archlang
from archlang.diagnostics import ArchError
from archlang.studies.pbconv.modules import BoostedConv
from tests.rewrite.harness import assert_same
from tests.rewrite.subjects import randomised

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

SHAPES = {1: (2, 4, 13), 2: (2, 4, 11, 12)}


def model(spatial: int, **settings: Any) -> nn.Module:
    """Convolution, batch norm, activation, convolution without a norm."""
    kinds: dict[int, tuple[Any, Any]] = {1: (nn.Conv1d, nn.BatchNorm1d), 2: (nn.Conv2d, nn.BatchNorm2d)}
    conv, norm = kinds[spatial]
    return nn.Sequential(conv(4, 4, 5, **settings), norm(4), nn.ReLU(), conv(4, 4, 3, padding="same"))


@pytest.mark.parametrize(("spatial", "kernels"), [(1, "pbconv"), (1, "dbb"), (2, "pbconv"), (2, "acb"), (2, "dbb")])
@pytest.mark.parametrize("settings", [{"padding": 2}, {"padding": 1, "stride": 2, "groups": 2},
                                      {"padding": 2, "padding_mode": "reflect"}], ids=str)
def test_a_boosted_convolution_becomes_a_plain_one(spatial: int, kernels: str, settings: dict[str, Any]) -> None:
    boosted = randomised(archlang.boost(model(spatial, **settings), kernels=kernels, gamma="one"), seed=5)
    x = torch.randn(SHAPES[spatial], dtype=torch.float64)
    wanted = boosted(x)

    first: Any = boosted[0]
    kernel, bias = first.get_equivalent_kernel_bias()
    assert kernel.shape == first.branches[0][0].weight.shape and bias is not None
    assert len(first.branches) > 1  # asking changes nothing

    parts = [m for m in boosted.modules() if isinstance(m, BoostedConv)]
    assert len(parts) == 2
    for part in parts:
        part.switch_to_deploy()
    assert_same(wanted, boosted(x))
    assert not any(isinstance(m, nn.modules.batchnorm._NormBase) for m in boosted.modules())
    assert sum(isinstance(m, nn.modules.conv._ConvNd) for m in boosted.modules()) == 2


def test_timm_merges_what_was_boosted() -> None:
    from tests.campaign.fusion import timm_networks

    make = timm_networks()["mobilenetv3_small_050"]
    from timm.utils.model import reparameterize_model

    plain, _ = make()
    boosted = randomised(archlang.boost(plain, gamma="one").eval())
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    merged = reparameterize_model(boosted)
    with torch.no_grad():
        assert_same(boosted(x), merged(x))

    parts = [m for m in merged.modules() if isinstance(m, BoostedConv)]
    assert len(parts) > 10 and all(len(p.branches) == 1 for p in parts)
    assert all(len(m.branches) > 1 for m in boosted.modules() if isinstance(m, BoostedConv))  # the model stays


def test_a_boosted_convolution_that_cannot_merge_says_why() -> None:
    boosted = randomised(archlang.boost(model(2, padding=2), kernels="acb"))
    boosted[0].branches[1][1].register_forward_hook(lambda module, args, result: 2 * result)
    with pytest.raises(ArchError, match="hooks") as caught:
        boosted[0].switch_to_deploy()
    assert caught.value.diagnostics[0].name == "pass-does-not-apply"
    assert len(boosted[0].branches) == 3
