"""Networks of sound, volumes, tables, retrieval and adversaries as plain modules, written from their papers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.peers.libraries import timm


def convmixer(classes: int, width: int, depth: int) -> nn.Module:
    """timm's ConvMixer in the widths of a test, as it makes its `convmixer_768_32`."""
    made: nn.Module = timm().models.convmixer.ConvMixer(
        width, depth, kernel_size=7, patch_size=7, num_classes=classes, act_layer=nn.ReLU)
    return made


class Wav2VecFeatures(nn.Module):
    """The encoder of waves and the projection behind it (Baevski et al. 2020, sections 2 and 4.2)."""

    def __init__(self, width: int, leaving: int) -> None:
        super().__init__()
        rows = [(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)]
        layers: list[nn.Module] = []
        for number, (kernel, stride) in enumerate(rows):
            layers.append(nn.Conv1d(1 if number == 0 else width, width, kernel, stride, bias=False))
            if number == 0:
                layers.append(nn.GroupNorm(width, width))
            layers.append(nn.GELU())
        self.layers = nn.Sequential(*layers)
        self.norm, self.projection = nn.LayerNorm(width), nn.Linear(width, leaving)

    def forward(self, wave: Tensor) -> Tensor:
        """[batch, 1, T] to [batch, places, leaving]."""
        made: Tensor = self.projection(self.norm(self.layers(wave).transpose(1, 2)))
        return made


def _unit(entering: int, leaving: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(entering, leaving, 3, padding=1, bias=False), nn.BatchNorm3d(leaving), nn.ReLU())


class UNet3D(nn.Module):
    """Cicek et al. 2016, figure 2, with padding: channels double before each pool."""

    def __init__(self, channels: int, classes: int, width: int) -> None:
        super().__init__()
        w = width
        self.first = nn.Sequential(_unit(channels, w), _unit(w, 2 * w))
        self.downs = nn.ModuleList(nn.Sequential(nn.MaxPool3d(2), _unit(n * w, n * w), _unit(n * w, 2 * n * w))
                                   for n in (2, 4, 8))
        self.ups = nn.ModuleList()
        for n in (8, 4, 2):
            join = nn.Sequential(_unit(3 * n * w, n * w), _unit(n * w, n * w))
            self.ups.append(nn.ModuleList([nn.ConvTranspose3d(2 * n * w, 2 * n * w, 2, 2), join]))
        self.head = nn.Conv3d(2 * w, classes, 1)

    def forward(self, volume: Tensor) -> Tensor:
        """[batch, channels, D, H, W] to scores of every place."""
        levels = [self.first(volume)]
        for down in self.downs:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for up, join in self.ups:  # type: ignore[misc]  # a list of pairs of modules
            x = join(torch.cat([up(x), levels.pop()], 1))
        made: Tensor = self.head(x)
        return made


class Tabular(nn.Module):
    """Embeddings of three columns beside numbers, then dense layers (Guo and Berkhahn 2016, figure 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(*sizes) for sizes in ((9, 6), (16, 9), (42, 13)))
        self.drops = nn.ModuleList(nn.Dropout(0.1) for _ in range(3))
        self.norm = nn.BatchNorm1d(6)
        layers: list[nn.Module] = []
        entering = 34
        for width in (200, 100):
            layers += [nn.Linear(entering, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.2)]
            entering = width
        self.dense = nn.Sequential(*layers, nn.Linear(entering, 2))

    def forward(self, work: Tensor, school: Tensor, home: Tensor, numbers: Tensor) -> Tensor:
        """Three columns of whole numbers [batch, 1] and numbers [batch, 6] to scores."""
        words = [drop(table(column[:, 0])) for table, drop, column in
                 zip(self.tables, self.drops, (work, school, home), strict=True)]
        made: Tensor = self.dense(torch.cat([*words, self.norm(numbers)], 1))
        return made


def _tower(entering: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(entering, 2 * width), nn.ReLU(), nn.Linear(2 * width, width), nn.ReLU(),
                         nn.Linear(width, width))


class TwoTower(nn.Module):
    """The cosine of who asks, by what was seen, and of what is there, by its title; both know one table of items."""

    def __init__(self, users: int, items: int, words: int, width: int) -> None:
        super().__init__()
        self.items, self.users = nn.Embedding(items, width), nn.Embedding(users, width)
        self.asks = _tower(2 * width, width)
        self.words, self.there = nn.Embedding(words, width), _tower(2 * width, width)

    def forward(self, user: Tensor, seen: Tensor, kept: Tensor, item: Tensor, title: Tensor) -> Tensor:
        """Numbers of a user, of what they saw and which of it counts, of an item and its title's words, to a score."""
        mask = kept.unsqueeze(2).to(self.items.weight.dtype)
        history = (self.items(seen) * mask).sum(1) / mask.sum(1).clamp(min=1)
        asks = self.asks(torch.cat([self.users(user[:, 0]), history], 1))
        named = self.words(title).mean(1)
        there = self.there(torch.cat([self.items(item[:, 0]), named], 1))
        return 20 * (functional.normalize(asks, dim=1) * functional.normalize(there, dim=1)).sum(1, keepdim=True)


class Discriminator(nn.Module):
    """Radford et al. 2016: strides instead of pools, leaky rectifiers, no batch norm behind what enters."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
        for n in (1, 2, 4):
            layers += [nn.Conv2d(n * width, 2 * n * width, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * n * width),
                       nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, bias=False), nn.Flatten())

    def forward(self, image: Tensor) -> Tensor:
        """[batch, 3, 64, 64] to a score."""
        made: Tensor = self.layers(image)
        return made
