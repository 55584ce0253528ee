"""Position-boosted convolutions (PBConv, section 4), asymmetric and diverse branches (Ding et al. 2019, 2021)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

Place = tuple[tuple[int, int], tuple[int, int]]
"""A small kernel: its size, and the row and column of its top left corner in the large one, from 1."""


class Placed(nn.Module):
    """A small kernel and its batch norm: the convolution whose windows are parts of the large one's (section 4.2).

    Padding of P around the map, less what lies before and behind the small kernel; negative padding crops.
    """

    def __init__(self, large: nn.Conv2d, place: Place, norm: bool) -> None:
        super().__init__()
        (height, width), (row, column) = place
        kernel, padding, far = large.kernel_size, large.padding[0], large.dilation[0]
        self.conv = nn.Conv2d(large.in_channels, large.out_channels, (height, width), large.stride, dilation=far,
                              groups=large.groups, bias=False)
        self.norm = nn.BatchNorm2d(large.out_channels) if norm else nn.Identity()
        rows = padding - far * (row - 1), padding - far * (kernel[0] - row - height + 1)
        columns = padding - far * (column - 1), padding - far * (kernel[1] - column - width + 1)
        self.sides = (*columns, *rows)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to what the large convolution gives."""
        return self.norm(self.conv(functional.pad(x, self.sides)))


class Boosted(nn.Module):
    """`sum_l BatchNorm_l(F * W_l)`: the large kernel and small ones at their places (eq. 10)."""

    def __init__(self, conv: nn.Conv2d, norm: nn.Module | None, places: Sequence[Place]) -> None:
        super().__init__()
        large = norm if norm is not None else nn.Identity()
        self.branches = nn.ModuleList([nn.Sequential(conv, large)])
        self.branches.extend(Placed(conv, place, norm is not None) for place in places)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to the sum of all branches."""
        return torch.stack([one(x) for one in self.branches]).sum(0)


class AsymmetricBranches(Boosted):
    """ACB (Ding et al. 2019, figure 3): square, horizontal and vertical kernel, each with a batch norm."""

    def __init__(self, conv: nn.Conv2d, norm: nn.Module | None) -> None:
        height, width = conv.kernel_size
        across: Place = (1, width), ((height + 1) // 2, 1)
        down: Place = (height, 1), (1, (width + 1) // 2)
        super().__init__(conv, norm, [across, down])


class DiverseBranches(nn.Module):
    """DBB (Ding et al. 2021, figure 2): KxK; 1x1; 1x1 - KxK; 1x1 - average pool.

    Padding stands before the first 1x1 convolutions, the first of the two ways that section 3.3 gives for merging two
    convolutions exactly (the authors' code takes the other: it pads behind the first batch norm with what that makes of
    zero, which is the same in evaluation mode).
    """

    def __init__(self, conv: nn.Conv2d, norm: nn.Module) -> None:
        super().__init__()
        entering, leaving, groups = conv.in_channels, conv.out_channels, conv.groups
        kernel, stride, padding = conv.kernel_size[0], conv.stride[0], conv.padding[0]
        depthwise = groups == leaving
        self.padding, self.kernel, self.stride = padding, kernel, stride

        def point(out: int, step: int = 1) -> nn.Conv2d:
            return nn.Conv2d(entering, out, 1, step, groups=groups, bias=False)

        inner = 2 * entering if depthwise else entering  # twice as many where each channel stands alone
        self.origin = nn.Sequential(conv, norm)
        self.single = nn.Sequential(point(leaving, stride), nn.BatchNorm2d(leaving))
        self.before = nn.Sequential(point(inner), nn.BatchNorm2d(inner))
        self.large = nn.Sequential(
            nn.Conv2d(inner, leaving, kernel, stride, groups=groups, bias=False), nn.BatchNorm2d(leaving)
        )
        # Before the pool of a depthwise convolution a 1x1 would only scale (authors' code: none there).
        self.point = nn.Identity() if depthwise else nn.Sequential(point(leaving), nn.BatchNorm2d(leaving))
        self.mean = nn.BatchNorm2d(leaving)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to the sum of four branches."""
        around = functional.pad(x, [self.padding] * 4)
        pooled = functional.avg_pool2d(self.point(around), self.kernel, self.stride)
        return self.origin(x) + self.single(x) + self.large(self.before(around)) + self.mean(pooled)


class DoubleConvolution(nn.Module):
    """Two 3x3 convolutions with ReLU, padded so that the size stays (Ronneberger et al. 2015)."""

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(entering, leaving, 3, 1, 1), nn.ReLU(), nn.Conv2d(leaving, leaving, 3, 1, 1), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, C', H, W]."""
        return self.body(x)


class UNet(nn.Module):
    """Down four times, up four times, joined with what was seen on the way (Ronneberger et al. 2015, figure 1).

    For deblurring the result is added to the blurred image.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(5)]
        self.down = nn.ModuleList(DoubleConvolution(a, c) for a, c in zip([3, *widths], widths, strict=False))
        self.up = nn.ModuleList()
        for c in reversed(widths[:-1]):
            self.up.append(nn.ModuleList([nn.ConvTranspose2d(2 * c, c, 2, 2), DoubleConvolution(2 * c, c)]))
        self.last = nn.Conv2d(width, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        """[batch, 3, H, W] to the same."""
        seen, x = [], image
        for index, stage in enumerate(self.down):
            x = stage(functional.max_pool2d(x, 2) if index else x)
            seen.append(x)

        for (wider, stage), level in zip(self.up, reversed(seen[:-1]), strict=True):
            x = stage(torch.cat([wider(x), level], 1))
        return self.last(x) + image


Make = Callable[[nn.Conv2d, nn.Module | None], nn.Module]


def boosted(model: nn.Module, make: Make) -> nn.Module:
    """Every convolution larger than 1x1 with the batch norm behind it replaced by what `make` makes of both.

    Modules are taken in the order in which their parent lists them, as the networks of torchvision and timm name them:
    a batch norm right after a convolution belongs to it.
    """
    for parent in list(model.modules()):
        children = list(parent.named_children())
        following = [*children[1:], ("", nn.Identity())]

        for (name, conv), (next_name, norm) in zip(children, following, strict=False):
            if not isinstance(conv, nn.Conv2d) or max(conv.kernel_size) == 1:
                continue
            if isinstance(norm, nn.BatchNorm2d):
                setattr(parent, name, make(conv, norm))
                setattr(parent, next_name, nn.Identity())
            else:
                setattr(parent, name, make(conv, None))
    return model


def placed(places: Mapping[tuple[int, int], Sequence[Place]]) -> Make:
    """What boosts a convolution with the small kernels that are given for its size."""
    return lambda conv, norm: Boosted(conv, norm, places[conv.kernel_size])
