"""What boosting takes of a model, what it leaves and why: lines, functions, exported graphs, the peers as a whole."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

import archlang
from archlang.kernels import Window
from archlang.studies import BoostedConv
from archlang.studies.pbconv.boosting import REASONS
from tests.rewrite.harness import convolutions, norms
from tests.rewrite.subjects import Flow, Twice, randomised

BATCH = {1: (2, 4, 9), 2: (2, 4, 9, 8)}


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """The gate of all comparisons."""
    return one.shape == other.shape and bool((one - other).abs().max() <= 1e-10 * (1 + one.abs().max()))


def blocks(model: nn.Module) -> list[BoostedConv]:
    """The boosted convolutions of a model."""
    return [m for m in model.modules() if isinstance(m, BoostedConv)]


def proved(model: nn.Module, x: torch.Tensor, **options: Any) -> nn.Module:
    """Boosted, the same at gamma 0; boosted with gamma 1 and random statistics, fused to a single convolution each."""
    with torch.no_grad():
        assert same(archlang.boost(model, gamma="zero", **options)(x), model(x))
        made = randomised(archlang.boost(model, gamma="one", **options))
        fused = archlang.fuse(made, [x])
        assert same(made(x), fused(x)) and not same(made(x), model(x))
    assert norms(fused) == 0 and convolutions(fused) == convolutions(torch.fx.symbolic_trace(model))
    return made


@pytest.mark.parametrize("kernels", ["pbconv", "acb", "dbb"])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("settings", [
    {"padding": 1}, {"padding": "same", "bias": False}, {"stride": 2, "padding": 2},
    {"padding": 1, "padding_mode": "reflect"},
], ids=str)
@pytest.mark.parametrize("spatial", [1, 2])
def test_boosted_and_fused_it_is_one_convolution(spatial: int, settings: dict[str, Any], groups: int,
                                                 kernels: str) -> None:
    torch.manual_seed(1)
    conv, norm = ((nn.Conv1d, nn.BatchNorm1d), (nn.Conv2d, nn.BatchNorm2d))[spatial - 1]
    model = randomised(nn.Sequential(conv(4, 4 if groups > 1 else 6, 3, groups=groups, **settings),
                                     norm(4 if groups > 1 else 6), nn.ReLU()))
    made = proved(model, torch.randn(BATCH[spatial], dtype=torch.float64), kernels=kernels)
    assert len(blocks(made)) == 1
    assert str(made.boosting).startswith("0 with 1: ")


def test_the_whole_diverse_branch_block() -> None:
    (block,) = blocks(archlang.boost(nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6)), kernels="dbb"))
    kinds = [[type(m).__name__ for m in branch.modules() if not list(m.children())] for branch in block.branches]
    one = ["Conv2d", "BatchNorm2d"]
    assert kinds == [one, one, one + one, [*one, "AvgPool2d", "BatchNorm2d"]]
    net = archlang.loads("archlang 1\nnetwork N { input x: [4, 8, 8]\n output x -> pbconv(3x3, 6, kernels = dbb) }")
    main = block.get_submodule("branches.0.0")
    theirs = sorted(tuple(p.shape) for p in archlang.compile(net).parameters())
    assert sorted(tuple(p.shape) for p in block.parameters() if p is not main.bias) == theirs


def test_new_branches_learn_in_every_peer() -> None:
    for kernels in ("acb", "dbb"):
        made = archlang.boost(nn.Sequential(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6)).train(), kernels=kernels)
        made(torch.randn(4, 4, 8, 8)).square().mean().backward()
        last = [list(branch.modules())[-1] for branch in blocks(made)[0].branches]
        assert all(norm.training and norm.weight.grad.abs().sum() > 0 for norm in last)  # type: ignore[union-attr, operator]


def left(model: nn.Module, **options: Any) -> dict[str, str]:
    """What stays in a model that has one convolution to boost besides."""
    outer = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), model)
    report = archlang.boost(outer, **options).boosting
    assert [one.name for one in report.boosted] == ["0"]  # type: ignore[union-attr]
    assert str(report).count("left: ") == len(report.left)  # type: ignore[union-attr, arg-type]
    return {one.name: one.reason for one in report.left}  # type: ignore[union-attr]


def hooked() -> nn.Module:
    """A convolution with a hook."""
    conv = nn.Conv2d(4, 4, 3)
    conv.register_forward_hook(lambda module, inputs, output: None)
    return conv


def test_what_stays_has_its_reason() -> None:
    twice = nn.Conv2d(4, 4, 3, padding=1)
    assert left(Flow(lambda m, x: m.conv(m.conv(x)), conv=twice)) == {"1.conv": "shared"}
    assert left(nn.Sequential(twice, twice)) == {"1.0": "shared"}
    assert left(nn.ConvTranspose2d(4, 4, 3)) == {"1": "transposed"}
    assert left(Flow(lambda m, x: m.conv(x[:, :, None]), conv=nn.Conv3d(4, 4, 3, padding=1))) == {"1.conv": "volume"}
    assert left(hooked()) == {"1": "hooks"}
    assert left(parametrizations.weight_norm(nn.Conv2d(4, 4, 3))) == {"1": "parametrised"}
    assert left(Twice(4, 4, 3)) == {"1": "own-class"} or left(Twice(4, 4, 3)) == {"1.conv2d": "own-class"}
    assert left(Flow(lambda m, x: m.conv(x) * m.conv.weight.sum(), conv=nn.Conv2d(4, 4, 3))) == {
        "1.conv": "read-elsewhere"}
    assert left(Flow(lambda m, x: x, conv=nn.Conv2d(4, 4, 3))) == {"1.conv": "not-called"}
    assert left(nn.Conv2d(4, 4, 3, dilation=2), kernels="dbb") == {"1": "dilated"}
    assert left(nn.Conv2d(4, 4, 3, groups=4), kernels="dbb") == {"1": "no-zero"}
    assert left(nn.Conv2d(4, 4, 5), kernels=[Window(3, 3, 1, 1)]) == {"1": "other-size"}
    assert left(nn.Conv2d(4, 4, 1)) == {}


class Functional(nn.Module):
    """Convolutions and a batch norm called as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(6, 4, 3, 3)), nn.Parameter(torch.randn(6))
        self.norm, self.last = nn.BatchNorm2d(6), nn.Parameter(torch.randn(2, 6, 1, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.conv2d(x, self.weight, self.bias, padding=1, stride=2)
        norm = self.norm
        x = functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.1, 1e-3)
        return functional.conv2d(functional.relu(x), self.last)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's own, of copies of exported graphs
def test_functions_are_named_and_boosted_in_graphs() -> None:
    torch.manual_seed(0)
    model = randomised(Functional())
    x = torch.randn(BATCH[2], dtype=torch.float64)
    with pytest.raises(archlang.ArchError, match=r"conv2d left: function"):
        archlang.boost(model)
    for graph in (torch.fx.symbolic_trace(model), torch.export.export(model, (x,)).module()):
        before = {name: tensor.clone() for name, tensor in graph.state_dict().items()}
        made = archlang.boost(graph)
        assert [bool(one.norm) for one in made.boosting.boosted] == [True, False] and not made.boosting.left  # type: ignore[union-attr]
        assert same(made(x), model(x)) and "relu" in str(made.graph)
        assert all(torch.equal(tensor, graph.state_dict()[name]) for name, tensor in before.items())
        changed = randomised(archlang.boost(graph, gamma="one"))
        fused = archlang.fuse(changed, [x])
        assert same(changed(x), fused(x)) and (convolutions(fused), norms(fused)) == (2, 0)


def test_each_layer_its_own_candidate() -> None:
    model = nn.Sequential(*[nn.Conv2d(4, 4, 3) for _ in range(3)])
    by_layer = [b.windows for b in blocks(archlang.boost(model, by="layer", seed=1))]
    assert [b.windows for b in blocks(archlang.boost(model, seed=1))] == by_layer[:1] * 3 and len(set(by_layer)) == 3


def test_every_reason_is_documented() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "pbconv.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in REASONS)
