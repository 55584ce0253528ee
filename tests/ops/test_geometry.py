"""Padding that differs before and after, against plain tensor operations."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch.nn import functional

from tests.ops.instantiate import inputs, lower, use


@pytest.mark.parametrize("kernel", [2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("mode", ["zeros", "circular", "replicate", "reflect"])
def test_conv_pads_the_odd_cell_right_and_below(kernel: int, stride: int, dilation: int, mode: str) -> None:
    op, call = use("conv", (3, 11, 12), kernel=kernel, channels=4, stride=stride, dilation=dilation, padding_mode=mode)
    module, run = lower(op, call)
    assert module is not None
    (x,) = inputs(call)
    total = dilation * (kernel - 1)
    padded = functional.pad(x, (total // 2, total - total // 2) * 2, mode="constant" if mode == "zeros" else mode)
    state = module.state_dict()
    expected = functional.conv2d(padded, state["weight"], state["bias"], stride, 0, dilation)
    torch.testing.assert_close(run(x), expected)


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("height", [7, 8, 9])
def test_pools_pad_the_odd_cell_right_and_below(size: int, stride: int, height: int) -> None:
    total = size - 1
    pad = (total // 2, total - total // 2) * 2
    op, call = use("max_pool", (3, height, 10), size=size, stride=stride)
    (x,) = inputs(call)
    x = x - 5  # zeros in the padding would win
    expected = functional.max_pool2d(functional.pad(x, pad, value=-math.inf), size, stride)
    torch.testing.assert_close(lower(op, call)[1](x), expected)

    op, call = use("avg_pool", (3, height, 10), size=size, stride=stride)
    expected = functional.avg_pool2d(functional.pad(x, pad), size, stride)
    torch.testing.assert_close(lower(op, call)[1](x), expected)

    op, call = use("avg_pool", (3, height, 10), size=size, stride=stride, count_padding=False)
    share = functional.avg_pool2d(functional.pad(torch.ones_like(x), pad), size, stride)
    torch.testing.assert_close(lower(op, call)[1](x), expected / share)


def test_a_pool_rounds_up_as_torch_does() -> None:
    """Every small size, stride and padding over every small line: a last window counts unless it begins behind it."""
    for cells, size, stride in itertools.product(range(1, 9), range(1, 5), range(1, 5)):
        for padding in range(size // 2 + 1):
            if cells + 2 * padding < size:
                continue
            _, call = use("max_pool1d", (1, cells), size=size, stride=stride, padding=padding, ceil=True)
            expected = functional.max_pool1d(torch.zeros(1, 1, cells), size, stride, padding, ceil_mode=True)
            case = f"{size} cells every {stride} over {cells}, {padding} around"
            assert call.outputs[0].dims == tuple(expected.shape[1:]), case


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (4, 2), (2, 2), (5, 3), (1, 4), (7, 2)])
def test_a_transposed_convolution_multiplies_the_size_by_its_stride(kernel: int, stride: int) -> None:
    _, call = use("conv_transpose", (3, 5, 6), kernel=kernel, channels=2, stride=stride)
    assert call.y.dims == (2, 5 * stride, 6 * stride)


def test_a_sequence_and_a_map_turn_into_each_other() -> None:
    op, call = use("to_sequence", (3, 4, 5))
    (x,) = inputs(call)
    sequence = lower(op, call)[1](x)
    assert torch.equal(sequence[0, 7], x[0, :, 1, 2])
    back, call = use("to_map", (20, 3), height=4, width=5)
    assert torch.equal(lower(back, call)[1](sequence), x)
