"""`pbconv` in the language: what it becomes, what it counts, and that fused it is one convolution for each."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlang
from archlang.analysis import report
from archlang.analysis.table import table
from archlang.kernels import candidate
from archlang.ops import Size
from archlang.views.compose import compose

NET = """archlang 1
network N {{
  input x: [4, {side}, {side}]
  output x -> pbconv({arguments})
}}
"""
CASES = [
    ("3x3, 8, kernels = [3x1 at (1, 2), 1x3 at (2, 1), 3x1 at (1, 1), 3x1 at (1, 3)]", 9),
    ("3x3, 8, kernels = propose(seed = 2), stride = 2", 9),
    ("5x5, 8, kernels = propose(seed = 1), stride = 3, dilation = 2, padding = 3", 12),
    ("3x3, kernels = propose(seed = 4), groups = channels, multiplier = 2", 6),
    ("7x7, 4, kernels = acb, groups = 2", 2),
    ("3x3, 8, kernels = acb, padding = none", 5),
    ("4x2, 8, kernels = propose(seed = 3)", 7),
    ("3x5, 8, kernels = propose(seed = 3), norm = false, padding_mode = reflect", 7),
    ("3x3, 8, kernels = propose(seed = 5), padding_mode = circular", 7),
    ("3x3, 8, kernels = dbb, stride = 2", 9),
    ("3x3, kernels = dbb, groups = channels", 6),
    ("3x3, 8, kernels = dbb, norm = false", 6),
    ("3x3, 8, kernels = dbb(mean = false), dilation = 2", 9),
    ("3x3, 8, kernels = none", 6),
]


def made(arguments: str, side: int) -> tuple[archlang.Network, nn.Module, torch.Tensor]:
    """A network, its model with statistics of its own in float64, and an input."""
    torch.manual_seed(1)
    net = archlang.loads(NET.format(arguments=arguments, side=side))
    model = archlang.compile(net, seed=3)
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.25, 4)
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
    return net, model.double().eval(), torch.randn(2, 4, side, side, dtype=torch.float64)


@pytest.mark.parametrize(("arguments", "side"), CASES)
def test_fused_it_is_one_convolution(arguments: str, side: int) -> None:
    net, model, x = made(arguments, side)
    fused = archlang.fuse(model)
    with torch.no_grad():
        before, after = model(x), fused(x)
    assert (before - after).abs().max() <= 1e-10 * (1 + before.abs().max())
    convs = [m for m in fused.modules() if isinstance(m, nn.Conv2d)]
    assert len(convs) == 1 and not any(isinstance(m, nn.BatchNorm2d) for m in fused.modules())
    assert tuple(before.shape[1:]) == net.graph.type(net.graph.outputs[0].port).dims
    assert sum(p.numel() for p in model.parameters()) == net.parameters


def test_names_and_counts() -> None:
    net, model, _ = made(CASES[0][0], 9)
    names = list(model.state_dict())
    assert names[0] == "pbconv.0.conv.weight" and "pbconv.4.batch_norm.running_mean" in names
    assert net.parameters == 8 * 4 * (9 + 4 * 3) + 5 * 16
    assert "pbconv.0.conv.bias" not in names


def test_biases_without_norms() -> None:
    _, model, _ = made("3x3, 8, kernels = acb, norm = false", 6)
    assert [n for n in model.state_dict() if "bias" in n] == ["pbconv.0.conv.bias"]


def test_new_branches_may_start_at_nothing() -> None:
    for extra in ("gamma = 0", "gamma = 0, norm = false"):
        boosted = archlang.loads(NET.format(arguments=f"3x3, 8, kernels = propose(seed = 1), {extra}", side=6))
        plain = archlang.loads(NET.format(arguments=f"3x3, 8, kernels = none, {extra}", side=6))
        one, other = archlang.compile(boosted).eval(), archlang.compile(plain).eval()
        other.load_state_dict({k: v for k, v in one.state_dict().items() if k.startswith("pbconv.0.")})
        x = torch.randn(1, 4, 6, 6)
        assert torch.allclose(one(x), other(x), atol=1e-6)


def test_the_map_of_coverage_stands_in_the_graph() -> None:
    net, _, _ = made(CASES[0][0], 9)
    (total,) = [node for node in net.graph if node.op.name == "boosted_sum"]
    assert total.args["coverage"] == "1 1 1 / 2 2 2 / 1 1 1" and total.args["kernel"] == Size((3, 3))
    proposed, _, _ = made("5x5, 8, kernels = propose(seed = 7, types = 2, rules = no_centre)", 9)
    (total,) = [node for node in proposed.graph if node.op.name == "boosted_sum"]
    assert [str(k) for k in total.args["kernels"]] == [str(w) for w in candidate((5, 5), 7, 2, "no_centre")]


def test_reports_and_pictures_show_the_map() -> None:
    net, _, _ = made(CASES[0][0], 9)
    shown = table(report(net))
    assert "1 1 1 / 2 2 2 / 1 1 1" in shown and "pbconv.4 of 5" in shown
    (box,) = [b for b in compose(net.graph, 9).boxes if "1 1 1" in b.lines]
    assert box.lines[-4:] == ("sum of branches over 3x3", "1 1 1", "2 2 2", "1 1 1")
