"""Losses that remember something go on with it: priors, and the statistics of what they cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlang.train import fit
from tests.train.kept.test_resume import halted, resumed, same
from tests.train.nets import bars, tiny

LOSSES = {
    "statistics": "mixture_em(logits)",
    "priors": "mixture_em(logits, prior = ema, statistics = none)",
    "of two views": "agreement(logits)",
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_what_a_loss_remembers_goes_on(tmp_path: Path, loss: str) -> None:
    train = f"""
train {{
  loss      = cross_entropy(logits, label) + {loss}
  optimizer = sgd(lr = 0.1)
  augment   = [shift(1)]
  phase all {{ epochs = 2 }}
}}
"""
    whole = fit(tiny(train), bars())
    halted(train, tmp_path, 2, checkpoint_every=1)
    assert same(resumed(train, tmp_path)[0], whole)
