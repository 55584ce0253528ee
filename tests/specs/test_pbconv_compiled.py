"""The networks of `specs/pbconv` are in order for every value of their dial; compiled, they hold what was predicted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import archlang
from archlang.elaborate import check
from archlang.source import Source
from archlang.syntax import parse
from archlang.syntax.printer import print_file
from tests.rewrite.harness import convolutions
from tests.rewrite.subjects import randomised
from tests.specs.test_pbconv import FOLDER

FILES = sorted(FOLDER.glob("*.arch"))
BOOSTS = ("none", "acb", "dbb", "pbconv")
SMALLER = {  # with an input that is soon computed, and dials that keep the ends small
    "resnet18": ("[3, 224, 224]", "[3, 32, 32]", {"classes": 3}),
    "repvgg_a0": ("[3, 224, 224]", "[3, 32, 32]", {"classes": 3}),
    "mobilenet_v2": ("[3, 224, 224]", "[3, 32, 32]", {"classes": 3}),
    "unet": ("[3, 256, 256]", "[3, 16, 16]", {"width": 4}),
}


def smaller(name: str, boost: str) -> archlang.Network:
    """A network of the folder, nothing changed but the size of its images."""
    was, now, dials = SMALLER[name]
    text = (FOLDER / f"{name}.arch").read_text()
    assert text.count(was) == 1
    return archlang.loads(text.replace(was, now), boost=boost, **dials)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_checked_and_canonical(path: Path) -> None:
    text = path.read_text()
    tree = parse(Source(path.name, text))
    assert print_file(tree) == text and tree.doc
    for boost in BOOSTS:
        assert check(path, {"boost": boost}) == ()


@pytest.mark.parametrize("name", SMALLER)
@pytest.mark.parametrize("boost", ["dbb", "pbconv"])
def test_compiled_counts_are_the_predicted_ones(name: str, boost: str) -> None:
    net = smaller(name, boost)
    model = archlang.compile(net)
    assert sum(p.numel() for p in model.parameters()) == net.parameters
    assert sum(b.numel() for b in model.buffers()) == net.buffers


@pytest.mark.parametrize(("name", "boost"), [
    ("mobilenet_v2", "pbconv"), ("unet", "pbconv"), ("unet", "acb"), ("unet", "dbb"),
])
def test_they_learn_and_fuse(name: str, boost: str) -> None:
    torch.set_num_threads(1)
    net, plain = smaller(name, boost), smaller(name, "none")
    model = archlang.compile(net).train()
    x = torch.randn(2, 3, *(2 * [32 if name == "mobilenet_v2" else 16]))
    model(x).square().mean().backward()
    for key, weight in model.named_parameters():
        assert weight.grad is not None and bool(weight.grad.isfinite().all()), key
    randomised(model)
    fused = archlang.fuse(model)
    with torch.no_grad():
        before, after = model(x.double()), fused(x.double())
    assert (before - after).abs().max() <= 1e-10 * (1 + before.abs().max())
    assert not any(isinstance(m, nn.BatchNorm2d) for m in fused.modules())
    assert convolutions(fused) == convolutions(archlang.fuse(archlang.compile(plain).eval()))
