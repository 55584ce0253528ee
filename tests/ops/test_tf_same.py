"""TensorFlow's SAME and causal padding, against timm and against plain tensor code."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.ops.instantiate import lower, use
from tests.peers.libraries import timm

SIZES = [(7, 8), (8, 8), (9, 12), (5, 6)]


def same_numbers(one: nn.Module | None, run: Any, other: nn.Module, x: Tensor) -> None:
    """Both give the same, and the same gradients, in both modes."""
    for training in (False, True):
        for module in (one, other):
            if module is not None:
                module.double().train(training)
        made, expected = run(x), other(x)
        torch.testing.assert_close(made, expected, rtol=0, atol=1e-9)
        weight = torch.randn_like(made)
        (got,) = torch.autograd.grad((made * weight).sum(), x)
        (wanted,) = torch.autograd.grad((expected * weight).sum(), x)
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-9)


def numbers(*shape: int) -> Tensor:
    return torch.randn(2, *shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_convolutions_pad_as_timms(size: tuple[int, int], kernel: int, stride: int, dilation: int) -> None:
    op, call = use("conv", (3, *size), kernel=kernel, channels=4, stride=stride, dilation=dilation, padding="tf_same")
    module, run = lower(op, call)
    assert module is not None
    other = timm().layers.Conv2dSame(3, 4, kernel, stride=stride, dilation=dilation)
    other.load_state_dict(module.state_dict())
    same_numbers(module, run, other, numbers(3, *size))
    assert call.y.dims[1:] == tuple(-(-n // stride) for n in size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("window", [1, 2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_pools_pad_as_timms(size: tuple[int, int], window: int, stride: int) -> None:
    op, call = use("max_pool", (3, *size), size=window, stride=stride, padding="tf_same")
    same_numbers(None, lower(op, call)[1], timm().layers.pool2d_same.MaxPool2dSame(window, stride), numbers(3, *size))
    op, call = use("avg_pool", (3, *size), size=window, stride=stride, padding="tf_same")
    other = timm().layers.AvgPool2dSame(window, stride)
    same_numbers(None, lower(op, call)[1], other, numbers(3, *size))

    # timm pads first, and then every cell counts; TensorFlow takes the mean of the cells on the map.
    op, call = use("avg_pool", (3, *size), size=window, stride=stride, padding="tf_same", count_padding=False)
    x = numbers(3, *size)
    share = other(torch.ones_like(x))
    torch.testing.assert_close(lower(op, call)[1](x), other(x) / share, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kernel", [1, 2, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dilation", [1, 3])
def test_no_place_of_a_causal_convolution_reads_what_is_behind_it(kernel: int, stride: int, dilation: int) -> None:
    op, call = use("conv1d", (3, 9), kernel=kernel, channels=4, stride=stride, dilation=dilation, padding="causal")
    module, run = lower(op, call)
    assert module is not None
    module.double()
    x = numbers(3, 9)
    padded = functional.pad(x, (dilation * (kernel - 1), 0))
    state = module.state_dict()
    expected = functional.conv1d(padded, state["weight"], state["bias"], stride, 0, dilation)
    torch.testing.assert_close(run(x), expected, rtol=0, atol=1e-9)

    (gradient,) = torch.autograd.grad(run(x)[:, :, 1].sum(), x)
    assert gradient[:, :, stride + 1 :].abs().max() == 0
    assert gradient[:, :, stride].abs().min() > 0


@pytest.mark.parametrize("name", ["max_pool1d", "avg_pool1d"])
def test_causal_pools_look_back_alone(name: str) -> None:
    op, call = use(name, (3, 9), size=4, stride=1, padding="causal")
    x = numbers(3, 9)
    made = lower(op, call)[1](x)
    for at in range(9):
        window = x[:, :, max(0, at - 3) : at + 1]
        expected = window.amax(2) if name == "max_pool1d" else window.sum(2) / 4
        torch.testing.assert_close(made[:, :, at], expected, rtol=0, atol=1e-12)
