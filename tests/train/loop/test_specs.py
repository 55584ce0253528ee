"""Specs of the project train some steps from their own `train { }`: the small ones here, all in a campaign."""

from math import isfinite
from pathlib import Path

import pytest

from archlang.elaborate import load
from tests.campaign.specs import ROOT, SPECS, trainable, trained

LARGEST = 3e8
"""FLOPs a sample of those that train here."""


def small(path: Path) -> bool:
    flops = load(path).flops
    return isinstance(flops, int) and flops <= LARGEST


CASES = [path for path in SPECS if trainable(path) and small(path)]


def test_every_system_has_a_spec_here() -> None:
    assert {path.parent.name for path in CASES} >= {"multipath", "layer_attention", "coded_resnext", "pce"}


@pytest.mark.parametrize("path", CASES, ids=lambda path: str(path.relative_to(ROOT / "specs").with_suffix("")))
def test_a_spec_trains(path: Path) -> None:
    result = trained(path)
    assert result.history
    assert all(isfinite(epoch.train_loss) and not epoch.skipped for epoch in result.history)
