"""Convolutions whose kernel is calculated from what is learned."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class ReparametrizedConv(nn.Module):
    """A convolution over lines, maps or volumes with a kernel that is worked out at every call.

    With v the learned kernel of a channel that leaves, N its numbers, m their mean and s^2 their variance, it is

    - `standardized`: `(v - m) / sqrt(s^2 + eps)` (Qiao et al. 2019, eq. 7);
    - `scaled`: `gamma g (v - m) / sqrt(N (s^2 + eps))` with a learned factor g (Brock et al. 2021, eq. 5);
    - `weight_norm`: `g v / |v|` with a learned length g (Salimans and Kingma 2016, eq. 2), as torch has it;
    - `masked`: v up to its middle cell, row by row, and 0 behind it (van den Oord et al. 2016, section 3.4).

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode: as in
            `nn.Conv2d`, a number for each axis.
        form: one of the four.
        gamma, eps: of the formulas above.
        gain: where g starts in `scaled`; in `weight_norm` it starts as the length of v.
        centre: whether `masked` keeps the middle cell.
    """

    bias: nn.Parameter | None
    gain: nn.Parameter | None

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Sequence[int], stride: Sequence[int] = (1,),
        padding: Sequence[int] = (0,), dilation: Sequence[int] = (1,), groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", form: str = "standardized", gamma: float = 1.0, eps: float = 1e-6,
        gain: float = 1.0, centre: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        self.padding_mode, self.form, self.gamma, self.eps, self.start = padding_mode, form, gamma, eps, gain
        self.centre = centre
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *kernel_size))

        self.bias = self.gain = None
        if bias:
            self.bias = nn.Parameter(torch.empty(out_channels))
        if form not in ("standardized", "masked"):
            self.gain = nn.Parameter(torch.empty(out_channels, 1, *(1 for _ in kernel_size)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as torch's convolutions do, with factors at their start and lengths as they are."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = self.weight[0].numel() ** -0.5
            nn.init.uniform_(self.bias, -bound, bound)
        if self.gain is None:
            return
        with torch.no_grad():
            self.gain.fill_(self.start)
            if self.form == "weight_norm":
                self.gain.copy_(self._lengths())

    def _lengths(self) -> Tensor:
        """The length of each channel's kernel, [out channels, 1, ...]."""
        squares = self.weight.flatten(1).square().sum(1)
        return squares.sqrt().reshape(-1, *(1,) * (self.weight.dim() - 1))

    def kernel(self) -> Tensor:
        """The kernel that the convolution has, [out channels, in channels / groups, *sizes]."""
        if self.form == "weight_norm" and self.gain is not None:
            return self.weight * (self.gain / self._lengths())

        if self.form == "masked":
            return self._masked()

        rows = self.weight.flatten(1)
        centred = rows - rows.mean(1, keepdim=True)
        made = centred * (centred.square().mean(1, keepdim=True) + self.eps).rsqrt()
        if self.gain is not None:
            made = made * (self.gain.flatten(1) * (self.gamma * rows.shape[1] ** -0.5))
        return made.reshape(self.weight.shape)

    def _masked(self) -> Tensor:
        """The kernel with zeros behind its middle cell, and in it where that is not kept."""
        cells = self.weight.flatten(2)
        count = cells.shape[2]
        kept = count // 2 + int(self.centre)
        # Cut and filled up: what is cut off has no gradient, and stays as it began.
        return functional.pad(cells.narrow(2, 0, kept), (0, count - kept)).reshape(self.weight.shape)

    def forward(self, x: Tensor) -> Tensor:
        """Slide over [batch, in channels, *places]."""
        padding = self.padding
        if self.padding_mode != "zeros" and any(padding):
            # The last axis comes first there, each with its two sides.
            x = functional.pad(x, [cells for cells in reversed(padding) for _ in range(2)], self.padding_mode)
            padding = (0,) * len(padding)

        slide = (functional.conv1d, functional.conv2d, functional.conv3d)[self.weight.dim() - 3]
        return slide(x, self.kernel(), self.bias, self.stride, padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{tuple(self.weight.shape)}, stride={tuple(self.stride)}, groups={self.groups}, form={self.form}"
