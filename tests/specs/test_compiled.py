"""Every spec compiles to a model with the predicted numbers, which runs forward and backward."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from archlang.compiler import compile
from archlang.elaborate import load
from tests.specs.rows import SPECS


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_forward_and_backward(path: Path) -> None:
    torch.set_num_threads(1)
    net = load(path)
    model = compile(net)
    assert sum(p.numel() for p in model.parameters()) == net.parameters
    assert sum(b.numel() for b in model.buffers()) == net.buffers
    sizes = net.graph.inputs[0].type.dims
    batch = 2 if sizes[1] == 32 else 1
    logits = model(torch.randn(batch, *sizes))
    assert logits.shape == (batch, net.dials["classes"])
    torch.nn.functional.cross_entropy(logits, torch.arange(batch)).backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None and bool(weight.grad.isfinite().all()), name


@pytest.mark.parametrize("path", [p for p in SPECS if "paths = " in p.read_text()], ids=lambda p: p.stem)
def test_other_dials(path: Path) -> None:
    torch.set_num_threads(1)
    dials = {"paths": 3, "classes": 4} | ({"depth": 8} if "depth = " in path.read_text() else {})
    net = load(path, dials)
    model = compile(net).eval()
    assert sum(p.numel() for p in model.parameters()) == net.parameters
    with torch.no_grad():
        assert model(torch.randn(1, *net.graph.inputs[0].type.dims)).shape == (1, 4)
