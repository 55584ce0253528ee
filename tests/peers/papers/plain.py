"""Networks that no library has to the letter, each a short module of torch's layers, as its paper draws it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def double(entering: int, leaving: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with a batch norm and ReLU."""
    layers: list[nn.Module] = []
    for channels in (entering, leaving):
        layers += [nn.Conv2d(channels, leaving, 3, padding=1, bias=False), nn.BatchNorm2d(leaving), nn.ReLU()]
    return nn.Sequential(*layers)


class Up(nn.Module):
    """Interpolate to the size of the level beside, halve the channels, join, convolve twice."""

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(entering, leaving, 1)
        self.body = double(2 * leaving, leaving)

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:
        """[batch, C, h, w] and [batch, C / 2, H, W] to the latter."""
        x = functional.interpolate(x, size=beside.shape[2:], mode="bilinear", align_corners=False)
        return self.body(torch.cat([beside, self.narrow(x)], 1))


class Held(nn.Module):
    """A tensor of a network's own, in the order of its modules."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(sizes))


class UNet(nn.Module):
    """Ronneberger et al. 2015, figure 1, padded, with batch norms; interpolated up to the size of what went down."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(5)]
        self.down = nn.ModuleList(double(a, b) for a, b in zip([3, *widths], widths, strict=False))
        self.up = nn.ModuleList(Up(2 * c, c) for c in reversed(widths[:-1]))
        self.last = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, 3, H, W] to [batch, classes, H, W]."""
        levels = []
        for index, stage in enumerate(self.down):
            x = stage(functional.max_pool2d(x, 2) if index else x)
            levels.append(x)

        for stage, level in zip(self.up, reversed(levels[:-1]), strict=True):
            x = stage(x, level)
        return self.last(x)


class WaveNetLayer(nn.Module):
    """Dilated causal convolutions, tanh times sigmoid, a residual and a skip (van den Oord et al. 2016, figure 4)."""

    def __init__(self, channels: int, skips: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.value = nn.Conv1d(channels, channels, 2, dilation=dilation)
        self.gate = nn.Conv1d(channels, channels, 2, dilation=dilation)
        self.skip = nn.Conv1d(channels, skips, 1)
        self.residual = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, C, T] to the same, and to [batch, skips, T]."""
        past = functional.pad(x, (self.dilation, 0))
        z = self.value(past).tanh() * self.gate(past).sigmoid()
        return x + self.residual(z), self.skip(z)


class WaveNet(nn.Module):
    """Stacks of dilations 1, 2, 4, ... 2 ** (depth - 1); the sum of all skips says what comes next."""

    def __init__(self, levels: int, channels: int, skips: int, depth: int, stacks: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(levels, channels, 2)
        self.layers = nn.ModuleList(WaveNetLayer(channels, skips, 2**i) for _ in range(stacks) for i in range(depth))
        self.layers[-1].residual = nn.Identity()
        self.last = nn.Sequential(nn.ReLU(), nn.Conv1d(skips, skips, 1), nn.ReLU(), nn.Conv1d(skips, levels, 1))

    def forward(self, wave: Tensor) -> Tensor:
        """[batch, levels, T] to the same."""
        x = self.first(functional.pad(wave, (1, 0)))
        total = torch.zeros(())
        for layer in self.layers:
            x, skip = layer(x)
            total = total + skip
        return self.last(total)


class Generator(nn.Module):
    """A conditional generator (Mirza and Osindero 2014) with the layers of DCGAN (Radford et al. 2016)."""

    def __init__(self, noise: int, classes: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Sequential(nn.Linear(noise + classes, 4 * width * 16, bias=False))
        self.layers = nn.Sequential(
            nn.BatchNorm2d(4 * width), nn.ReLU(),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * width), nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.ConvTranspose2d(width, 3, 4, 2, 1), nn.Tanh(),
        )

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        """[batch, noise] and [batch, classes] to [batch, 3, 32, 32]."""
        x = self.dense(torch.cat([noise, label], 1))
        return self.layers(x.unflatten(1, (-1, 4, 4)))


class Siamese(nn.Module):
    """Koch et al. 2015, figure 4: one encoder for both images, then a weighted L1 distance."""

    def __init__(self, cells: int, features: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for entering, leaving, kernel in ((1, 64, 10), (64, 128, 7), (128, 128, 4)):
            layers += [nn.Conv2d(entering, leaving, kernel), nn.ReLU(), nn.MaxPool2d(2)]

        dense = nn.Linear(256 * cells, features)
        self.encoder = nn.Sequential(*layers, nn.Conv2d(128, 256, 4), nn.ReLU(), nn.Flatten(), dense, nn.Sigmoid())
        self.judge = nn.Linear(features, 1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Two of [batch, 1, H, W] to [batch, 1]."""
        return self.judge((self.encoder(first) - self.encoder(second)).abs()).sigmoid()


class Masked(nn.Conv2d):
    """A convolution whose kernel ends at its middle cell (van den Oord et al. 2016, section 3.4)."""

    def __init__(self, entering: int, leaving: int, kernel: int, centre: bool) -> None:
        super().__init__(entering, leaving, kernel, padding=kernel // 2)
        self.centre = centre

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, C', H, W]."""
        mask, middle = torch.ones_like(self.weight), self.kernel_size[0] // 2
        mask[:, :, middle, middle + int(self.centre) :] = 0
        mask[:, :, middle + 1 :] = 0
        return functional.conv2d(x, self.weight * mask, self.bias, padding=middle)


class Drawn(nn.Module):
    """PixelCNN's residual block (figure 5, left)."""

    def __init__(self, h: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.ReLU(), nn.Conv2d(2 * h, h, 1), nn.ReLU(), Masked(h, h, 3, centre=True),
                                    nn.ReLU(), nn.Conv2d(h, 2 * h, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[batch, 2 h, H, W] to the same."""
        return x + self.layers(x)  # type: ignore[no-any-return]


class PixelCNN(nn.Module):
    """Van den Oord et al. 2016, table 1, of grey pictures."""

    def __init__(self, levels: int, h: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Masked(1, 2 * h, 7, centre=False), *(Drawn(h) for _ in range(depth)), nn.ReLU(), nn.Conv2d(2 * h, 32, 1),
            nn.ReLU(), nn.Conv2d(32, 32, 1), nn.ReLU(), nn.Conv2d(32, levels, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """[batch, 1, H, W] to scores of the levels of each place."""
        made: Tensor = self.layers(image)
        return made
