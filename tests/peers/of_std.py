"""Every block of `std` and its peer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from tests.peers.comparing import Pair
from tests.peers.libraries import timm, torchvision_models
from tests.peers.mapping import in_order
from tests.peers.networks import of_block
from tests.peers.papers import classics, coded, pbconv, pce, residual, scenes, squeezed

FIGURE_5: tuple[pbconv.Place, ...] = (((3, 1), (1, 2)), ((1, 3), (2, 1)), ((3, 1), (1, 1)), ((3, 1), (1, 3)))
"""Where figure 5 of PBConv puts 3x1, 1x3, 3x1, 3x1: middle column, middle row, left and right column."""

BOOST = "boost = [3x1 at (1, 2), 1x3 at (2, 1), 3x1 at (1, 1), 3x1 at (1, 3)]"
PLACED = pbconv.placed({(3, 3): FIGURE_5})
CODE = 'code four = words("1100", "0110", "0011", "1001")'
SEQUENCE = "[7, 16]"


def block(name: str, use: str, judge: str, peer: Callable[[], nn.Module], type: str = "[8, 12, 12]",
          declared: str = "") -> Pair:
    """A use of a block of `std.name` beside its peer."""
    called = use.partition("(")[0]
    return Pair(f"std.{name}.{called}", f"{judge} in {use}", of_block(name, use, type=type, declared=declared), peer)


# --- what torchvision and timm call their blocks ----------------------------------------------------------------------


def _resnet() -> nn.Module:
    _ = torchvision_models()
    from torchvision.models import resnet

    return resnet  # type: ignore[return-value]


def basic(entering: int, leaving: int, stride: int = 1) -> nn.Module:
    """torchvision's BasicBlock, with the downsampling that its ResNet gives it."""
    shortcut = residual.shortcut(entering, leaving, stride)
    return _resnet().BasicBlock(entering, leaving, stride, None if isinstance(shortcut, nn.Identity) else shortcut)


def bottleneck(entering: int, planes: int, stride: int = 1, groups: int = 1, base_width: int = 64) -> nn.Module:
    """torchvision's Bottleneck; its width is `planes * base_width / 64 * groups`, four times `planes` leave."""
    shortcut = residual.shortcut(entering, 4 * planes, stride)
    down = None if isinstance(shortcut, nn.Identity) else shortcut
    return _resnet().Bottleneck(entering, planes, stride, down, groups, base_width)


def inverted(entering: int, leaving: int, stride: int, expand: int) -> nn.Module:
    """torchvision's InvertedResidual of MobileNetV2."""
    _ = torchvision_models()
    from torchvision.models.mobilenetv2 import InvertedResidual

    return InvertedResidual(entering, leaving, stride, expand)


def inverted_of_timm(entering: int, leaving: int, kernel: int, expand: int) -> nn.Module:
    """timm's InvertedResidual with another kernel and activation."""
    _ = timm()
    from timm.models._efficientnet_blocks import InvertedResidual

    return InvertedResidual(entering, leaving, kernel, exp_ratio=expand, act_layer=nn.SiLU)


def separable(entering: int, leaving: int, kernel: int, stride: int) -> nn.Module:
    """timm's DepthwiseSeparableConv without a shortcut, an activation behind both parts, as in MobileNetV1."""
    _ = timm()
    from timm.models._efficientnet_blocks import DepthwiseSeparableConv

    return DepthwiseSeparableConv(entering, leaving, kernel, stride, act_layer=nn.ReLU, noskip=True, pw_act=True)


def unit(entering: int, leaving: int, **given: object) -> nn.Module:
    """torchvision's Conv2dNormActivation."""
    _ = torchvision_models()
    from torchvision.ops import Conv2dNormActivation

    return Conv2dNormActivation(entering, leaving, **given)


def repvgg(entering: int, leaving: int, stride: int = 1) -> nn.Module:
    """timm's RepVGG block in its form for training."""
    _ = timm()
    from timm.models.byobnet import RepVggBlock

    return RepVggBlock(entering, leaving, 3, stride)


def se_basic(entering: int, leaving: int, stride: int, ratio: int) -> nn.Module:
    """timm's BasicBlock with squeeze-and-excitation before the sum, its gate without biases."""
    _ = timm()
    from timm.layers import SEModule
    from timm.models.resnet import BasicBlock

    gate = partial(SEModule, rd_channels=leaving // ratio, bias=False)
    down = None if stride == 1 and entering == leaving else residual.shortcut(entering, leaving, stride)
    return BasicBlock(entering, leaving, stride, down, attn_layer=gate)


class Embedding(nn.Module):
    """The part of timm's VisionTransformer before its first layer."""

    def __init__(self, size: int, patch: int, width: int) -> None:
        super().__init__()
        self.vit = timm().models.VisionTransformer(
            size, patch, 8, 0, embed_dim=width, depth=0, num_heads=1, norm_layer=nn.Identity
        )

    def forward(self, x: Tensor) -> Tensor:
        """[batch, 8, H, W] to [batch, positions, width]."""
        return self.vit._pos_embed(self.vit.patch_embed(x))


def encoder_of_timm(width: int, heads: int, hidden: int) -> nn.Module:
    """timm's layer of a ViT."""
    return timm().models.vision_transformer.Block(width, heads, hidden / width, qkv_bias=True)


def encoder_of_torchvision(width: int, heads: int, hidden: int) -> nn.Module:
    """torchvision's layer of a ViT, the norm as its VisionTransformer gives it."""
    vit = torchvision_models().vision_transformer
    return vit.EncoderBlock(heads, width, hidden, 0.0, 0.0, partial(nn.LayerNorm, eps=1e-6))


def mlp(width: int, hidden: int, act: type[nn.Module]) -> nn.Module:
    """timm's Mlp."""
    _ = timm()
    from timm.layers import Mlp

    return Mlp(width, hidden, act_layer=act)


# --- the table --------------------------------------------------------------------------------------------------------


def _attention() -> list[Pair]:
    tokens = "vit.cls_token", "vit.pos_embed"
    names = {"patch_embedding.class_token.weight": tokens[0], "patch_embedding.position_embedding.weight": tokens[1]}
    embedding = of_block("attention", "patch_embedding(16, patch = 4x4)")

    return [
        Pair("std.attention.patch_embedding", "timm VisionTransformer's", embedding, lambda: Embedding(12, 4, 16),
             in_order(named=names)),
        block("attention", "encoder(4, 48)", "timm's Block", lambda: encoder_of_timm(16, 4, 48), SEQUENCE),
        block("attention", "encoder(2, 64)", "torchvision's EncoderBlock", lambda: encoder_of_torchvision(16, 2, 64),
              SEQUENCE),
        block("attention", "mlp(40)", "timm's Mlp", lambda: mlp(16, 40, nn.GELU), SEQUENCE),
        block("attention", "mlp(40, act = silu)", "timm's Mlp", lambda: mlp(16, 40, nn.SiLU), SEQUENCE),
    ]


def _boost() -> list[Pair]:
    def boosted(use: str, judge: str, plain: Callable[[], nn.Module], later: str = "") -> list[Pair]:
        """A block not boosted, and boosted as figure 5 has it."""
        bare, _, rest = use.partition("(")
        inner = rest.removesuffix(")")
        both = f"{bare}({inner}, {BOOST})"
        made = block("boost", use, judge, plain), block("boost", both, judge, lambda: pbconv.boosted(plain(), PLACED))
        return [Pair(p.ours, p.judge, p.network, p.peer, in_order(later=later)) for p in made]

    later = r"()identity\..*"
    return [
        *boosted("boosted_unit(6, stride = 2)", "torchvision's Conv2dNormActivation", lambda: unit(8, 6, stride=2)),
        *boosted("boosted_unit(6, act = silu)", "torchvision's Conv2dNormActivation",
                 lambda: unit(8, 6, activation_layer=nn.SiLU)),
        *boosted("boosted_basic(8)", "torchvision's BasicBlock", lambda: basic(8, 8)),
        *boosted("boosted_basic(6, stride = 2)", "torchvision's BasicBlock", lambda: basic(8, 6, 2)),
        *boosted("boosted_bottleneck(2)", "torchvision's Bottleneck", lambda: bottleneck(8, 2)),
        *boosted("boosted_bottleneck(6, stride = 2)", "torchvision's Bottleneck", lambda: bottleneck(8, 6, 2)),
        *boosted("boosted_inverted(8)", "torchvision's InvertedResidual", lambda: inverted(8, 8, 1, 6)),
        *boosted("boosted_inverted(8, expand = 1)", "torchvision's InvertedResidual", lambda: inverted(8, 8, 1, 1)),
        *boosted("boosted_inverted(8, stride = 2)", "torchvision's InvertedResidual", lambda: inverted(8, 8, 2, 6)),
        *boosted("boosted_inverted(6, expand = 3)", "torchvision's InvertedResidual", lambda: inverted(8, 6, 1, 3)),
        *boosted("boosted_separable(6)", "mmcv's", lambda: scenes.separable(8, 6)),
        *boosted("boosted_separable(6, dilation = 2)", "mmcv's", lambda: scenes.separable(8, 6, 2)),
        *boosted("boosted_repvgg(8)", "timm's RepVggBlock", lambda: repvgg(8, 8), later),
        *boosted("boosted_repvgg(8, stride = 2)", "timm's RepVggBlock", lambda: repvgg(8, 8, 2), later),
        *boosted("boosted_repvgg(6)", "timm's RepVggBlock", lambda: repvgg(8, 6), later),
        *boosted("boosted_pair(6)", "the pair of Ronneberger et al. 2015, padded",
                 lambda: pbconv.DoubleConvolution(8, 6)),
    ]


def _coded() -> list[Pair]:
    def coded_block(use: str, peer: Callable[[], nn.Module]) -> Pair:
        return block("coded", use, "energies branch by branch", peer, declared=CODE)

    return [
        block("coded", "grouped(32, 16, 4)", "torchvision's Bottleneck", lambda: bottleneck(8, 8, 1, 4, 32)),
        block("coded", "grouped(32, 16, 4, stride = 2)", "torchvision's Bottleneck",
              lambda: bottleneck(8, 8, 2, 4, 32)),
        coded_block("coded(8, 3, four)", lambda: coded.Coded(8, 8, 3, 4, 1)),
        coded_block("coded(6, 3, four, stride = 2)", lambda: coded.Coded(8, 6, 3, 4, 2)),
        coded_block("coded_concat(8, 3, four)", lambda: coded.Coded(8, 8, 3, 4, 1, concat=True)),
        coded_block("coded_concat(6, 3, four, stride = 2)", lambda: coded.Coded(8, 6, 3, 4, 2, concat=True)),
        coded_block("coded_stage(16, 3, four, 3)", lambda: coded.coded_stage(8, 16, 3, 4, 3)),
        coded_block("coded_stage(16, 3, four, 3, use = false)", lambda: coded.grouped_stage(8, 16, 12, 4, 3, 2)),
    ]


def _conv() -> list[Pair]:
    norm_unit = "torchvision's Conv2dNormActivation"

    return [
        block("conv", "unit(6)", norm_unit, lambda: unit(8, 6)),
        block("conv", "unit(6, kernel = 5x5, stride = 2, groups = 2, act = silu)", norm_unit,
              lambda: unit(8, 6, kernel_size=5, stride=2, groups=2, activation_layer=nn.SiLU)),
        block("conv", "pre_activated(6, stride = 2)", "He et al. 2016b, figure 4e",
              lambda: classics.PreActivated(8, 6, 2)),
        block("conv", "separable(6)", "timm's DepthwiseSeparableConv", lambda: separable(8, 6, 3, 1)),
        block("conv", "separable(8, kernel = 5x5, stride = 2)", "timm's DepthwiseSeparableConv",
              lambda: separable(8, 8, 5, 2)),
        block("conv", "inverted(8)", "torchvision's InvertedResidual", lambda: inverted(8, 8, 1, 6)),
        block("conv", "inverted(8, expand = 1)", "torchvision's InvertedResidual", lambda: inverted(8, 8, 1, 1)),
        block("conv", "inverted(8, stride = 2)", "torchvision's InvertedResidual", lambda: inverted(8, 8, 2, 6)),
        block("conv", "inverted(6)", "torchvision's InvertedResidual", lambda: inverted(8, 6, 1, 6)),
        block("conv", "inverted(8, expand = 3, kernel = 5x5, act = silu)", "timm's InvertedResidual",
              lambda: inverted_of_timm(8, 8, 5, 3)),
    ]


def _heads() -> list[Pair]:
    def dense(drop: float = 0.0) -> nn.Module:
        last = (nn.Dropout(drop),) if drop else ()
        return nn.Sequential(nn.Flatten(), nn.Linear(8 * 144, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), *last,
                             nn.Linear(16, 5))

    def pooled(drop: float = 0.0) -> nn.Module:
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(drop), nn.Linear(8, 5))

    plain = "plain layers"
    return [
        block("heads", "pooled(5)", plain, pooled),
        block("heads", "pooled(5, drop = 0.3)", plain, lambda: pooled(0.3)),
        block("heads", "dense(5, width = 16)", plain, dense),
        block("heads", "dense(5, width = 16, drop = 0.3)", plain, lambda: dense(0.3)),
        block("heads", "pyramid(5)", "He et al. 2014, figure 3", lambda: classics.Pyramid(8, 5)),
        block("heads", "pyramid(5)", "He et al. 2014 on a map of 7 x 9,", lambda: classics.Pyramid(8, 5),
              type="[8, 7, 9]"),
    ]


class Resized(nn.Module):
    """A 1x1 convolution, then the mean of each cell of a grid that divides the map."""

    def __init__(self, entering: int, leaving: int, cells: int) -> None:
        super().__init__()
        self.conv, self.cells = nn.Conv2d(entering, leaving, 1), cells

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, C', cells, cells]."""
        x = self.conv(x)
        return x.unflatten(2, (self.cells, -1)).unflatten(4, (self.cells, -1)).mean((3, 5))


def _others() -> list[Pair]:
    """Readouts of layers, patch experts, residual blocks, squeeze-and-excitation."""
    document, plain = "the document's", "plain layers"

    return [
        block("layers", "flattened(5)", plain, lambda: nn.Sequential(nn.Flatten(), nn.Linear(8 * 144, 5))),
        block("layers", "pooled(5)", plain, lambda: residual.classifier(8, 5)),
        block("layers", "resized(5, 4x4)", plain, lambda: Resized(8, 5, 4)),
        block("pce", "project(3x3, 5)", document, lambda: nn.Conv2d(8, 5, 3, 1, 1)),
        block("pce", "expert(6)", document, lambda: pce.Expert(8, 6)),
        block("pce", "expert(8, drop = 0.3)", document, lambda: pce.Expert(8, 8, 0.3)),
        block("pce", "pce(6, size = 5x5, n = 3)", document, lambda: pce.Layer(8, 6, 5, 3, 0.1)),
        block("pce", "pce(6, size = 4x4, temperature = 0.1)", document, lambda: pce.Layer(8, 6, 4, 4, 0.1)),
        block("resnet", "projection(6)", "option B of He et al. 2016", lambda: residual.shortcut(8, 6)),
        block("resnet", "projection(8, stride = 2)", "option B of He et al. 2016",
              lambda: residual.shortcut(8, 8, 2)),
        block("resnet", "basic(8)", "torchvision's BasicBlock", lambda: basic(8, 8)),
        block("resnet", "basic(8, stride = 2)", "torchvision's BasicBlock", lambda: basic(8, 8, 2)),
        block("resnet", "bottleneck(2)", "torchvision's Bottleneck", lambda: bottleneck(8, 2)),
        block("resnet", "bottleneck(4, stride = 2)", "torchvision's Bottleneck", lambda: bottleneck(8, 4, 2)),
        block("resnet", "bottleneck(16, groups = 4, expand = 2)", "torchvision's Bottleneck",
              lambda: bottleneck(8, 8, 1, 4, 32)),
        block("resnet", "stem_cifar(16)", "He et al. 2016, section 4.2", lambda: residual.unit(8, 16)),
        block("resnet", "stem_imagenet(64)", "torchvision's", _stem, type="[3, 17, 17]"),
        block("squeeze", "se_unit(6, stride = 2, ratio = 1)", "Hu et al. 2018, eq. 2 to 4",
              lambda: nn.Sequential(residual.unit(8, 6, 2), squeezed.SqueezeExcite(6, 6))),
        block("squeeze", "se_basic(8, ratio = 4)", "timm's BasicBlock", lambda: se_basic(8, 8, 1, 4)),
        block("squeeze", "se_basic(6, stride = 2, ratio = 3)", "timm's BasicBlock", lambda: se_basic(8, 6, 2, 3)),
    ]


def _stem() -> nn.Module:
    model = torchvision_models().resnet18()
    return nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)


PAIRS = [*_attention(), *_boost(), *_coded(), *_conv(), *_heads(), *_others()]
