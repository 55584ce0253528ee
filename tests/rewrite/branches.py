"""Modules of parallel branches, as libraries write them: padding, cropping and position in the open."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Placed(nn.Module):
    """A small kernel at a place of a K x K square: pad as the large one does, then crop, then slide."""

    def __init__(self, channels: tuple[int, int], kernel: tuple[int, ...], at: tuple[int, ...], whole: tuple[int, ...],
                 how: str = "two", norm: bool = True, bias: bool = False, padding: Any = None, mode: str = "constant",
                 **settings: Any) -> None:
        super().__init__()
        count = len(kernel)
        kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[count]
        norms = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
        self.conv = kind(*channels, kernel, bias=bias, **settings)
        self.norm = norms[count](channels[1], eps=1e-3) if norm else nn.Identity()
        d = self.conv.dilation
        pads = [(p, p) if isinstance(p, int) else p for p in (padding or [s * (k - 1) // 2 for s, k in zip(d, whole)])]
        cuts = [(s * a, s * (w - k - a)) for s, a, w, k in zip(d, at, whole, kernel)]
        self.pads = [v for pair in pads[::-1] for v in pair]
        self.cuts = [-v for pair in cuts[::-1] for v in pair]
        self.how, self.mode = how, mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.how == "net":
            x = functional.pad(x, [p + c for p, c in zip(self.pads, self.cuts)])
        else:
            x = functional.pad(x, self.pads, mode=self.mode)
            if self.how == "slice":
                pairs = zip(self.cuts[0::2][::-1], self.cuts[1::2][::-1])
                x = x[(slice(None), slice(None), *(slice(-a, b or None) for a, b in pairs))]
            else:
                x = functional.pad(x, self.cuts)
        return self.norm(self.conv(x))


class Total(nn.Module):
    """The sum of what parts make of one input, in one of the ways people write it."""

    def __init__(self, *parts: nn.Module, how: str = "left", behind: nn.Module | None = None) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.behind = behind or nn.Identity()
        self.how = how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = [part(x) for part in self.parts]
        match self.how:
            case "left":
                y = made[0]
                for one in made[1:]:
                    y = y + one
            case "right":
                y = made[-1]
                for one in made[-2::-1]:
                    y = one + y
            case "inplace":
                y = made[0]
                for one in made[1:]:
                    y += one
            case "alpha":
                y = torch.add(made[0], made[1], alpha=2)
                for one in made[2:]:
                    y = torch.sub(y, one, alpha=0.5)
            case "sum":
                y = sum(made)
            case "minus":
                y = made[0] - made[1]
                for one in made[2:]:
                    y = y.sub(one)
            case _:
                raise ValueError(self.how)
        return self.behind(y)


class Affine(nn.Module):
    """A stored factor and term by channel, as layer scales are."""

    def __init__(self, channels: int, spatial: int = 2) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.factor = nn.Parameter(torch.randn(channels, *(1,) * spatial, generator=generator))
        self.register_buffer("term", torch.randn(channels, *(1,) * spatial, generator=generator))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor + self.term


def block(channels: tuple[int, int], kernel: Any, padding: Any = None, bias: bool = False, count: int = 2,
          **settings: Any) -> nn.Module:
    """Convolution and batch norm; padding as keeps the size at stride 1."""
    kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[count]
    norm = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[count]
    sizes = (kernel,) * count if isinstance(kernel, int) else tuple(kernel)
    dilation = settings.get("dilation", 1)
    by_axis = (dilation,) * count if isinstance(dilation, int) else dilation
    if padding is None:
        padding = tuple(d * (k - 1) // 2 for d, k in zip(by_axis, sizes))
    return nn.Sequential(kind(*channels, sizes, padding=padding, bias=bias, **settings), norm(channels[1]))
