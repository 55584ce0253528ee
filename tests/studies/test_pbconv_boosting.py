"""Boosted modules: the same numbers at first, one convolution in the end; the paper's equations by plain tensors."""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from torch import nn
from torch.nn import functional

import archlang
from archlang.diagnostics import ArchError
from archlang.kernels import Window, candidate
from archlang.studies import BoostedConv, dispersion, equivalent_kernels, position_map
from archlang.studies.pbconv.positions import folded, merged

torch.set_num_threads(1)


def shaken(model: nn.Module, seed: int = 0) -> nn.Module:
    """Batch norms with statistics of their own (reparam.md, R1)."""
    torch.manual_seed(seed)
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.25, 4)
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
            norm.weight.data[0] = 0
    return model.double().eval()


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    """The gate of all comparisons."""
    return bool((a - b).abs().max() <= 1e-10 * (1 + b.abs().max()))


def one_conv(block: BoostedConv, x: torch.Tensor) -> torch.Tensor:
    """Eq. 5, 8 and 9 with plain tensors: all branches as one convolution of the padded input."""
    convs = [branch[0] for branch in block.branches]
    norms = [branch[1] if len(branch) > 1 else None for branch in block.branches]
    kernels = [folded(c.weight, n) for c, n in zip(convs, norms, strict=True)]
    bias = torch.zeros(convs[0].out_channels, dtype=torch.float64)
    for conv, norm in zip(convs, norms, strict=True):
        b = torch.zeros_like(bias) if conv.bias is None else conv.bias
        bias = bias + (b if norm is None else
                       norm.weight * (b - norm.running_mean) / (norm.running_var + norm.eps).sqrt() + norm.bias)
    total = merged(kernels[0], [(k, (w.row, w.column)) for k, w in zip(kernels[1:], block.windows, strict=True)])
    main = convs[0]
    (rows, columns), mode = main.padding, main.padding_mode
    x = functional.pad(x, [columns, columns, rows, rows], "constant" if mode == "zeros" else mode)
    return functional.conv2d(x, total, bias, main.stride, 0, main.dilation, main.groups)


def test_eq_8_and_9() -> None:
    main, small = torch.zeros(1, 1, 3, 3), torch.tensor([[[[1.0], [2.0]]]])
    expected = torch.zeros(3, 3)
    for i, j in itertools.product(range(1, 4), range(1, 4)):  # I(i, j) = W[i - h + 1, j - w + 1] inside the window
        if 2 <= i <= 3 and j == 3:
            expected[i - 1, j - 1] = small[0, 0, i - 2, 0]
    assert merged(main, [(small, (2, 3))])[0, 0].equal(expected)


def test_eq_1() -> None:
    weight = torch.randn(5, 4, 3, 3)
    sums = torch.stack([weight[:, :, i, j].abs().sum() for i in range(3) for j in range(3)]).reshape(3, 3)
    assert torch.allclose(position_map(weight), sums / sums.max())
    assert position_map(torch.zeros(2, 2, 3, 3)).equal(torch.zeros(3, 3))
    assert dispersion([torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])]) == 0
    assert dispersion([torch.tensor([[0.0, 1.0]])]) == 0.5


CASES = [(k, s, d, g, p) for k in (3, 5, 7) for s in (1, 2, 3) for d in (1, 2, 3) for g in (1, 2, 4) for p in (0, 1, 3)]


@pytest.mark.parametrize(("kernel", "stride", "dilation", "groups", "padding"),
                         [*random.Random(0).sample(CASES, 60), ((1, 7), 1, 1, 1, (0, 3)),
                          ((3, 5), (2, 1), (1, 2), 2, 2)])
@pytest.mark.parametrize("normal", [True, False])
def test_the_sum_of_branches_is_one_convolution(kernel: object, stride: object, dilation: object, groups: int,
                                                padding: object, normal: bool) -> None:
    conv = nn.Conv2d(4, 8, kernel, stride, padding, dilation, groups, bias=not normal)  # type: ignore[arg-type]
    size = (conv.kernel_size[0], conv.kernel_size[1])
    norm = nn.BatchNorm2d(8) if normal else None
    block = shaken(BoostedConv(conv, norm, candidate(size, 5)))
    side = [d * (k - 1) + 5 for d, k in zip(conv.dilation, size, strict=True)]
    x = torch.randn(2, 4, *side, dtype=torch.float64)
    assert close(block(x), one_conv(block, x))


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("kernel", [3, 5])
def test_padding_modes(mode: str, kernel: int) -> None:
    conv = nn.Conv2d(2, 4, kernel, 1, kernel // 2, padding_mode=mode)
    windows = [Window(h, w, r, c) for h, w in ((1, 1), (2, 1), (1, kernel)) for r in range(1, kernel - h + 2)
               for c in range(1, kernel - w + 2)]
    block = shaken(BoostedConv(conv, nn.BatchNorm2d(4), windows))
    x = torch.randn(2, 2, 6, 5, dtype=torch.float64)
    assert close(block(x), one_conv(block, x))


@pytest.mark.parametrize("side", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_every_placement_on_tiny_maps(side: int, kernel: int) -> None:
    windows = [Window(h, w, r, c) for h in range(1, kernel + 1) for w in range(1, kernel + 1)
               for r in range(1, kernel - h + 2) for c in range(1, kernel - w + 2)]
    conv = nn.Conv2d(1, 2, kernel, 1, kernel // 2, bias=False)
    x = torch.randn(1, 1, side, side, dtype=torch.float64)
    for some in (windows[i : i + 60] for i in range(0, min(len(windows), 800), 60)):
        block = shaken(BoostedConv(conv, None, some))
        assert close(block(x), one_conv(block, x))


class Small(nn.Module):
    """A residual network in small, with what must be left alone."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.a, self.na = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.point = nn.Conv2d(8, 8, 1)
        self.twice = nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.Conv2d(8, 4, (1, 3), padding="same", groups=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = torch.relu(x + self.na(self.a(x)))
        return self.last(self.twice(self.twice(self.point(x))))


@pytest.mark.parametrize("kernels", ["pbconv", "acb", "dbb"])
def test_a_boosted_model_computes_the_same_at_first(kernels: str) -> None:
    model = shaken(Small())
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    made = archlang.boost(model, kernels=kernels, seed=7)
    x = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    assert close(made(x), model(x)) and type(made) is Small
    assert [n for n, m in made.named_modules() if isinstance(m, BoostedConv)] == ["stem.0", "a", "last"]
    assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())
    assert not close(archlang.boost(model, kernels=kernels, gamma="one")(x), model(x))


def test_all_branches_learn() -> None:
    made = archlang.boost(Small().train(), gamma="zero")
    made(torch.randn(2, 3, 16, 16)).square().mean().backward()
    small = [b for m in made.modules() if isinstance(m, BoostedConv) for b in list(m.branches)[1:]]
    assert all(b[-1].weight.grad is not None and b[-1].weight.grad.abs().sum() > 0 for b in small)


def test_refusals() -> None:
    with pytest.raises(ArchError, match=r"(?s)cannot trace this Odd.*at test_pbconv_boosting.py"):
        archlang.boost(type("Odd", (nn.Module,), {"forward": lambda self, x: x if x.sum() > 0 else -x})())
    with pytest.raises(ArchError, match="no convolution"):
        archlang.boost(nn.Sequential(nn.Linear(2, 2)))
    for wrong in ({"kernels": "rep"}, {"rules": "x"}, {"gamma": "half"}, {"by": "x"}, {"kernels": []}, {"types": 99}):
        with pytest.raises(ArchError, match="out-of-range"):
            archlang.boost(Small(), **wrong)


TEXT = """archlang 1
network N(boost = none) {
  input x: [3, 9, 9]
  y = x -> pbconv(3x3, 8, kernels = boost, stride = 2) -> relu -> pbconv(5x5, 8, kernels = boost, groups = channels)
  z = y -> pbconv(2x4, 4, kernels = boost, norm = false, dilation = 2, padding_mode = replicate)
  output z
}
"""


@pytest.mark.parametrize("boost", ["none", "acb", "pbconv(seed = 4)", "propose(seed = 9, rules = scan)"])
def test_equivalent_kernels_of_compiled_networks(boost: str) -> None:
    net = archlang.loads(TEXT, boost=boost)
    model = shaken(archlang.compile(net))
    found = equivalent_kernels(model, net.graph)
    assert [tuple(k.shape) for k in found.values()] == [(8, 3, 3, 3), (8, 1, 5, 5), (4, 8, 2, 4)]
    x = torch.randn(2, 3, 9, 9, dtype=torch.float64)
    kernels = list(found.values())
    first = functional.conv2d(x, kernels[0], None, 2, 1)
    wanted = _through(model, net, x) - _through(model, net, torch.zeros_like(x))
    assert close(wanted, first)


def _through(model: nn.Module, net: archlang.Network, x: torch.Tensor) -> torch.Tensor:
    """What enters the first relu."""
    seen: list[torch.Tensor] = []
    relu = next(m for m in model.modules() if isinstance(m, nn.ReLU))
    handle = relu.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        model(x)
    handle.remove()
    return seen[0]


class _Twice(nn.Module):
    """One convolution, called twice, under one name or two."""

    def __init__(self, names: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 3, 3, padding=1)
        self.other = self.one
        self.names = names

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.names == 1:
            return self.one(self.one(x))
        return self.other(self.one(x))


@pytest.mark.parametrize("names", [1, 2])
def test_a_model_whose_convolutions_are_shared_is_told_so(names: int) -> None:
    with pytest.raises(ArchError, match="stays, it is called more than once") as caught:
        archlang.boost(_Twice(names), kernels="acb")
    assert any("called several times" in line for line in caught.value.diagnostics[0].help)
