"""The blocks of `std` that published networks share, and their peers: timm's and torchvision's own blocks."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

import archlang
from archlang import Network
from tests.peers.comparing import Pair
from tests.peers.libraries import timm, torchvision_models
from tests.peers.mapping import in_order
from tests.peers.networks import of_block
from tests.peers.of_std import block
from tests.peers.papers import plain


def dense_layer(entering: int, growth: int, width: int) -> nn.Module:
    """torchvision's dense layer, its result joined to what came in as its DenseNet joins them."""
    _ = torchvision_models()
    from torchvision.models.densenet import _DenseBlock

    return _DenseBlock(1, entering, width, growth, 0.0)


def transition(entering: int) -> nn.Module:
    """torchvision's transition between dense blocks."""
    _ = torchvision_models()
    from torchvision.models.densenet import _Transition

    return _Transition(entering, entering // 2)


def mbconv(entering: int, leaving: int, kernel: int, stride: int, hidden: int, units: int) -> nn.Module:
    """torchvision's block of MobileNetV3 with hard-swish."""
    _ = torchvision_models()
    from torchvision.models.mobilenetv3 import InvertedResidual, InvertedResidualConfig

    row = InvertedResidualConfig(entering, kernel, hidden, leaving, units > 0, "HS", stride, 1, 1.0)
    return InvertedResidual(row, nn.BatchNorm2d, partial(_gate, units))


def _gate(units: int, channels: int, _: int) -> nn.Module:
    """torchvision's gate with a number of units of our own."""
    from torchvision.ops import SqueezeExcitation

    return SqueezeExcitation(channels, units, scale_activation=nn.Hardsigmoid)


def mbconv_of_timm(entering: int, leaving: int, expand: int, units: int) -> nn.Module:
    """timm's block of EfficientNet."""
    _ = timm()
    from timm.models._efficientnet_blocks import InvertedResidual, SqueezeExcite

    gate = partial(SqueezeExcite, rd_channels=units)
    return InvertedResidual(entering, leaving, 5, exp_ratio=expand, act_layer=nn.SiLU, se_layer=gate)


def squeezed(channels: int, units: int, act: type[nn.Module], gate: type[nn.Module]) -> nn.Module:
    """timm's gate of channels."""
    _ = timm()
    from timm.layers import SEModule

    return SEModule(channels, rd_channels=units, act_layer=act, gate_layer=gate)


def eca(kernel: int) -> nn.Module:
    """timm's gate from neighbouring channels."""
    _ = timm()
    from timm.layers import EcaModule

    return EcaModule(kernel_size=kernel)


def cbam(channels: int, units: int) -> nn.Module:
    """timm's gates of channels and places."""
    _ = timm()
    from timm.layers.cbam import CbamModule

    return CbamModule(channels, rd_channels=units)


def ghost(entering: int, leaving: int) -> nn.Module:
    """timm's ghost module."""
    return timm().models.ghostnet.GhostModule(entering, leaving)


def ghost_bottleneck(entering: int, hidden: int, leaving: int, stride: int, ratio: float) -> nn.Module:
    """timm's ghost bottleneck; `ratio` is of the gate's units to the hidden channels."""
    return timm().models.ghostnet.GhostBottleneck(entering, hidden, leaving, 5, stride, se_ratio=ratio)


def shuffle_unit(entering: int, leaving: int, stride: int) -> nn.Module:
    """torchvision's block of ShuffleNetV2."""
    return torchvision_models().shufflenetv2.InvertedResidual(entering, leaving, stride)


def convnext(channels: int) -> nn.Module:
    """timm's block of ConvNeXt."""
    return timm().models.convnext.ConvNeXtBlock(channels)


def patched(entering: int, leaving: int) -> nn.Module:
    """What timm's ConvNeXt has before a stage."""
    _ = timm()
    from timm.layers import LayerNorm2d
    from timm.models.convnext import ConvNeXtStage

    return ConvNeXtStage(entering, leaving, depth=0, norm_layer=LayerNorm2d).downsample


def aspp(entering: int, rates: list[int], leaving: int) -> nn.Module:
    """torchvision's ASPP."""
    _ = torchvision_models()
    from torchvision.models.segmentation.deeplabv3 import ASPP

    return ASPP(entering, rates, leaving)


class PyramidPooling(nn.Module):
    """Zhao et al. 2017, figure 3(c), after its authors' code."""

    def __init__(self, entering: int, grids: list[int]) -> None:
        super().__init__()
        narrow = entering // len(grids)
        self.stages = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(grid), nn.Conv2d(entering, narrow, 1, bias=False),
                          nn.BatchNorm2d(narrow), nn.ReLU())
            for grid in grids
        )

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, 2 C, H, W]."""
        parts = [functional.interpolate(stage(x), x.shape[2:], mode="bilinear") for stage in self.stages]
        return torch.cat([x, *parts], 1)


def whole(entering: int, leaving: int) -> nn.Module:
    """What torchvision's ASPP makes of the mean of a map."""
    _ = torchvision_models()
    from torchvision.models.segmentation.deeplabv3 import ASPPPooling

    return ASPPPooling(entering, leaving)


def up() -> Network:
    """A network that is U-Net's step up."""
    return archlang.loads("""archlang 1
import std.segment (up)

network N {
  input low: [8, 6, 5]
  input high: [4, 13, 11]
  output low -> up(high)
}
""")


LEVELS = ("[4, 13, 11]", "[6, 7, 6]", "[8, 4, 3]", "[3, 2, 2]")


def fpn(count: int) -> Network:
    """A network that is a pyramid of features of so many levels."""
    inputs = "\n".join(f"  input p{i}: {LEVELS[i]}" for i in range(count))
    outputs = "\n".join(f"  output out{i} = levels[{i}]" for i in range(count))
    return archlang.loads(f"archlang 1\nimport std.segment (fpn)\nnetwork N {{\n{inputs}\n  levels = "
                          f"({', '.join(f'p{i}' for i in range(count))}) -> fpn(5)\n{outputs}\n}}\n")


class Pyramid(nn.Module):
    """torchvision's pyramid of features, its levels given one by one."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        _ = torchvision_models()
        from torchvision.ops import FeaturePyramidNetwork

        self.fpn = FeaturePyramidNetwork(channels, 5)

    def forward(self, *levels: Tensor) -> dict[str, Tensor]:
        """Levels to as many levels of five channels."""
        made: dict[str, Tensor] = self.fpn({f"out{i}": level for i, level in enumerate(levels)})
        return made


def _small() -> list[Pair]:
    """DenseNet, squeeze-and-excitation, and networks for small machines."""
    hard = "act = hardswish, inner = relu, gate = hardsigmoid"

    return [
        block("dense", "dense_layer(4)", "torchvision's dense layer", lambda: dense_layer(8, 4, 4)),
        block("dense", "dense_layer(6, width = 2)", "torchvision's dense layer", lambda: dense_layer(8, 6, 2)),
        block("dense", "transition", "torchvision's transition", lambda: transition(8)),
        block("squeeze", "squeezed(5)", "timm's SEModule", lambda: squeezed(8, 5, nn.ReLU, nn.Sigmoid)),
        block("squeeze", "squeezed(3, act = silu, gate = hardsigmoid)", "timm's SEModule",
              lambda: squeezed(8, 3, nn.SiLU, nn.Hardsigmoid)),
        block("squeeze", "eca", "timm's EcaModule", lambda: eca(3)),
        block("squeeze", "eca(kernel = 5)", "timm's EcaModule", lambda: eca(5)),
        block("squeeze", "cbam(3)", "timm's CbamModule", lambda: cbam(8, 3)),
        block("mobile", f"mbconv(8, 24, squeeze = 6, {hard})", "torchvision's MobileNetV3 block",
              lambda: mbconv(8, 8, 3, 1, 24, 6)),
        block("mobile", "mbconv(16, 8, kernel = 5x5, stride = 2, act = hardswish)", "torchvision's MobileNetV3 block",
              lambda: mbconv(8, 16, 5, 2, 8, 0)),
        block("mobile", "mbconv(8, 32, kernel = 5x5, squeeze = 2)", "timm's EfficientNet block",
              lambda: mbconv_of_timm(8, 8, 4, 2)),
        block("mobile", "ghost(12)", "timm's GhostModule", lambda: ghost(8, 12)),
        block("mobile", "ghost_bottleneck(8, 16, kernel = 5x5, squeeze = 4)", "timm's GhostBottleneck",
              lambda: ghost_bottleneck(8, 16, 8, 1, 0.25)),
        block("mobile", "ghost_bottleneck(6, 16, kernel = 5x5, stride = 2)", "timm's GhostBottleneck",
              lambda: ghost_bottleneck(8, 16, 6, 2, 0.0)),
        block("mobile", "shuffle_unit(8)", "torchvision's ShuffleNetV2 block", lambda: shuffle_unit(8, 8, 1)),
        block("mobile", "shuffle_unit(12, stride = 2)", "torchvision's ShuffleNetV2 block",
              lambda: shuffle_unit(8, 12, 2)),
    ]


def _large() -> list[Pair]:
    """ConvNeXt and what segments."""
    figure = "Ronneberger et al. 2015, figure 1"
    gamma = in_order(later=r"()gamma")

    return [
        Pair("std.convnext.convnext", "timm's ConvNeXtBlock", of_block("convnext", "convnext"), lambda: convnext(8),
             gamma),
        block("convnext", "patched(12)", "timm's downsampling", lambda: patched(8, 12)),
        block("segment", "double(6)", figure, lambda: plain.double(8, 6)),
        block("segment", "down(6)", figure, lambda: nn.Sequential(nn.MaxPool2d(2), plain.double(8, 6))),
        Pair("std.segment.up", figure, up, lambda: plain.Up(8, 4)),
        Pair("std.segment.fpn", "torchvision's FeaturePyramidNetwork", lambda: fpn(3), lambda: Pyramid([4, 6, 8])),
        Pair("std.segment.fpn", "torchvision's FeaturePyramidNetwork of four", lambda: fpn(4),
             lambda: Pyramid([4, 6, 8, 3])),
        block("segment", "aspp(6)", "torchvision's ASPP", lambda: aspp(8, [12, 24, 36], 6)),
        block("segment", "aspp(6, rates = [2, 3, 5])", "torchvision's ASPP", lambda: aspp(8, [2, 3, 5], 6)),
        block("segment", "aspp(6, rates = [2])", "torchvision's ASPP", lambda: aspp(8, [2], 6)),
        block("segment", "cells(1x1, 6)", "torchvision's ASPPPooling", lambda: whole(8, 6)),
        block("segment", "pyramid_pooling", "Zhao et al. 2017, figure 3(c)",
              lambda: PyramidPooling(8, [1, 2, 3, 6])),
        block("segment", "pyramid_pooling(grids = [1, 3])", "Zhao et al. 2017, figure 3(c)",
              lambda: PyramidPooling(8, [1, 3])),
    ]


PAIRS = [*_small(), *_large()]
