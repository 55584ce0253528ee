"""Networks that say something of every cell of a scene: PSPNet, DeepLabv3 and v3+, CenterNet, as libraries have them.

Backbones are torchvision's, changed where mmsegmentation's differ: dilated, and with a stem of three convolutions.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.peers.libraries import torchvision_models


def unit(entering: int, leaving: int, kernel: int = 1, stride: int = 1, dilation: int = 1,
         groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(entering, leaving, kernel, stride, padding, dilation, groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(leaving), nn.ReLU())


def separable(entering: int, leaving: int, dilation: int = 1) -> nn.Sequential:
    """Each channel by itself, then all of them (mmcv's DepthwiseSeparableConvModule)."""
    return nn.Sequential(unit(entering, entering, 3, 1, dilation, entering), unit(entering, leaving))


def deep_stem() -> nn.Sequential:
    """The stem of ResNetV1c."""
    return nn.Sequential(unit(3, 32, 3, 2), unit(32, 32, 3), unit(32, 64, 3), nn.MaxPool2d(3, 2, 1))


def plain_stem() -> nn.Sequential:
    """The stem of torchvision's ResNets."""
    return nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))


def dilated(conv: nn.Conv2d, rate: int) -> None:
    """Give a 3x3 convolution a dilation for its stride."""
    conv.stride, conv.dilation, conv.padding = (1, 1), (rate, rate), (rate, rate)


def resnet18() -> list[nn.Module]:
    """Its stages; the first convolutions of the last two stages' blocks are dilated (mmsegmentation's BasicBlock)."""
    model = torchvision_models().resnet18()

    for stage, rates in ((model.layer3, (1, 2)), (model.layer4, (2, 4))):
        stage[0].downsample[0].stride = (1, 1)
        for made, rate in zip(stage, rates, strict=True):
            dilated(made.conv1, rate)
    return [model.layer1, model.layer2, model.layer3, model.layer4]


def resnet50() -> list[nn.Module]:
    """Its stages, the last two dilated as torchvision does it."""
    model = torchvision_models().resnet50(replace_stride_with_dilation=[False, True, True])
    return [model.layer1, model.layer2, model.layer3, model.layer4]


def mobilenet() -> list[nn.Module]:
    """MobileNetV2 in four parts; of some stages the first block is dilated (mmsegmentation's MobileNetV2)."""
    features = torchvision_models().mobilenet_v2().features
    for index, rate in ((7, 2), (11, 2), (14, 4), (17, 4)):
        dilated(features[index].conv[1][0], rate)
    return [features[:4], features[4:7], features[7:14], features[14:18]]


BACKBONES: dict[str, tuple[Callable[[], list[nn.Module]], tuple[int, int, int]]] = {
    "resnet18": (resnet18, (64, 256, 512)),
    "resnet50": (resnet50, (256, 1024, 2048)),
    "mobilenet_v2": (mobilenet, (24, 96, 320)),
}
"""The stages of each, and the channels of its first, third and fourth."""


class Pooled(nn.Module):
    """The mean over a grid of cells by a 1x1, laid over the map again."""

    def __init__(self, entering: int, leaving: int, cells: int) -> None:
        super().__init__()
        self.cells, self.body = cells, unit(entering, leaving)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, C', H, W]."""
        return stretched(self.body(functional.adaptive_avg_pool2d(x, self.cells)), x)


def stretched(x: Tensor, like: Tensor) -> Tensor:
    """A map in the size of another."""
    return functional.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


def scores(entering: int, inner: int, classes: int) -> nn.Sequential:
    """A 3x3 convolution, dropout and the classes."""
    return nn.Sequential(unit(entering, inner, 3), nn.Dropout(0.1), nn.Conv2d(inner, classes, 1))


class Segmenter(nn.Module):
    """A backbone, side by side what looks at its last map, what reads that, and an auxiliary head on its third."""

    def __init__(self, stem: nn.Module, stages: list[nn.Module], sides: list[nn.Module], read: nn.Module,
                 aux: nn.Module, edges: nn.Module | None = None, after: nn.Module | None = None) -> None:
        super().__init__()
        self.stem, self.stages = stem, nn.ModuleList(stages)
        self.edges, self.sides, self.read, self.after, self.aux = edges, nn.ModuleList(sides), read, after, aux

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """[batch, 3, H, W] to scores [batch, classes, H, W], and the auxiliary ones."""
        x, levels = self.stem(image), []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)

        x = self.read(torch.cat([side(x) for side in self.sides], 1))
        if self.edges is not None and self.after is not None:
            edges = self.edges(levels[0])
            x = self.after(torch.cat([stretched(x, edges), edges], 1))
        return {"maps": stretched(x, image), "aux": stretched(self.aux(levels[2]), image)}


def stem_of(backbone: str, deep: bool) -> nn.Module:
    """What stands before the stages; MobileNetV2's first stage has it."""
    if backbone == "mobilenet_v2":
        return nn.Identity()
    if deep:
        return deep_stem()
    return plain_stem()


def pspnet(backbone: str, classes: int) -> nn.Module:
    """mmsegmentation's PSPNet."""
    make, (_, third, last) = BACKBONES[backbone]
    c, aside = (128, 64) if backbone == "resnet18" else (512, 256)
    sides = [nn.Identity(), *(Pooled(last, c, cells) for cells in (1, 2, 3, 6))]
    return Segmenter(stem_of(backbone, deep=True), make(), sides, scores(last + 4 * c, c, classes),
                     scores(third, aside, classes))


def deeplabv3(backbone: str, classes: int) -> nn.Module:
    """torchvision's DeepLabv3 on a backbone that it does not have."""
    make, (_, third, last) = BACKBONES[backbone]
    sides = [unit(last, 256), *(unit(last, 256, 3, 1, rate) for rate in (12, 24, 36)), Pooled(last, 256, 1)]
    read = nn.Sequential(unit(5 * 256, 256), nn.Dropout(0.5), unit(256, 256, 3), nn.Conv2d(256, classes, 1))
    return Segmenter(stem_of(backbone, deep=False), make(), sides, read, scores(third, third // 4, classes))


def deeplabv3_plus(backbone: str, classes: int) -> nn.Module:
    """mmsegmentation's DeepLabv3+."""
    make, (first, third, last) = BACKBONES[backbone]
    c, narrow, aside = (128, 12, 64) if backbone == "resnet18" else (512, 48, 256)
    sides = [Pooled(last, c, 1), unit(last, c), *(separable(last, c, rate) for rate in (12, 24, 36))]
    after = nn.Sequential(separable(c + narrow, c), separable(c, c), nn.Dropout(0.1), nn.Conv2d(c, classes, 1))
    return Segmenter(stem_of(backbone, deep=True), make(), sides, unit(5 * c, c, 3), scores(third, aside, classes),
                     unit(first, narrow), after)


class CenterNet(nn.Module):
    """mmdetection's CenterNet on ResNet-18 without deformable convolutions, its heatmap before the sigmoid."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        model = torchvision_models().resnet18()
        self.seen = nn.Sequential(plain_stem(), model.layer1, model.layer2, model.layer3, model.layer4)
        steps: list[nn.Module] = []
        for entering, leaving in ((512, 256), (256, 128), (128, 64)):
            grow = nn.ConvTranspose2d(leaving, leaving, 4, 2, 1, bias=False)
            steps += [unit(entering, leaving, 3), grow, nn.BatchNorm2d(leaving), nn.ReLU()]

        self.maps = nn.Sequential(*steps)
        self.heads = nn.ModuleDict({name: nn.Sequential(nn.Conv2d(64, 64, 3, 1, 1), nn.ReLU(), nn.Conv2d(64, c, 1))
                                    for name, c in (("heat", classes), ("extent", 2), ("shift", 2))})

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """[batch, 3, H, W] to three maps of a quarter of its size."""
        maps = self.maps(self.seen(image))
        return {name: head(maps) for name, head in self.heads.items()}
