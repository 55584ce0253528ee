"""Fusion on networks of timm, the small dose of `python -m tests.campaign.fusion`."""

from __future__ import annotations

import pytest
import torch

from archlang.rewrite import fuse
from tests.campaign import boosting
from tests.campaign.fusion import SMALL, measure, timm_networks
from tests.rewrite.harness import assert_same, convolutions, norms
from tests.rewrite.subjects import randomised

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", SMALL)
def test_networks_of_timm(name):
    row = measure(name, timm_networks()[name])
    assert row.equal and row.norms and row.left == 0


@pytest.mark.parametrize("name", ["repvgg_a0", "mobilenetv3_small_050"])
def test_networks_of_timm_boosted_and_fused(name):
    row = boosting.measure(name, timm_networks()[name])
    assert row.equal and row.boosted == row.normed > 10 and row.kernels[1] > row.kernels[0]
    assert (row.norms[1], row.left, row.kept) == (0, "", "")


def test_timm_agrees_on_its_own_branches():
    make = timm_networks()["repvgg_a0"]
    from timm.utils.model import reparameterize_model

    model, _ = make()
    model = randomised(model.eval())
    x = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    ours, theirs = fuse(model, [x]), reparameterize_model(model)
    with torch.no_grad():
        assert_same(theirs(x), ours(x))
    assert norms(ours) == 0 and convolutions(ours) == convolutions(torch.fx.symbolic_trace(theirs))
