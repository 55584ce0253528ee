"""Specs of the project train some steps from their own `train { }`: the small ones here, all in a campaign."""

from math import isfinite
from pathlib import Path

import pytest

from archlang.elaborate import load
from tests.campaign.specs import ROOT, SPECS, trainable, trained

LARGEST = 3e8
"""FLOPs a sample of those that train here."""


LARGE = {
    "clustering": ("cifar10", "cifar100", "stl10"),
    "coded_resnext": ("cifar10", "cifar100", "imagenet", "resnext29"),
    "multipath": (
        "resnet101", "resnet164", "resnet18", "resnet18_cc", "resnet34", "resnet50", "resnet50_cc", "resnext50",
        "se_resnet_cifar", "vgg13_cc", "wide_cnn", "wide_resnet18", "wide_resnet50", "wide_resnet_cifar",
    ),
    "pbconv": (
        "centernet", "deep_deblur", "deeplabv3", "deeplabv3_plus", "mimo_unet", "mobilenet_v2", "pspnet", "repvgg_a0",
        "repvgg_a0_cifar", "resnet101", "resnet18", "resnet50", "unet", "vgg16", "vgg16_cifar",
    ),
    "pce": ("dense_cifar10", "pce_cifar10"),
}
"""Those of more, or of an open number. They are named, so that no network has to be read to collect the tests."""


def is_large(path: Path) -> bool:
    return path.stem in LARGE.get(path.parent.name, ())


CASES = [path for path in SPECS if trainable(path) and not is_large(path)]


def test_the_large_ones_are_large() -> None:
    wrong = []
    for path in SPECS:
        flops = load(path).flops
        small = isinstance(flops, int) and flops <= LARGEST
        if trainable(path) and small is is_large(path):
            wrong.append(path.name)
    assert wrong == []


def test_every_system_has_a_spec_here() -> None:
    assert {path.parent.name for path in CASES} >= {"multipath", "layer_attention", "coded_resnext", "pce"}


@pytest.mark.parametrize("path", CASES, ids=lambda path: str(path.relative_to(ROOT / "specs").with_suffix("")))
def test_a_spec_trains(path: Path) -> None:
    result = trained(path)
    assert result.history
    assert all(isfinite(epoch.train_loss) and not epoch.skipped for epoch in result.history)
