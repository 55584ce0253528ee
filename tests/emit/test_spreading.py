"""Vectors and axes of size 1 spread over maps, against torch's own broadcasting; rewritten and exported too."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

import archlang
from archlang.diagnostics import ArchError
from tests.reference.compare import filled

BRANCHES = """archlang 1
network N {
  input x: [4, 8, 8]
  left = x -> conv(3x3, 6) -> batch_norm
  gate = x -> global_avg_pool -> linear(6) -> sigmoid
  rows = x -> conv(1x8, 1, padding = none)
  all  = x -> conv(8x8, 6, padding = none) -> batch_norm
  mask = x -> conv(3x3, 1) -> batch_norm
  output left -> add(all, mask) -> mul(gate) -> sub(rows) -> conv(1x1, 3) -> batch_norm
}
"""


def by_torch(model: nn.Module, x: Tensor) -> Tensor:
    """The same network by torch's operators, with the modules of the compiled one."""
    left = model.left.batch_norm(model.left.conv(x))
    gate = torch.sigmoid(model.gate.linear(x.mean((2, 3))))
    every = model.all.batch_norm(model.all.conv(x))
    mask = model.mask.batch_norm(model.mask.conv(x))
    made = (left + every + mask) * gate[:, :, None, None] - model.rows.conv(x)
    return model.output.batch_norm(model.output.conv(made)) if hasattr(model, "output") else _last(model, made)


def _last(model: nn.Module, made: Tensor) -> Tensor:
    return model.batch_norm(model.conv(made))


@pytest.mark.parametrize("training", [False, True])
def test_spread_sums_and_products_are_torchs(training: bool) -> None:
    model = filled(archlang.compile(archlang.loads(BRANCHES))).train(training)
    other = copy.deepcopy(model)
    x = torch.randn(3, 4, 8, 8, dtype=torch.float64, requires_grad=True)
    made, expected = model(x), by_torch(other, x)
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-9)

    weight = torch.randn_like(made)
    got = torch.autograd.grad((made * weight).sum(), [x, *model.parameters()])
    wanted = torch.autograd.grad((expected * weight).sum(), [x, *other.parameters()])
    for one, two in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-9)


def test_fusion_merges_no_branches_that_are_spread() -> None:
    model = filled(archlang.compile(archlang.loads(BRANCHES))).eval()
    fused = archlang.fuse(model)
    x = torch.randn(3, 4, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(fused(x), model(x), rtol=0, atol=1e-9)
    kinds = [type(module) for module in fused.modules()]
    # Every norm went into its convolution; branches of different sizes stay by themselves.
    assert not any(issubclass(kind, nn.BatchNorm2d) for kind in kinds)
    assert sum(issubclass(kind, nn.Conv2d) for kind in kinds) == 5


def test_a_spread_network_is_exported_with_any_batch() -> None:
    model = archlang.compile(archlang.loads(BRANCHES)).eval()
    exported = torch.export.export(model, (torch.randn(2, 4, 8, 8),), dynamic_shapes=({0: torch.export.Dim("batch")},))
    x = torch.randn(5, 4, 8, 8)
    torch.testing.assert_close(exported.module()(x), model(x))

    fused = archlang.fuse(exported.module())
    torch.testing.assert_close(fused(x), model(x), rtol=1e-4, atol=1e-5)


def test_symbolic_maps_are_spread_over() -> None:
    text = "input x: [4, H, W] where H >= 2\noutput x -> mul(x -> global_avg_pool) -> add(x -> conv(1x1, 1))"
    model = filled(archlang.compile(archlang.loads(f"archlang 1\nnetwork N {{ {text} }}")))
    for size in ((4, 6), (9, 3)):
        x = torch.randn(2, 4, *size, dtype=torch.float64)
        expected = x * x.mean((2, 3), keepdim=True) + model.conv(x)
        torch.testing.assert_close(model(x), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("stages", "mistake"), [
    ("(x, x -> global_avg_pool) -> maximum", "unequal-members"),
    ("(x, x -> conv(1x1, 1)) -> minimum", "unequal-members"),
    ("(x, x -> conv(1x1, 1)) -> sum", "unequal-members"),
    ("x -> maximum", "expected-bundle"),
    ("x -> minimum(x)", "same-twice"),
    ("x -> residual { conv(1x1, 1) }", "shape-mismatch"),
    ("x -> residual(mix = learned) { conv(1x1, 1) }", "shape-mismatch"),
    ("x -> div", "missing-argument"),
    ("x -> div(x -> relu, x -> tanh)", "too-many-arguments"),
])
def test_members_of_bundles_and_residual_flows_stay_equal(stages: str, mistake: str) -> None:
    text = f"archlang 1\nnetwork N {{ input x: [4, 8, 8]\noutput {stages} }}"
    with pytest.raises(ArchError) as caught:
        archlang.loads(text)
    assert caught.value.diagnostics[0].name == mistake
