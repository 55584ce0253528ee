"""Branches of a boosted convolution in forms that run faster than torch's own, with the same results and gradients.

A branch computes what its modules say; these functions take the modules' weights as they are, so that names of weights
do not depend on the form (Hao et al., PBConv, section 4.2; Ding et al. 2021, figure 2).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from archlang.layers.precision import is_in_full

Sizes = tuple[int, ...]
"""A size for each axis of a map: rows and columns."""


def channelwise(x: Tensor, weight: Tensor, stride: Sizes = (1, 1), groups: int = 1) -> Tensor:
    """A convolution of maps without bias and padding whose groups hold one channel, or give one.

    torch runs such groups one after the other. A 1x1 kernel over single channels is a product here, and a group that
    reads k channels is k kernels over single channels, and their sum.

    Args:
        x: [batch, C, H, W].
        weight: [D, C / groups, kh, kw].
        stride: steps between two places.
        groups: parts that the channels are cut into.

    Returns [batch, D, H', W'].

    >>> x, weight = torch.tensor([2.0, 3.0]).reshape(1, 2, 1, 1), torch.tensor([1.0, 10.0]).reshape(2, 1, 1, 1)
    >>> channelwise(x, weight, groups=2).flatten()
    tensor([ 2., 30.])
    """
    leaving, entering = weight.shape[:2]
    if not is_in_full(x):
        return functional.conv2d(x, weight, None, stride, 0, 1, groups)

    if entering == 1 and weight.shape[2:] == (1, 1) and stride == (1, 1):
        scales = weight.reshape(groups, leaving // groups, 1, 1)
        return (x[:, :, None] * scales).flatten(1, 2)

    if leaving == groups and entering == 2:
        each = functional.conv2d(x, weight.reshape(2 * groups, 1, *weight.shape[2:]), None, stride, 0, 1, 2 * groups)
        first, second = each.reshape(x.shape[0], groups, 2, *each.shape[2:]).unbind(2)
        return first + second
    return functional.conv2d(x, weight, None, stride, 0, 1, groups)


def window_mean(x: Tensor, size: Sizes, stride: Sizes = (1, 1), padding: Sizes = (0, 0)) -> Tensor:
    """The mean of each window of each channel, padding counted: [batch, C, H, W] to [batch, C, H', W'].

    A convolution with equal weights: on a CPU torch's own mean took two to six times as long.

    >>> window_mean(torch.arange(4.0).reshape(1, 1, 2, 2), (2, 2)).item()
    1.5
    """
    channels = x.shape[1]
    if x.device.type != "cpu" or not is_in_full(x):
        return functional.avg_pool2d(x, size, stride, padding)

    weight = x.new_full((channels, 1, *size), 1 / (size[0] * size[1]))
    return functional.conv2d(x, weight, None, stride, padding, 1, channels)


def embedded(x: Tensor, weights: Sequence[Tensor], places: Sequence[tuple[int, int]], bias: Tensor | None = None,
             stride: Sizes = (1, 1), padding: Sizes = (0, 0), dilation: Sizes = (1, 1)) -> Tensor:
    """A large kernel and small ones inside it as one convolution, its results side by side.

    Every small kernel stands at its place in a kernel of the large one's size, with zeros around it.

    Args:
        x: [batch, C, H, W].
        weights: the large kernel [D, C, K, L], then the small ones [D, C, k, l].
        places: row and column of each small kernel's top left corner, from (1, 1) on.
        bias: that of the large kernel; the others have none.
        stride, padding, dilation: those of the large kernel.

    Returns [batch, n D, H', W'] for n kernels.

    >>> kernels = torch.ones(1, 1, 1, 2), torch.ones(1, 1, 1, 1)
    >>> embedded(torch.tensor([[[[1.0, 2.0]]]]), kernels, [(1, 2)]).flatten()
    tensor([3., 2.])
    """
    large, *small = weights
    rows, columns = large.shape[2:]
    kernels = [large]
    for weight, (row, column) in zip(small, places, strict=True):
        right, below = columns - column + 1 - weight.shape[3], rows - row + 1 - weight.shape[2]
        kernels.append(functional.pad(weight, (column - 1, right, row - 1, below)))

    whole = bias
    if bias is not None:
        whole = functional.pad(bias, (0, len(small) * len(bias)))
    return functional.conv2d(x, torch.cat(kernels), whole, stride, padding, dilation)
