"""Specs of patch experts: canonical, of exactly the predicted size, counted by hand, and running."""

from __future__ import annotations

import pytest
import torch

from archlang.compiler import compile
from archlang.elaborate import check, load
from archlang.source import Source
from archlang.syntax import parse
from archlang.syntax.printer import print_file
from tests.specs.rows import ROOT

FILES = sorted((ROOT / "specs" / "pce").glob("*.arch"))


def layer(entering: int, c: int, n: int) -> int:
    """Parameters of one layer: C + 4 channels in, a projection to 8, keys of 168, n residual experts, a last 3x3."""
    seen = entering + 4
    router = 9 * seen * 8 + 8 + 168 * n
    shortcut = seen * c + 2 * c if seen != c else 0
    expert = 9 * seen * c + 9 * c * c + 4 * c + shortcut
    return router + n * expert + 9 * c * c + c


def size(widths: tuple[int, ...], entering: int, n: int, classes: int) -> int:
    """Layers, then a pyramid of 21 cells and a dense map."""
    pairs = zip((entering, *widths[:-1]), widths, strict=True)
    return sum(layer(a, b, n) for a, b in pairs) + (21 * widths[-1] + 1) * classes


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_checked_canonical_and_trained(path):
    text = path.read_text()
    assert check(path) == ()
    tree = parse(Source(path.name, text))
    assert print_file(tree) == text and tree.doc
    assert load(path).graph.plan is not None


@pytest.mark.parametrize(("name", "n", "widths", "entering", "parameters"), [
    ("pce_cifar10", 4, (16, 32, 32, 64), 3, 483_218), ("pce_cifar10", 2, (16, 32, 32, 64), 3, 280_786),
    ("pce_tiny", 4, (12, 24), 1, 58_982), ("pce_tiny", 1, (12, 24), 1, 24_566),
])
def test_sizes(name, n, widths, entering, parameters):
    net = load(ROOT / "specs" / "pce" / f"{name}.arch", {"n": n})
    assert net.parameters == parameters == size(widths, entering, n, 10)


def test_ever_smaller_patches():
    graph = load(ROOT / "specs" / "pce" / "pce_cifar10.arch").graph
    grids = [(str(node.args["size"]), node.args["rows"]) for node in graph if node.op.name == "cut_patches"]
    assert grids == [("16x16", 2), ("8x8", 4), ("8x8", 4), ("4x4", 8)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_step_of_training(path):
    net = load(path)
    model = compile(net)
    x = torch.randn(4, *net.graph.inputs[0].type.dims)
    model(x).square().mean().backward()
    assert sum(p.numel() for p in model.parameters()) == net.parameters
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    assert model.eval()(x).shape == (4, 10)


@pytest.mark.parametrize(("dense", "sparse", "dials", "experts"), [
    ("dense_tiny", "pce_tiny", {}, "one"), ("dense_tiny", "pce_tiny", {"first": 19, "second": 45}, "all"),
    ("dense_cifar10", "pce_cifar10", {}, "one"),
])
def test_dense_networks_have_the_flops_they_say(dense, sparse, dials, experts):
    graph = load(ROOT / "specs" / "pce" / f"{sparse}.arch").graph
    others = [n for n in graph if n.members and n.members[-1].kind == "experts" and n.members[-1].index]
    saved = sum(n.rows * n.op.flops(graph.call(n)) for n in others) if experts == "one" else 0
    whole = graph.flops
    assert load(ROOT / "specs" / "pce" / f"{dense}.arch", dials).flops == pytest.approx(whole - saved, rel=0.01)
