"""Chance while a model runs is torch's: its seed governs it, and compiling another model has no part in it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from archlang import compile, fuse, loads

NET = "archlang 1\nnetwork N {{\n  input x: {}\n  output x -> {}\n}}\n"

DRAWING = [
    ("[8]", "dropout(0.5)"), ("[4, 3, 3]", "drop_channels(0.5)"), ("[4, 3, 3]", "residual { relu -> drop_path(0.5) }"),
    ("[8]", "noise(std = 0.5)"), ("[8]", "noise(x -> linear(8))"), ("[5, 4]", "attention(2, dropout = 0.5)"),
    ("[5, 4]", "attention(2, dropout = 0.5, positions = rotary, causal = true)"),
    ("[4, 4, 4]", "window_attention(2, 2x2, dropout = 0.5)"), ("[5, 4]", "lstm(4, layers = 2, dropout = 0.5)"),
    ("[8]", "branches(words(\"110\", \"101\", \"011\"), drop = 0.5) { linear(3) -> relu } -> energy_normalize -> sum"),
]


@pytest.mark.parametrize(("size", "flow"), DRAWING)
def test_torchs_seed_governs_it(size: str, flow: str) -> None:
    model = compile(loads(NET.format(size, flow)))
    x = torch.rand(6, *loads(NET.format(size, flow)).graph.inputs[0].type.dims)

    def run(seed: int, between: bool = False) -> torch.Tensor:
        torch.manual_seed(seed)
        if between:
            fuse(compile(loads(NET.format(size, flow)), seed=seed).eval())
        return model(x)

    with torch.random.fork_rng():
        first = run(3)
        assert torch.equal(run(3), first) and torch.equal(run(3, between=True), first)
        assert not torch.equal(run(4), first)
        assert not torch.equal(model(x), model(x))  # one draw after the other
        model.eval()
        assert torch.equal(model(x), model(x))


@pytest.mark.parametrize(("size", "flow", "module"), [
    ("[8]", "dropout(0.3)", nn.Dropout(0.3)), ("[4, 3, 3]", "drop_channels(0.3)", nn.Dropout2d(0.3)),
])
def test_the_draws_are_those_of_torchs_modules(size: str, flow: str, module: nn.Module) -> None:
    net = loads(NET.format(size, flow))
    x = torch.rand(6, *net.graph.inputs[0].type.dims)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        found = compile(net)(x)
        torch.manual_seed(7)
        assert torch.equal(found, module(x))
