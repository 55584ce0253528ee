"""The networks that import is tried on: a member or two of every family of timm and torchvision that is convolutional.

A family is a file of timm, or of torchvision. Each of them stands in one of the two tables below, which `families`
checks against the libraries themselves, so that a new one cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType

from torch import nn

from tests.peers import libraries

TIMM: Mapping[str, tuple[str, ...]] = {
    "byobnet": ("gernet_s", "resnext26ts", "repvgg_a0", "mobileone_s0", "bat_resnext26ts"),
    "convmixer": ("convmixer_768_32",),
    "convnext": ("convnext_atto", "convnextv2_atto"),
    "cspnet": ("cs3darknet_focus_s", "cspresnet50"),
    "cspnext": ("cspnext_tiny",),
    "csatv2": ("csatv2",),
    "densenet": ("densenet121",),
    "dla": ("dla34", "dla46x_c"),
    "dpn": ("dpn48b",),
    "edgenext": ("edgenext_xx_small",),
    "efficientnet": ("efficientnet_b0", "mobilenetv2_050", "mixnet_s", "tf_efficientnet_b0", "efficientnetv2_rw_t"),
    "fasternet": ("fasternet_t0",),
    "fastvit": ("fastvit_t8",),
    "focalnet": ("focalnet_tiny_srf",),
    "ghostnet": ("ghostnet_050", "ghostnetv2_100"),
    "hardcorenas": ("hardcorenas_a",),
    "hgnet": ("hgnet_tiny", "hgnetv2_b0"),
    "hrnet": ("hrnet_w18_small",),
    "inception_next": ("inception_next_atto",),
    "inception_resnet_v2": ("inception_resnet_v2",),
    "inception_v3": ("inception_v3",),
    "inception_v4": ("inception_v4",),
    "lcnetv2": ("lcnetv2_small",),
    "mambaout": ("mambaout_femto",),
    "metaformer": ("poolformer_s12", "convformer_s18"),
    "mobilenetv3": ("lcnet_050", "mobilenetv3_small_050", "mobilenetv4_conv_small_050", "fbnetv3_b"),
    "mobilenetv5": ("mobilenetv5_base",),
    "nasnet": ("nasnetalarge",),
    "nfnet": ("nfnet_l0", "dm_nfnet_f0"),
    "pnasnet": ("pnasnet5large",),
    "rdnet": ("rdnet_tiny",),
    "regnet": ("regnetx_002", "regnety_002"),
    "repghost": ("repghostnet_050",),
    "repvit": ("repvit_m0_9",),
    "res2net": ("res2net50_26w_4s",),
    "resnest": ("resnest14d",),
    "resnet": ("resnet18", "resnet50d", "ecaresnet26t", "seresnet50"),
    "resnetv2": ("resnetv2_18", "resnetv2_50x1_bit"),
    "rexnet": ("rexnet_100",),
    "selecsls": ("selecsls42b",),
    "senet": ("legacy_seresnet18",),
    "sknet": ("skresnet18",),
    "starnet": ("starnet_s050",),
    "tresnet": ("tresnet_m",),
    "vgg": ("vgg11_bn",),
    "vovnet": ("ese_vovnet19b_slim",),
    "xception": ("legacy_xception",),
    "xception_aligned": ("xception41",),
}
"""The convolutional families of timm, each with the members that are tried."""

ATTENTIVE: Mapping[str, tuple[str, ...]] = {
    "beit": (), "byoanet": (), "cait": (), "coat": (), "convit": (), "cpubone": (), "crossvit": (), "davit": (),
    "deepseek_vit": (), "deit": ("deit3_small_patch16_224",), "efficientformer": (), "efficientformer_v2": (),
    "efficientvim": (), "efficientvit_mit": (), "efficientvit_msra": (), "eva": (), "gcvit": (), "gemma4_vit": (),
    "hiera": (), "hieradet_sam2": (), "iformer": (), "levit": (), "lowformer": (), "maxxvit": (),
    "mlp_mixer": ("mixer_s32_224",), "mobilevit": (), "mvitv2": (), "naflexvit": (), "nest": (), "nextvit": (),
    "pit": (), "pvt_v2": (), "qwen3_vit": (), "sequencer": (), "shvit": (), "swiftformer": (),
    "swin_transformer": ("swin_tiny_patch4_window7_224",), "swin_transformer_v2": (), "swin_transformer_v2_cr": (),
    "tiny_vit": (), "tnt": (), "twins": (), "visformer": (), "vision_transformer": ("vit_tiny_patch16_224",),
    "vision_transformer_hybrid": (), "vision_transformer_relpos": (), "vision_transformer_sam": (), "vitamin": (),
    "volo": (), "xcit": (),
}
"""The families of timm that are made of attention, of mixed tokens or of states, with those that are tried, too."""

TORCHVISION: Mapping[str, tuple[str, ...]] = {
    "alexnet": ("alexnet",),
    "convnext": ("convnext_tiny",),
    "densenet": ("densenet121",),
    "efficientnet": ("efficientnet_b0", "efficientnet_v2_s"),
    "googlenet": ("googlenet",),
    "inception": ("inception_v3",),
    "maxvit": ("maxvit_t",),
    "mnasnet": ("mnasnet0_5",),
    "mobilenetv2": ("mobilenet_v2",),
    "mobilenetv3": ("mobilenet_v3_small",),
    "regnet": ("regnet_x_400mf", "regnet_y_400mf"),
    "resnet": ("resnet18", "resnext50_32x4d", "wide_resnet50_2"),
    "shufflenetv2": ("shufflenet_v2_x0_5",),
    "squeezenet": ("squeezenet1_1",),
    "swin_transformer": ("swin_t", "swin_v2_t"),
    "vgg": ("vgg11_bn",),
    "vision_transformer": ("vit_b_16",),
    "segmentation.deeplabv3": ("deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50"),
    "segmentation.fcn": ("fcn_resnet50",),
    "segmentation.lraspp": ("lraspp_mobilenet_v3_large",),
    "video.mvit": ("mvit_v1_b", "mvit_v2_s"),
    "video.resnet": ("mc3_18", "r2plus1d_18", "r3d_18"),
    "video.s3d": ("s3d",),
    "video.swin_transformer": ("swin3d_t",),
}
"""The families of torchvision's networks for classes, segments and videos, each with the members that are tried."""

ELSEWHERE = ("detection", "optical_flow", "quantization")
"""Kinds of torchvision's networks that are none of these."""

SIZES: Mapping[str, tuple[int, ...]] = {
    "torchvision:vit_b_16": (3, 224, 224), "torchvision:swin_t": (3, 224, 224), "torchvision:swin_v2_t": (3, 256, 256),
    "torchvision:maxvit_t": (3, 224, 224), "torchvision:s3d": (3, 16, 224, 224),
    "torchvision:inception_v3": (3, 299, 299),
    "torchvision:mvit_v1_b": (3, 16, 224, 224), "torchvision:mvit_v2_s": (3, 16, 224, 224),
    "timm:inception_v3": (3, 299, 299), "timm:inception_v4": (3, 299, 299), "timm:inception_resnet_v2": (3, 299, 299),
    "timm:bat_resnext26ts": (3, 256, 256), "timm:nasnetalarge": (3, 331, 331), "timm:pnasnet5large": (3, 331, 331),
}
"""The sizes of a sample, where a network takes no small ones."""

SMALL: Mapping[str, tuple[int, ...]] = {"segmentation": (3, 64, 64), "video": (3, 16, 64, 64)}
"""The sizes of a sample by its kind; (3, 128, 128) for all others."""

Make = Callable[[], tuple[nn.Module, tuple[int, ...]]]


def families(attentive: bool = False) -> Iterator[tuple[str, str, Make]]:
    """Every network that is tried: its family, its name, and how to make it with the sizes of a sample.

    Raises `ValueError` where a library has a family that no table names, or no longer has one that a table names.
    """
    timm, torchvision = libraries.timm(), libraries.torchvision_models()
    _same("timm", set(timm.list_modules()), {*TIMM, *ATTENTIVE})
    _same("torchvision", _kinds(torchvision), set(TORCHVISION))

    for family, names in {**TIMM, **(ATTENTIVE if attentive else {})}.items():
        for name in names:
            yield f"timm {family}", f"timm:{name}", _timm(name)
    for family, names in TORCHVISION.items():
        for name in names:
            yield f"torchvision {family}", f"torchvision:{name}", _torchvision(family, name)


def _same(library: str, found: set[str], known: set[str]) -> None:
    if found != known:
        raise ValueError(f"{library} has {sorted(found - known)}, and no more {sorted(known - found)}")


def _kinds(models: ModuleType) -> set[str]:
    """The families of torchvision: the files that its networks stand in."""
    kinds = set()
    for name in models.list_models():
        module = models.get_model_builder(name).__module__.removeprefix("torchvision.models.")
        if not module.startswith(ELSEWHERE):
            kinds.add(module)
    return kinds


def _timm(name: str) -> Make:
    def make() -> tuple[nn.Module, tuple[int, ...]]:
        model = libraries.timm().create_model(name, pretrained=False)
        known = model.pretrained_cfg
        if known.get("fixed_input_size"):
            return model, tuple(known["input_size"])
        return model, SIZES.get(f"timm:{name}", (3, 128, 128))

    return make


def _torchvision(family: str, name: str) -> Make:
    kind = family.partition(".")[0]

    def make() -> tuple[nn.Module, tuple[int, ...]]:
        more = {"weights_backbone": None} if kind == "segmentation" else {}
        model = libraries.torchvision_models().get_model(name, weights=None, **more)
        return model, SIZES.get(f"torchvision:{name}", SMALL.get(kind, (3, 128, 128)))

    return make
