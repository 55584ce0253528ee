"""Boosted convolutions in other forms: numbers, gradients, statistics and weights of one operation at a time."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

import archlang
from archlang.emit import emit
from archlang.layers import channelwise, embedded, window_mean
from tests.emit.test_grouped import assert_equal_in_training

FORMS = {
    "acb": ("3x3, 6, kernels = acb", ("embedded",)),
    "dbb": ("3x3, 5, kernels = dbb", ("embedded", "window_mean")),
    "depthwise dbb": ("3x3, kernels = dbb, groups = channels, stride = 2", ("channelwise", "window_mean")),
    "multiplied depthwise": ("3x3, kernels = dbb, groups = channels, multiplier = 2", ("channelwise", "window_mean")),
    "small kernels alone": ("5x3, 5, kernels = propose(seed = 4), norm = false", ("embedded",)),
    "strided, dilated": ("3x3, 5, kernels = propose(seed = 2), stride = 2, dilation = 2, padding = 2", ("embedded",)),
    "even": ("4x4, 5, kernels = propose(seed = 1)", ("embedded",)),
    "mirrored": ("3x3, 6, kernels = dbb, padding_mode = reflect", ("window_mean",)),
    "in groups": ("3x3, 4, kernels = dbb, groups = 2, norm = false", ("window_mean",)),
}


def network(boosted: str) -> archlang.Network:
    return archlang.loads(f"archlang 1\nnetwork N {{\n  input image: [4, 9, 8]\n"
                          f"  output image -> pbconv({boosted}) -> relu\n}}\n")


@pytest.mark.parametrize("name", FORMS)
def test_equal_to_operation_by_operation(name: str) -> None:
    boosted, wanted = FORMS[name]
    graph = network(boosted).graph
    joined = assert_equal_in_training(graph, [torch.randn(5, 4, 9, 8, dtype=torch.float64)])
    called = {getattr(node.target, "__name__", "") for node in joined.graph.nodes}
    assert called.issuperset(wanted)
    loop = {getattr(node.target, "__name__", "") for node in emit(graph, parallel="loop").graph.nodes}
    assert not loop & {"embedded", "window_mean", "channelwise"}


def test_usual_form_keeps_kernels_apart() -> None:
    called = {getattr(node.target, "__name__", "") for node in archlang.compile(network(FORMS["dbb"][0])).graph.nodes}
    assert "window_mean" in called and "embedded" not in called


@pytest.mark.parametrize("shape", [(6, 1, 1, 1), (8, 1, 1, 1), (2, 2, 3, 3), (4, 1, 3, 3), (6, 2, 3, 2)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1)])
def test_channelwise_is_torchs_convolution(shape: tuple[int, ...], stride: tuple[int, int]) -> None:
    weight = torch.randn(shape, dtype=torch.float64)
    groups = {6: 2, 8: 4, 2: 2, 4: 4}[shape[0]]
    x = torch.randn(2, shape[1] * groups, 5, 6, dtype=torch.float64)
    expected = functional.conv2d(x, weight, None, stride, groups=groups)
    torch.testing.assert_close(channelwise(x, weight, stride, groups), expected, rtol=1e-12, atol=1e-12)


def test_mean_of_windows_is_torchs() -> None:
    x = torch.randn(2, 3, 7, 6, dtype=torch.float64)
    expected = functional.avg_pool2d(x, (3, 2), (2, 1), (1, 0))
    torch.testing.assert_close(window_mean(x, (3, 2), (2, 1), (1, 0)), expected, rtol=1e-12, atol=1e-12)


def test_narrow_numbers_run_as_torch_has_them() -> None:
    x = torch.randn(2, 3, 7, 6, dtype=torch.bfloat16)
    assert torch.equal(window_mean(x, (3, 3)), functional.avg_pool2d(x, (3, 3), (1, 1)))
    weight = torch.randn(3, 1, 1, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert channelwise(x.float(), weight, groups=3).dtype == torch.bfloat16


def test_embedded_is_each_convolution() -> None:
    x = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    large, small, bias = (torch.randn(size, dtype=torch.float64) for size in ((4, 3, 3, 3), (4, 3, 2, 1), (4,)))
    main = functional.conv2d(x, large, bias, (2, 1), (1, 1))
    # At (2, 3) the small kernel reads the lower two rows of the last column.
    other = functional.conv2d(functional.pad(x, (1, 1, 1, 1))[:, :, 1:, 2:], small, None, (2, 1))
    expected = torch.cat([main, other], 1)
    found = embedded(x, (large, small), [(2, 3)], bias, (2, 1), (1, 1))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("groups", [1, 6])
def test_boosted_models_train_alike(groups: int) -> None:
    conv = nn.Conv2d(6, 6, 3, padding=1, groups=groups, bias=False)
    model = nn.Sequential(conv, nn.BatchNorm2d(6)).double()
    quick = archlang.boost(model, kernels="dbb", gamma="one").train()
    plain = copy.deepcopy(quick)
    # Somebody who watches a module wants it called.
    calls: list[int] = []
    for branch in plain[0].branches:
        for step in branch:
            step.register_forward_hook(lambda *_: calls.append(1))

    x = torch.randn(4, 6, 7, 8, dtype=torch.float64, requires_grad=True)
    one, other = quick(x), plain(x)
    torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)
    grads = [torch.autograd.grad((y**3).sum(), [x, *m.parameters()]) for y, m in ((one, quick), (other, plain))]
    torch.testing.assert_close(*grads, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(quick.state_dict(), plain.state_dict(), rtol=1e-11, atol=1e-11)
    assert len(calls) == sum(len(branch) for branch in plain[0].branches)
