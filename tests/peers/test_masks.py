"""Branches left out in training: blocks of one code share what is dropped, survivors are divided by 1 - p."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import archlang
from archlang.layers import BranchMask
from tests.peers.comparing import close
from tests.peers.mapping import copied, in_order
from tests.peers.networks import of_file
from tests.peers.papers import coded
from tests.peers.starts import random
from tests.reference.compare import inputs_for


def recorded(model: nn.Module) -> list[Tensor]:
    """Masks [batch, branches] in the order in which they are drawn, filled while the model runs."""
    masks: list[Tensor] = []
    for module in model.modules():
        if isinstance(module, BranchMask):
            module.register_forward_hook(lambda _m, _i, made: masks.append(made.detach()))
    return masks


@pytest.mark.parametrize("seed", [0, 1])
def test_coded_stages_drop_as_the_paper_says(seed: int) -> None:
    net = of_file("specs/coded_resnext/digits")()
    ours, peer = random(archlang.compile(net)), coded.digits(10).double()
    copied(ours, peer, in_order())
    masks = recorded(ours)
    (x,) = inputs_for(net, 16)

    torch.manual_seed(seed)
    made = ours.train()(x)

    # Two stages with a code each: one mask for both blocks of a stage.
    assert len(masks) == 2
    for mask in masks:
        values = {round(value, 9) for value in mask.flatten().tolist()}
        assert values == {0.0, round(1 / 0.9, 9)}
    assert all(0 < (mask == 0).float().mean() < 0.3 for mask in masks)
    assert not torch.equal(*masks)

    coded.give_masks(peer, masks, (2, 2))
    wanted = peer.train()(x).detach()
    close(made, wanted, float(wanted.abs().max()), "output with dropped branches")


def test_nothing_is_dropped_in_evaluation_mode() -> None:
    net = of_file("specs/coded_resnext/digits")()
    model = random(archlang.compile(net)).eval()
    masks = recorded(model)
    model(*inputs_for(net, 4))
    assert all(bool((mask == 1).all()) for mask in masks)
