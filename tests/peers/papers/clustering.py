"""Networks of neural mixture EM (Tissera 2023, section 4.5 and table 4.2).

The last linear layer has no bias: what standardises its scores takes every bias off again.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.peers.papers.squeezed import Standardized


class Sobel(nn.Module):
    """Grey, then horizontal and vertical Sobel planes (section 4.5.2); an eighth of the kernels, borders repeated.

    The thesis does not give the grey's weights, scale and borders; these are archlang's documented choices
    (`archlang ops sobel`), in plain indexing.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, 2, H, W]."""
        red_green_blue = torch.tensor([0.299, 0.587, 0.114], dtype=x.dtype)
        shares = red_green_blue if x.shape[1] == 3 else torch.full((x.shape[1],), 1 / x.shape[1], dtype=x.dtype)
        grey = torch.einsum("bchw,c->bhw", x, shares)
        padded = functional.pad(grey[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]

        smooth_rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
        smooth_columns = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
        across = smooth_rows[:, :, 2:] - smooth_rows[:, :, :-2]
        down = smooth_columns[:, 2:] - smooth_columns[:, :-2]
        return torch.stack([across, down], 1) / 8


def convolutions(widths: tuple[tuple[int, ...], ...], entering: int) -> tuple[nn.Sequential, int]:
    """`C64 C64 M C128 ...`: 3x3 convolutions with ReLU, a 2x2 pool between groups; no biases, no batch norm."""
    layers: list[nn.Module] = []

    for index, group in enumerate(widths):
        if index:
            layers.append(nn.MaxPool2d(2))
        for leaving in group:
            layers += [nn.Conv2d(entering, leaving, 3, 1, 1, bias=False), nn.ReLU()]
            entering = leaving
    return nn.Sequential(*layers), entering


def table_4_2(widths: tuple[tuple[int, ...], ...], size: int, clusters: int, hidden: int | None = None,
              ) -> nn.Sequential:
    """A row of table 4.2; `hidden` is the F32 of MNIST's."""
    trunk, channels = convolutions(widths, 2)
    flat = channels * (size // 2 ** (len(widths) - 1)) ** 2

    inner: tuple[nn.Module, ...] = ()
    if hidden is not None:
        inner = (nn.Linear(flat, hidden, bias=False), nn.ReLU())
        flat = hidden
    return nn.Sequential(
        Sobel(), trunk, nn.Flatten(), *inner, nn.Linear(flat, clusters, bias=False), Standardized(clusters)
    )


def digits(clusters: int) -> nn.Sequential:
    """The network of `specs/clustering/digits.arch`, which no table has: C32 C32 M C64 F64 F10 on the image itself."""
    trunk, channels = convolutions(((32, 32), (64,)), 1)
    return nn.Sequential(
        trunk, nn.Flatten(), nn.Linear(channels * 16, 64), nn.ReLU(), nn.Linear(64, clusters, bias=False),
        Standardized(clusters),
    )


def plane(clusters: int, hidden: int = 32) -> nn.Sequential:
    """Two hidden layers of 32 nodes (section 4.5.1)."""
    return nn.Sequential(
        nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, clusters, bias=False),
        Standardized(clusters),
    )
