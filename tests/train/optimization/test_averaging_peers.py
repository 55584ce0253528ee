"""The moving average of weights beside those of torch and timm."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, get_swa_multi_avg_fn

from archlang.ops.values import Option
from archlang.train.optimization.averaging import Average
from tests.peers.libraries import timm

DECAY = 0.9


def moving(model: nn.Module, steps: int = 7) -> Iterator[None]:
    """The steps of a training: weights move, and so do running statistics."""
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(8, 4, generator=generator)).square().mean().backward()
        optimizer.step()
        yield


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2))


def floats(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value for name, value in model.state_dict().items() if value.is_floating_point()}


def test_ema_as_torchs() -> None:
    model = network()
    ours = Average(Option("ema", "average", {"decay": DECAY}), model)
    peer = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(DECAY), use_buffers=True)
    for _ in moving(model):
        ours.step()
        peer.update_parameters(model)
    expected = floats(peer.module)
    assert ours.state().keys() == expected.keys()
    assert all(torch.allclose(value, expected[name], atol=1e-7) for name, value in ours.state().items())


def test_ema_as_timms() -> None:
    timm()
    from timm.utils.model_ema import ModelEmaV3

    model, peer = network(), None
    ours = Average(Option("ema", "average", {"decay": DECAY}), model)
    for _ in moving(model):
        ours.step()
        # timm begins with the weights that it is given: here those after the first step, as ours does.
        if peer is None:
            peer = ModelEmaV3(model, decay=DECAY)
        else:
            peer.update(model)
    expected = floats(peer.module)
    assert all(torch.allclose(value, expected[name], atol=1e-7) for name, value in ours.state().items())


def test_the_plain_mean_as_torchs() -> None:
    model = network()
    ours = Average(Option("swa", "average", {"after": 2}), model)
    peer = AveragedModel(model, multi_avg_fn=get_swa_multi_avg_fn())
    for epoch, _ in enumerate(moving(model), 1):
        ours.epoch(epoch)
        if epoch > 2:
            peer.update_parameters(model)
    expected = dict(peer.module.named_parameters())
    assert all(torch.allclose(value, expected[name], atol=1e-6) for name, value in ours.state().items())
