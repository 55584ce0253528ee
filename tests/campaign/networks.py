"""Networks of torchvision, monai, efficientnet_pytorch, transformers and kornia, small where sizes can be chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

Make = Callable[[], tuple[nn.Module, tuple[int, ...]]]


def others() -> dict[str, Make]:
    """All of them by name: how to make one, and the shape of its input."""
    return {**_images(), **_volumes(), **_transformers(), **_kornia()}


def _images() -> dict[str, Make]:
    from efficientnet_pytorch import EfficientNet
    from torchvision import models

    return {
        "torchvision resnet18": lambda: (models.resnet18(), (1, 3, 96, 96)),
        "torchvision googlenet": lambda: (models.googlenet(init_weights=False, aux_logits=False), (1, 3, 96, 96)),
        "torchvision shufflenet_v2": lambda: (models.shufflenet_v2_x0_5(), (1, 3, 96, 96)),
        "torchvision efficientnet_b0": lambda: (models.efficientnet_b0(), (1, 3, 96, 96)),
        "efficientnet_pytorch b0": lambda: (EfficientNet.from_name("efficientnet-b0"), (1, 3, 96, 96)),
    }


def _volumes() -> dict[str, Make]:
    from monai.networks.nets import DenseNet121, SEResNet50, UNet

    def unet(dims: int) -> nn.Module:
        settings = {"channels": (4, 8, 16), "strides": (2, 2), "num_res_units": 2, "norm": "batch"}
        return UNet(spatial_dims=dims, in_channels=1, out_channels=2, **settings)

    return {
        "monai unet 1d": lambda: (unet(1), (2, 1, 32)),
        "monai unet 2d": lambda: (unet(2), (2, 1, 32, 32)),
        "monai unet 3d": lambda: (unet(3), (2, 1, 16, 16, 16)),
        "monai densenet121 3d": lambda: (DenseNet121(3, 1, 2), (1, 1, 32, 32, 32)),
        "monai seresnet50 2d": lambda: (SEResNet50(spatial_dims=2, in_channels=3, num_classes=2), (1, 3, 64, 64)),
    }


def _transformers() -> dict[str, Make]:
    import transformers as t

    sizes: dict[str, Any] = {"embedding_size": 16, "hidden_sizes": [16, 32, 32, 64], "depths": [1, 1, 1, 1]}
    small = (1, 3, 64, 64)
    return {
        "transformers resnet": lambda: (t.ResNetModel(t.ResNetConfig(**sizes)), small),
        "transformers regnet": lambda: (t.RegNetModel(t.RegNetConfig(**sizes, groups_width=8)), small),
        "transformers mobilenet_v1": lambda: (t.MobileNetV1Model(t.MobileNetV1Config(depth_multiplier=0.25)), small),
        "transformers mobilenet_v2": lambda: (t.MobileNetV2Model(t.MobileNetV2Config(depth_multiplier=0.35)), small),
        "transformers hgnet_v2": lambda: (t.HGNetV2Backbone(t.HGNetV2Config(depths=[1, 1, 1, 1])), small),
        "transformers levit": lambda: (t.LevitModel(t.LevitConfig()), (1, 3, 224, 224)),
    }


def _kornia() -> dict[str, Make]:
    from kornia import feature

    patch = (2, 1, 32, 32)
    return {
        "kornia HardNet": lambda: (feature.HardNet(pretrained=False), patch),
        "kornia HardNet8": lambda: (feature.HardNet8(pretrained=False), patch),
        "kornia SOSNet": lambda: (feature.SOSNet(pretrained=False), patch),
        "kornia TFeat": lambda: (feature.TFeat(pretrained=False), patch),
    }
