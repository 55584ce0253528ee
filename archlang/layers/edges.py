"""Edges of images: they stay the same in whatever colours (Tissera 2023, section 4.5.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in grey (ITU-R BT.601)."""


def sobel(x: Tensor) -> Tensor:
    """Horizontal and vertical Sobel planes of the grey image, [batch, C, H, W] to [batch, 2, H, W].

    Three channels are red, green and blue; of another number the mean is grey. The first plane is the change to the
    right, the second the change downwards, an eighth of the usual kernels': a step of 1 a pixel gives 1. Borders are
    repeated.

    >>> ramp = torch.arange(4.0).repeat(1, 1, 4, 1)
    >>> sobel(ramp)[0, :, 1, 1:3]
    tensor([[1., 1.],
            [0., 0.]])
    """
    if x.shape[1] == 3:
        grey = (x * x.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    else:
        grey = x.mean(1, keepdim=True)

    rightwards = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], device=x.device, dtype=x.dtype)
    kernels = torch.stack((rightwards, rightwards.t()))[:, None] / 8
    # With zeros around it, an image would have an edge along its border.
    framed = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    return functional.conv2d(framed, kernels)
