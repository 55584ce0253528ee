"""The networks of `specs/pbconv`: unboosted they are known networks, boosted they grow by branches."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlang.elaborate import load
from archlang.elaborate.network import Network
from archlang.kernels import candidate

FOLDER = Path(__file__).resolve().parents[2] / "specs" / "pbconv"
KNOWN = {  # torchvision 0.28 (vgg16_bn, resnet18, resnet50, resnet101, mobilenet_v2), timm 1.0 (repvgg_a0)
    "vgg16": 138_365_992, "resnet18": 11_689_512, "resnet50": 25_557_032, "resnet101": 44_549_160,
    "mobilenet_v2": 3_504_872, "repvgg_a0": 9_108_968,
    # kuangliu/pytorch-cifar (VGG16) and chenyaofo/pytorch-cifar-models, for ten classes
    "vgg16_cifar": 14_728_266, "repvgg_a0_cifar": 7_840_874,
}
BOOSTED = {  # small kernels' weights and two numbers a channel for each batch norm, by hand or by the test below
    "vgg16": 13, "resnet18": 17, "resnet50": 17, "resnet101": 34, "mobilenet_v2": 18, "repvgg_a0": 22, "unet": 18,
    "vgg16_cifar": 13, "repvgg_a0_cifar": 22, "pspnet": 21, "deeplabv3": 22, "deeplabv3_plus": 26, "centernet": 23,
    "deep_deblur": 122, "mimo_unet": 110,
}
BACKBONES = [  # for as many classes as those who published a count had, which they rounded (millions), or exactly
    ("deeplabv3", "resnet50", 21, 42_004_074),  # torchvision
    ("pspnet", "resnet50", 19, "48.98"), ("pspnet", "mobilenet_v2", 150, "13.7"),  # mmsegmentation
    ("deeplabv3_plus", "resnet50", 19, "43.6"), ("deeplabv3_plus", "mobilenet_v2", 150, "15.3"),
]


def spec(name: str, **dials: object) -> Network:
    """A network of the folder."""
    return load(FOLDER / f"{name}.arch", dials)


def unet(width: int) -> int:
    """Parameters of the U-Net: pairs of 3x3 convolutions with biases, 2x2 transposed ones, a 1x1 to three channels."""
    levels = [width * 2**i for i in range(5)]
    down = sum(9 * a * c + c + 9 * c * c + c for a, c in zip([3, *levels], levels, strict=False))
    up = sum(4 * 2 * c * c + c + 9 * 2 * c * c + c + 9 * c * c + c for c in levels[:-1])
    return down + up + 3 * width + 3


@pytest.mark.parametrize(("name", "parameters"), KNOWN.items())
def test_unboosted_counts_are_the_known_ones(name: str, parameters: int) -> None:
    assert spec(name).parameters == parameters


@pytest.mark.parametrize(("name", "backbone", "classes", "published"), BACKBONES)
def test_counts_of_backbones(name: str, backbone: str, classes: int, published: int | str) -> None:
    parameters = spec(name, backbone=backbone, classes=classes).parameters
    assert isinstance(parameters, int)
    if isinstance(published, str):
        assert f"{parameters / 1e6:.{len(published.partition('.')[2])}f}" == published
    else:
        assert parameters == published


def test_restoring_networks_count_by_hand() -> None:
    """Two residual blocks' worth of 5x5 kernels, and what stands around them (Nah et al. 2017, figure 4)."""
    width, blocks = 64, 19
    scale = 2 * blocks * (25 * width * width + width) + 25 * width * 3 + 3
    first = [25 * entering * width + width for entering in (3, 6, 6)]
    assert spec("deep_deblur").parameters == 3 * scale + sum(first) + 2 * (25 * 3 * 12 + 12)
    assert round(spec("mimo_unet").parameters / 1e6, 1) == 6.8  # as Cho et al. 2021 print it


def test_the_unet_counts_by_hand() -> None:
    assert spec("unet").parameters == unet(64) == 31_031_875
    assert spec("unet", width=8).parameters == unet(8)


@pytest.mark.parametrize("name", BOOSTED)
@pytest.mark.parametrize("boost", ["none", "acb", "dbb", "pbconv"])
def test_the_dial_boosts_every_large_kernel(name: str, boost: str) -> None:
    net = spec(name, boost=boost)
    sums = [node for node in net.graph if node.op.name == "boosted_sum"]
    assert len(sums) == (0 if boost == "none" else BOOSTED[name])
    if boost == "pbconv":
        large = {tuple(node.args["kernel"]) for node in sums}
        chosen = {kernel: [str(w) for w in candidate(kernel, 0)] for kernel in large}
        assert all([str(k) for k in node.args["kernels"]] == chosen[node.args["kernel"]] for node in sums)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "vgg16", "unet"])
def test_branches_add_exactly_their_kernels_and_norms(name: str) -> None:
    plain, net = spec(name), spec(name, boost="pbconv(seed = 3)")
    added = 0
    for node in net.graph:
        if node.op.name == "boosted_sum":
            for port in node.inputs[1:]:
                last = net.graph.node(port.node)
                conv = net.graph.node(last.inputs[0].node) if last.op.name == "batch_norm" else last
                rows, columns = conv.args["kernel"]
                entering, leaving = net.graph.type(conv.inputs[0]).dims[0], conv.outputs[0].dims[0]
                groups = entering if conv.args["groups"] in ("channels", entering) else 1
                added += rows * columns * entering // groups * leaving + (2 * leaving if conv is not last else 0)
    assert net.parameters == plain.parameters + added
