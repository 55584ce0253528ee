"""Every network of `specs/` and its peer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from archlang.kernels import candidate
from tests.peers.comparing import Pair
from tests.peers.libraries import timm, torchvision_models
from tests.peers.mapping import in_order, in_order_of_use
from tests.peers.networks import of_file
from tests.peers.of_networks import Named
from tests.peers.of_std import repvgg as repvgg_block
from tests.peers.papers import (
    clustering,
    coded,
    layer_attention,
    multipath,
    pbconv,
    pce,
    residual,
    restoring,
    scenes,
    squeezed,
)

REPVGG = in_order(later=r"(.*\.)identity\..*")
"""timm registers the identity's batch norm first, archlang's text has it last."""


def torchvision(name: str, classes: int = 5) -> nn.Module:
    """A network of torchvision."""
    model: nn.Module = getattr(torchvision_models(), name)(num_classes=classes)
    return model


def vgg16(classes: int = 5) -> nn.Module:
    """torchvision's VGG16 for maps of 32 x 32: at 224 its adaptive pool to 7 x 7 does nothing, here there is none."""
    model = torchvision("vgg16_bn", classes)
    model.avgpool = nn.Identity()
    model.classifier[0] = nn.Linear(512, 4096)
    return model


def repvgg(classes: int = 5) -> nn.Module:
    """timm's RepVGG-A0 in its form for training."""
    model: nn.Module = timm().create_model("repvgg_a0", pretrained=False, num_classes=classes)
    return model


def resnext50(classes: int = 5) -> nn.Module:
    """torchvision's ResNeXt-50 (32x4d), its last layer without a bias, as the authors of Coded ResNeXt have it."""
    model = torchvision("resnext50_32x4d", classes)
    model.fc = nn.Linear(2048, classes, bias=False)
    return model


def resnext50_two(classes: int = 5) -> nn.Module:
    """torchvision's ResNet50 of two groups of 64 channels."""
    models = torchvision_models()
    made: nn.Module = models.ResNet(models.resnet.Bottleneck, [3, 4, 6, 3], num_classes=classes, groups=2,
                                    width_per_group=64)
    return made


def proposed(seed: int) -> pbconv.Make:
    """PBConv with the candidate of a seed for each size of kernel (the rules are tested in `tests/kernels`)."""
    def places(kernel: tuple[int, int]) -> list[pbconv.Place]:
        return [((w.height, w.width), (w.row, w.column)) for w in candidate(kernel, seed)]

    return pbconv.placed({(3, 3): places((3, 3)), (7, 7): places((7, 7))})


def _multipath() -> list[Pair]:
    spec = partial(of_file, size=16)
    name = "specs/multipath/{}".format
    plain = {"base_cnn": (32, 64, 128), "wide_cnn": (64, 128, 256)}
    deep = ((32, 32), (64, 64), (128,) * 3, (256,) * 3)

    return [
        *(
            Pair(name(n), "plain C, M and F of table 3.1", spec(name(n)),
                 lambda w=w: residual.plain_cnn(tuple((c, c) for c in w), 16, 10))
            for n, w in plain.items()
        ),
        Pair(name("deep_cnn"), "plain C, M and F of table 3.1", spec(name("deep_cnn")),
             lambda: residual.plain_cnn(deep, 16, 10)),
        Pair(name("base_cnn_x"), "separate paths", spec(name("base_cnn_x")), lambda: multipath.base_cnn_x(3, 16, 10)),
        *(
            Pair(name("base_cnn_cc"), f"algorithm 2 with {n} paths", spec(name("base_cnn_cc"), paths=n, hidden=h),
                 lambda n=n, h=h: multipath.base_cnn_cc(n, 16, 10, h))
            for n, h in ((2, 16), (3, 5))
        ),
        *(
            Pair(name("base_cnn_cp"), f"algorithm 1 with {n} paths", spec(name("base_cnn_cp"), paths=n),
                 lambda n=n: multipath.base_cnn_cp(n, 16, 10))
            for n in (2, 3)
        ),
        Pair(name("cross_stitch"), "cross-stitched paths", spec(name("cross_stitch")),
             lambda: multipath.cross_stitch(2, 16, 10)),
        Pair(name("se_base_cnn"), "SE behind every convolution", spec(name("se_base_cnn")),
             lambda: squeezed.se_base_cnn(16, 32, 10)),
        # More hidden units than in the spec: a single one may be closed for a whole batch, and has no gradient then.
        Pair(name("se_deep_cnn"), "SE behind every convolution", spec(name("se_deep_cnn"), ratio=2),
             lambda: squeezed.se_deep_cnn(16, 2, 10)),
        Pair(name("vgg13_cc"), "algorithm 2", of_file(name("vgg13_cc"), size=64, classes=5),
             lambda: multipath.vgg13_cc(2, 64, 5), batch=2),
        Pair(name("sparse_digits"), "the largest gate's path", of_file(name("sparse_digits")),
             lambda: squeezed.SparsePaths(4, 10), batch=32),
    ]


def _residual() -> list[Pair]:
    name = "specs/multipath/{}".format

    return [
        *(
            Pair(name(n), f"torchvision {n}", of_file(name(n), size=33, classes=5), partial(torchvision, n), batch=2)
            for n in ("resnet18", "resnet34", "resnet50", "resnet101")
        ),
        Pair(name("wide_resnet50"), "torchvision wide_resnet50_2", of_file(name("wide_resnet50"), size=33, classes=5),
             partial(torchvision, "wide_resnet50_2"), batch=2),
        Pair(name("resnext50"), "torchvision's ResNet of two groups", of_file(name("resnext50"), size=33, classes=5),
             resnext50_two, batch=2),
        Pair(name("wide_resnet18"), "He et al. 2016, wider", of_file(name("wide_resnet18"), size=33, classes=5),
             partial(residual.wide_resnet18, 5), batch=2),
        Pair(name("resnet164"), "He et al. 2016, bottlenecks, 20 layers", of_file(name("resnet164"), size=12, depth=20),
             partial(residual.resnet_cifar_bottleneck, 20, 10)),
        Pair(name("wide_resnet_cifar"), "Zagoruyko and Komodakis 2016, 16 layers",
             of_file(name("wide_resnet_cifar"), size=12, depth=16),
             lambda: squeezed.identity_cifar(2, (32, 64, 128), 10)),
        Pair(name("se_resnet_cifar"), "He et al. 2016 with Hu et al. 2018, 14 layers",
             of_file(name("se_resnet_cifar"), size=12, depth=14, ratio=2),
             lambda: squeezed.identity_cifar(2, (16, 32, 64), 10, 2)),
        *(
            Pair(name("resnet_cifar"), f"He et al. 2016, section 4.2, {depth} layers",
                 of_file(name("resnet_cifar"), size=12, depth=depth), partial(residual.resnet_cifar, depth, 10))
            for depth in (8, 20)
        ),
        Pair(name("resnet_cifar_cc"), "algorithm 2", of_file(name("resnet_cifar_cc"), size=12, paths=3),
             lambda: multipath.resnet_cifar_cc(20, 3, 10)),
        Pair(name("resnet_cifar_cp"), "algorithm 1", of_file(name("resnet_cifar_cp"), size=12),
             lambda: multipath.resnet_cifar_cp(20, 2, 10)),
        Pair(name("resnet18_cc"), "algorithm 2", of_file(name("resnet18_cc"), size=33, classes=5),
             lambda: multipath.resnet_imagenet_cc((2, 2, 2, 2), False, 2, 5), batch=2),
        Pair(name("resnet50_cc"), "algorithm 2", of_file(name("resnet50_cc"), size=33, classes=5),
             lambda: multipath.resnet_imagenet_cc((3, 4, 6, 3), True, 2, 5), batch=2),
    ]


def _boosted() -> list[Pair]:
    name = "specs/pbconv/{}".format

    def spec(n: str, boost: str = "none") -> Pair:
        size = 32 if n == "vgg16" else 33
        return Pair(name(n), "", of_file(name(n), size=size, classes=5, boost=boost), nn.Identity)

    def pair(n: str, judge: str, peer: object, boost: str = "none", mapper: object = None) -> Pair:
        made = spec(n, boost)
        batch = 2
        # Norms over two values, as deep maps of two samples have them, make 1e-8 of the rounding of many branches.
        if boost == "dbb":
            batch = 8
        return Pair(made.ours, judge, made.network, peer, mapper or in_order(), batch=batch)  # type: ignore[arg-type]

    libraries = [
        *(pair(n, f"torchvision {n}", partial(torchvision, n))
          for n in ("resnet18", "resnet50", "resnet101", "mobilenet_v2")),
        pair("vgg16", "torchvision vgg16_bn", vgg16),
        pair("repvgg_a0", "timm repvgg_a0", repvgg, mapper=REPVGG),
    ]
    makes = {"acb": pbconv.AsymmetricBranches, "dbb": pbconv.DiverseBranches, "pbconv(seed = 3)": proposed(3)}
    peers = {"resnet18": partial(torchvision, "resnet18"), "mobilenet_v2": partial(torchvision, "mobilenet_v2")}
    boosted = [
        pair(n, f"torchvision {n} with {boost}", lambda p=p, m=m: pbconv.boosted(p(), m), boost)
        for n, p in peers.items() for boost, m in makes.items()
    ]
    repvgg_boosted = pair("repvgg_a0", "timm repvgg_a0 with pbconv(seed = 3)",
                          lambda: pbconv.boosted(repvgg(), proposed(3)), "pbconv(seed = 3)", REPVGG)
    return [*libraries, *boosted, repvgg_boosted, *_unet(), *_small_images(), *_scenes(), *_restoring()]


def _unet() -> list[Pair]:
    name = "specs/pbconv/unet"
    boosted = of_file(name, size=32, width=4, boost="pbconv(seed = 3)")

    return [
        Pair(name, "Ronneberger et al. 2015, padded", of_file(name, size=32, width=4), lambda: pbconv.UNet(4)),
        Pair(name, "the same with pbconv(seed = 3)", boosted, lambda: pbconv.boosted(pbconv.UNet(4), proposed(3))),
    ]


def _small_images() -> list[Pair]:
    def vgg() -> nn.Module:
        layers: list[nn.Module] = []
        entering = 3
        for leaving, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
            for _ in range(count):
                layers += [nn.Conv2d(entering, leaving, 3, padding=1), nn.BatchNorm2d(leaving), nn.ReLU()]
                entering = leaving
            layers.append(nn.MaxPool2d(2))
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 5))

    def small_repvgg() -> nn.Module:
        rows = [(3, 48, 1), *[(48, 48, 1)] * 2, (48, 96, 2), *[(96, 96, 1)] * 3, (96, 192, 2), *[(192, 192, 1)] * 13]
        blocks = [repvgg_block(*row) for row in (*rows, (192, 1280, 2))]
        return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 5))

    vgg_name, repvgg_name = "specs/pbconv/vgg16_cifar", "specs/pbconv/repvgg_a0_cifar"
    return [
        Pair(vgg_name, "kuangliu/pytorch-cifar's VGG16", of_file(vgg_name, classes=5), vgg, batch=2),
        Pair(repvgg_name, "RepVGG-A0 of timm's blocks without two strides", of_file(repvgg_name, size=16, classes=5),
             small_repvgg, REPVGG, batch=2),
    ]


def _scenes() -> list[Pair]:
    """Scores of cells, and centres of objects; one boosted. Each backbone stands in one of them."""
    libraries = {"pspnet": "mmsegmentation's PSPNet", "deeplabv3": "torchvision's DeepLabv3",
                 "deeplabv3_plus": "mmsegmentation's DeepLabv3+"}

    def row(name: str, backbone: str, peer: Callable[[], nn.Module], boost: str = "none") -> Pair:
        size = 48 if name == "pspnet" else 32
        net = of_file(f"specs/pbconv/{name}", backbone=backbone, classes=3, boost=boost)
        judge = f"{libraries[name]} on {backbone}{' boosted' * (boost != 'none')}"
        return Pair(f"specs/pbconv/{name}", judge, net, peer, batch=2, sizes={"H": size, "W": size + 1})

    def of_torchvision() -> nn.Module:
        made = torchvision_models().segmentation.deeplabv3_resnet50(num_classes=3, aux_loss=True, weights_backbone=None)
        return Named(made, maps="out", aux="aux")

    plus = partial(scenes.deeplabv3_plus, "mobilenet_v2", 3)

    centers = "specs/pbconv/centernet"
    return [
        row("pspnet", "resnet18", partial(scenes.pspnet, "resnet18", 3)), row("deeplabv3", "resnet50", of_torchvision),
        row("deeplabv3_plus", "mobilenet_v2", lambda: pbconv.boosted(plus(), pbconv.AsymmetricBranches), "acb"),
        Pair(centers, "mmdetection's CenterNet", of_file(centers, classes=3), lambda: scenes.CenterNet(3), batch=2,
             sizes={"H": 32, "W": 64}),
    ]


def _restoring() -> list[Pair]:
    deep, mimo = "specs/pbconv/deep_deblur", "specs/pbconv/mimo_unet"
    used = in_order_of_use((1, 3, 16, 16), named={"grey.parameter.value": "grey"})

    return [
        Pair(deep, "Nah et al. 2017", of_file(deep, blocks=2, width=6), lambda: restoring.DeepDeblur(2, 6), used,
             sizes={"H": 16, "W": 20}),
        Pair(mimo, "Cho et al. 2021", of_file(mimo, blocks=2, width=8), lambda: restoring.MIMOUNet(2, 8),
             in_order_of_use((1, 3, 16, 16)), sizes={"H": 16, "W": 20}),
    ]


def _coded() -> list[Pair]:
    name = "specs/coded_resnext/{}".format

    def spec(n: str, size: int, **dials: object) -> object:
        return of_file(name(n), size=size, **dials)

    plain = partial(coded.cifar, 10, 11, 10, coded=False)
    return [
        Pair(name("resnext29"), "Xie et al. 2017, plain", of_file(name("resnext29"), size=8), plain),
        Pair(name("cifar10"), "energies branch by branch", of_file(name("cifar10"), size=8),
             lambda: coded.cifar(10, 11, 10)),
        Pair(name("cifar10"), "plain without codes", of_file(name("cifar10"), size=8, use_codes=False), plain),
        Pair(name("cifar100"), "energies branch by branch", of_file(name("cifar100"), size=8),
             lambda: coded.cifar(20, 6, 100)),
        Pair(name("imagenet"), "energies branch by branch", of_file(name("imagenet"), size=33),
             lambda: coded.imagenet(1000), batch=2),
        Pair(name("imagenet"), "torchvision resnext50_32x4d without codes",
             of_file(name("imagenet"), size=33, use_codes=False), lambda: resnext50(1000), batch=2),
        Pair(name("digits"), "energies branch by branch", of_file(name("digits")), lambda: coded.digits(10)),
        Pair(name("digits"), "plain without codes", of_file(name("digits"), use_codes=False),
             lambda: coded.digits(10, coded=False)),
    ]


def _pce() -> list[Pair]:
    name = "specs/pce/{}".format
    cifar, tiny = [(16, 16), (32, 8), (32, 8), (64, 4)], [(12, 4), (24, 2)]

    return [
        Pair(name("pce_cifar10"), "equations 1 to 12", of_file(name("pce_cifar10")),
             lambda: pce.Network(3, cifar, 4, 0.1, 10), batch=2),
        Pair(name("pce_tiny"), "equations 1 to 12", of_file(name("pce_tiny")),
             lambda: pce.Network(1, tiny, 4, 0.1, 10)),
        Pair(name("pce_tiny"), "equations 1 to 12 where patches do not divide", of_file(name("pce_tiny"), size=9, n=3),
             lambda: pce.Network(1, tiny, 3, 0.1, 10)),
        Pair(name("pce_tiny"), "equations 1 to 12 with one expert", of_file(name("pce_tiny"), n=1),
             lambda: pce.Network(1, tiny, 1, 0.1, 10),
             unmoved=("router", "a single expert's weight is 1 whatever its router says")),
        Pair(name("dense_cifar10"), "one expert on the whole map", of_file(name("dense_cifar10"), size=16),
             lambda: pce.Dense(3, (16, 33, 33, 68), 10)),
        Pair(name("dense_tiny"), "one expert on the whole map", of_file(name("dense_tiny")),
             lambda: pce.Dense(1, (12, 27), 10)),
    ]


def _layer_attention() -> list[Pair]:
    name = "specs/layer_attention/{}".format
    kinds = {
        "static_vector": layer_attention.StaticVector,
        "self_attention": lambda sizes: layer_attention.SelfAttention(sizes, 4),
        "recurrent": lambda sizes: layer_attention.Recurrent(sizes, 128),
    }
    rows = {
        "plain": lambda inner, _: inner, "residual_mix": lambda inner, _: layer_attention.Mixed(inner),
        "residual_concat": layer_attention.Contracted,
    }
    small = (16, 16, 32, 32, 64, 64)

    return [
        Pair(name("innate_static"), "figure 5", of_file(name("innate_static"), size=8),
             lambda: layer_attention.innate_static(8, 128, 10)),
        *(
            Pair(name(n), "figure 6", of_file(name(n), size=8),
                 lambda k=k: layer_attention.attended(k, 8, 128, 10))
            for n, k in kinds.items()
        ),
        *(
            Pair(name(n), "the last layer alone", of_file(name(n), size=8),
                 lambda around=around: layer_attention.last_alone(around, 8, 128, 10))
            for n, around in rows.items()
        ),
        *(
            Pair(name(n), "figure 6 with a static vector", of_file(name(n)),
                 lambda: layer_attention.attended(layer_attention.StaticVector, 8, 32, 10, 1, small, normal=True))
            for n in ("digits", "digits_shift")
        ),
        Pair(name("digits_plain"), "the last layer alone", of_file(name("digits_plain")),
             lambda: layer_attention.last_alone(rows["plain"], 8, 32, 10, 1, small)),
        Pair(name("digits_residual"), "equation 1", of_file(name("digits_residual")),
             lambda: layer_attention.last_alone(rows["residual_mix"], 8, 32, 10, 1, small)),
    ]


def _clustering() -> list[Pair]:
    name = "specs/clustering/{}".format
    cifar = ((64, 64), (128, 128), (256, 256))

    return [
        Pair(name("mnist"), "table 4.2", of_file(name("mnist"), size=12),
             lambda: clustering.table_4_2(((64,), (128,), (256,)), 12, 10, hidden=32), batch=5),
        Pair(name("cifar10"), "table 4.2", of_file(name("cifar10"), size=12),
             lambda: clustering.table_4_2(cifar, 12, 10), batch=5),
        Pair(name("cifar100"), "table 4.2", of_file(name("cifar100"), size=12),
             lambda: clustering.table_4_2(cifar, 12, 20), batch=5),
        Pair(name("stl10"), "table 4.2", of_file(name("stl10"), size=16),
             lambda: clustering.table_4_2((*cifar, (256, 256)), 16, 10), batch=5),
        Pair(name("digits"), "its own row of C, M and F", of_file(name("digits")),
             lambda: clustering.digits(10), batch=5),
        Pair(name("two_d"), "section 4.5.1", of_file(name("two_d")), lambda: clustering.plane(10), batch=5),
    ]


PAIRS = [*_multipath(), *_residual(), *_boosted(), *_coded(), *_pce(), *_layer_attention(), *_clustering()]
