"""Networks that restore images: DeepDeblur, MIMO-UNet, NAFNet, written from their papers and public code."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.peers.papers.plain import Held


def conv(entering: int, leaving: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution with a bias that keeps the size at stride 1."""
    return nn.Conv2d(entering, leaving, kernel, stride, kernel // 2)


class Residual(nn.Module):
    """A convolution, ReLU, a convolution, added to what came in."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(channels, channels, kernel), nn.ReLU(), conv(channels, channels, kernel))

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to the same."""
        return x + self.body(x)


class DeepDeblur(nn.Module):
    """Nah et al. 2017, figure 4: from the coarsest image to the finest, each scale sees what the one before made."""

    def __init__(self, blocks: int, width: int) -> None:
        super().__init__()
        self.register_buffer("grey", torch.full((3, 1, 1), 0.5))
        self.scales, self.larger = nn.ModuleList(), nn.ModuleList()
        for index in range(3):
            self.scales.append(nn.Sequential(
                conv(6 if index else 3, width, 5), *(Residual(width, 5) for _ in range(blocks)), conv(width, 3, 5),
            ))
            self.larger.append(nn.Sequential(conv(3, 12, 5), nn.PixelShuffle(2)) if index < 2 else nn.Identity())

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """[batch, 3, H, W] to restored images of the whole, the half and a quarter of its size."""
        full = image - self.grey
        half = functional.avg_pool2d(full, 2)
        made, x = [], functional.avg_pool2d(half, 2)

        for scale, larger, finer in zip(self.scales, self.larger, (half, full, None), strict=True):
            made.append(scale(x))
            if finer is not None:
                x = torch.cat([finer, larger(made[-1])], 1)
        third, second, sharp = (x + self.grey for x in made)
        return {"sharp": sharp, "second": second, "third": third}


def stage(channels: int, blocks: int) -> nn.Sequential:
    """Residual blocks of 3x3 convolutions."""
    return nn.Sequential(*(Residual(channels, 3) for _ in range(blocks)))


class Shallow(nn.Module):
    """SCM: what a smaller image brings by itself, joined with it."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.main = nn.Sequential(conv(3, c // 4), nn.ReLU(), conv(c // 4, c // 2, 1), nn.ReLU(),
                                  conv(c // 2, c // 2), nn.ReLU(), conv(c // 2, c - 3, 1), nn.ReLU())
        self.last = conv(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, 3, H, W] to [batch, C, H, W]."""
        return self.last(torch.cat([x, self.main(x)], 1))


def fused(entering: int, leaving: int) -> nn.Sequential:
    """AFF: 1x1 over all levels, then 3x3."""
    return nn.Sequential(conv(entering, leaving, 1), nn.ReLU(), conv(leaving, leaving))


class MIMOUNet(nn.Module):
    """Cho et al. 2021, figure 3."""

    def __init__(self, blocks: int, c: int) -> None:
        super().__init__()
        first = nn.ModuleList(conv(a, b, 3, s) for a, b, s in ((3, c, 1), (c, 2 * c, 2), (2 * c, 4 * c, 2)))
        up = nn.ModuleList(nn.ConvTranspose2d(2 * a, a, 4, 2, 1) for a in (2 * c, c))
        self.first, self.up = first, up
        self.shallow = nn.ModuleList(Shallow(a) for a in (2 * c, 4 * c))
        self.merge = nn.ModuleList(conv(a, a) for a in (2 * c, 4 * c))
        self.down = nn.ModuleList(stage(a, blocks) for a in (c, 2 * c, 4 * c))
        self.fused = nn.ModuleList(fused(7 * c, a) for a in (c, 2 * c))
        self.narrow = nn.ModuleList(conv(2 * a, a, 1) for a in (2 * c, c))
        self.stages = nn.ModuleList(stage(a, blocks) for a in (4 * c, 2 * c, c))
        self.last = nn.ModuleList(conv(a, 3) for a in (4 * c, 2 * c, c))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """[batch, 3, H, W] to restored images of the whole, the half and a quarter of its size."""
        half = functional.interpolate(image, scale_factor=0.5)
        quarter = functional.interpolate(half, scale_factor=0.5)
        levels = [self.down[0](self.first[0](image).relu())]

        for index, smaller in enumerate((half, quarter)):
            x = self.first[index + 1](levels[-1]).relu()
            x = x + self.merge[index](x * self.shallow[index](smaller))
            levels.append(self.down[index + 1](x))

        beside = [
            self.fused[index](torch.cat([functional.interpolate(x, levels[index].shape[2:]) for x in levels], 1))
            for index in (1, 0)
        ]
        deep = [self.stages[0](levels[2])]
        for up, narrow, body, level in zip(self.up, self.narrow, self.stages[1:], beside, strict=True):
            deep.append(body(narrow(torch.cat([up(deep[-1]).relu(), level], 1)).relu()))

        third, second, sharp = (last(x) for last, x in zip(self.last, deep, strict=True))
        return {"sharp": sharp + image, "sharp2": second + half, "sharp3": third + quarter}


class NAF(nn.Module):
    """Chen et al. 2022, NAFNet, figure 3c."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.first, self.wide = nn.LayerNorm(c, eps=1e-6), nn.Conv2d(c, 2 * c, 1)
        self.depth, self.weights = nn.Conv2d(2 * c, 2 * c, 3, padding=1, groups=2 * c), nn.Linear(c, c)
        self.narrow, self.beta = nn.Conv2d(c, c, 1), Held(c)
        self.second, self.up = nn.LayerNorm(c, eps=1e-6), nn.Conv2d(c, 2 * c, 1)
        self.down, self.gamma = nn.Conv2d(c, c, 1), Held(c)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to the same."""
        a, b = self.depth(self.wide(self.first(x.movedim(1, 3)).movedim(3, 1))).chunk(2, 1)
        gated = a * b
        gated = gated * self.weights(gated.mean((2, 3)))[..., None, None]
        x = x + self.beta.value[:, None, None] * self.narrow(gated)
        a, b = self.up(self.second(x.movedim(1, 3)).movedim(3, 1)).chunk(2, 1)
        made: Tensor = x + self.gamma.value[:, None, None] * self.down(a * b)
        return made


class NAFNet(nn.Module):
    """Chen et al. 2022, figure 2c: U-Net's stairs with sums."""

    def __init__(self, width: int, counts: list[int], middle: int, decoders: list[int]) -> None:
        super().__init__()
        self.begin = nn.Conv2d(3, width, 3, padding=1)
        self.high = nn.Sequential(*(NAF(width) for _ in range(counts[0])))
        self.stairs, self.ups = nn.ModuleList(), nn.ModuleList()
        for i, n in enumerate([*counts[1:], middle]):
            c = width * 2**i
            self.stairs.append(nn.Sequential(nn.Conv2d(c, 2 * c, 2, 2), *(NAF(2 * c) for _ in range(n))))
        for i, n in enumerate(decoders):
            c = width * 2 ** (4 - i)
            up = nn.Sequential(nn.Conv2d(c, 2 * c, 1, bias=False), nn.PixelShuffle(2))
            self.ups.append(nn.ModuleList([up, nn.Sequential(*(NAF(c // 2) for _ in range(n)))]))
        self.end = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """[batch, 3, H, W] to the same."""
        levels = [self.high(self.begin(image))]
        for stair in self.stairs:
            levels.append(stair(levels[-1]))
        x = levels.pop()
        for up, part in self.ups:  # type: ignore[misc]  # a list of pairs of modules
            x = part(up(x) + levels.pop())
        made: Tensor = self.end(x) + image
        return made
