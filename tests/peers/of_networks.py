"""Every network of `examples/networks/` and its peer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import ModuleType

from torch import Tensor, nn

from tests.peers.comparing import Pair
from tests.peers.libraries import timm, torchvision_models
from tests.peers.mapping import Mapper, Names, in_order, in_order_of_use
from tests.peers.networks import of_file
from tests.peers.papers import attending, language, modern, others, plain, reparametrized, restoring, sensing


def of_torchvision(name: str, **given: object) -> nn.Module:
    """A network of torchvision, for five classes."""
    model: nn.Module = getattr(torchvision_models(), name)(num_classes=5, **given)
    return model


def of_timm(name: str, **given: object) -> nn.Module:
    """A network of timm, for five classes."""
    model: nn.Module = timm().create_model(name, num_classes=5, **given)
    return model


class Named(nn.Module):
    """A network that hands out several results, under the names of our outputs.

    torchvision hands out auxiliary results in training alone, by a flag of the outermost module. It is set in both
    modes, so that they are compared in both; what lies inside stays in its mode.
    """

    def __init__(self, model: nn.Module, **names: str) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """What the network hands out, each result under the name of our output."""
        self.model.training = True
        made = self.model(x)
        results = made if isinstance(made, dict) else made._asdict()
        return {ours: results[theirs] for ours, theirs in self.names.items()}


class Detector(nn.Module):
    """torchvision's RetinaNet without what is no network: images scaled and batched, boxes chosen."""

    def __init__(self) -> None:
        super().__init__()
        made = torchvision_models().detection.retinanet_resnet50_fpn(num_classes=5, weights_backbone=None)
        self.backbone, self.head = made.backbone, made.head

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """[batch, 3, H, W] to the scores and the boxes of all anchors."""
        answers = self.head(list(self.backbone(image).values()))
        return {"classified": answers["cls_logits"], "boxes": answers["bbox_regression"]}


def pair(name: str, library: str, peer: object, mapper: Mapper | None = None, batch: int = 2, **sizes: int) -> Pair:
    """A file for five classes beside its peer, on small images; H and W, where the sizes are symbols.

    Sizes in small letters are dials of the file.
    """
    size = sizes.pop("size", None)
    dials = {name: sizes.pop(name) for name in [*sizes] if name.islower()}
    network = of_file(f"examples/networks/{name}", size=size, classes=5, **dials)
    return Pair(f"examples/networks/{name}", f"{library}'s {name}", network, peer,  # type: ignore[arg-type]
                mapper or in_order(), batch=batch, sizes=sizes)


def _torchvision() -> list[Pair]:
    library = "torchvision"
    auxiliary = {"aux1": "aux_logits1", "aux2": "aux_logits2", "logits": "logits"}

    return [
        pair("densenet121", library, partial(of_torchvision, "densenet121"), H=39, W=33),
        pair("googlenet", library,
             lambda: Named(of_torchvision("googlenet", aux_logits=True, init_weights=False), **auxiliary),
             size=64),
        pair("inception_v3", library, partial(of_torchvision, "inception_v3", aux_logits=False, init_weights=False),
             H=75, W=79),
        pair("shufflenet_v2_x1_0", library, partial(of_torchvision, "shufflenet_v2_x1_0"), H=33, W=35),
        pair("deeplabv3_resnet50", library, lambda: Named(_deeplabv3(), out="out", aux="aux"), H=33, W=49),
        pair("retinanet_resnet50", library, Detector, H=64, W=49),
        pair("r3d_18", library, lambda: _videos().r3d_18(num_classes=5), T=8, H=17, W=16),
    ]


def _deeplabv3() -> nn.Module:
    """torchvision's DeepLabv3, with the classifier on the way."""
    model: nn.Module = torchvision_models().segmentation.deeplabv3_resnet50(
        num_classes=5, aux_loss=True, weights_backbone=None
    )
    return model


def _videos() -> ModuleType:
    """`torchvision.models.video`."""
    module: ModuleType = torchvision_models().video
    return module


def _timm() -> list[Pair]:
    def row(name: str, peer: str, mapper: Mapper | None = None, **sizes: int) -> Pair:
        return pair(name, "timm", partial(of_timm, peer), mapper, **sizes)

    tokens = in_order(named={"tokens.patch_embedding.class_token.weight": "cls_token",
                             "tokens.patch_embedding.position_embedding.weight": "pos_embed"})
    return [
        row("mobilenetv3_large_100", "mobilenetv3_large_100", H=33, W=35),
        row("efficientnet_b0", "efficientnet_b0", H=33, W=35),
        row("regnety_008", "regnety_008", H=33, W=35),
        row("convnext_tiny", "convnext_tiny", in_order(later=r"(.*\.)gamma"), H=33, W=35),
        _ghostnet(),
        row("skresnet18", "skresnet18", H=33, W=35),
        row("hrnet_w18_small", "hrnet_w18_small", in_order_of_use((1, 3, 32, 32)), H=32, W=64),
        row("res2net50", "res2net50_26w_4s", in_order_of_use((1, 3, 33, 39)), H=33, W=39),
        pair("mixer_s16", "timm", partial(of_timm, "mixer_s16_224", img_size=64), size=64),
        pair("vit_small", "timm", partial(of_timm, "vit_small_patch16_224", img_size=64), tokens, size=64),
        pair("swin_tiny", "timm", partial(of_timm, "swin_tiny_patch4_window7_224", img_size=64, window_size=2,
                                          embed_dim=24, drop_path_rate=0.0), size=64, width=24, window=2),
        row("cspdarknet53", "cspdarknet53", in_order_of_use((1, 3, 32, 32)), H=32, W=64),
        row("repvgg_b0", "repvgg_b0", in_order(later=r"(.*\.)identity\..*"), H=33, W=35),
        pair("convmixer_768_32", "timm", partial(modern.convmixer, 5, 24, 3), H=31, W=29, width=24, depth=3),
        row("poolformer_s12", "poolformer_s12", H=33, W=35),
        row("xception", "legacy_xception", H=71, W=75),
        row("dpn68", "dpn68", H=33, W=35),
        pair("nf_resnet50", "timm", partial(of_timm, "nf_resnet50", channels=(32, 64, 128, 256), stem_chs=8),
             in_order_of_use((1, 3, 33, 35)), H=33, W=35, width=32),
        row("mobileone_s0", "mobileone_s0", in_order(later=r"(.*\.)identity\..*"), H=33, W=35),
    ]


def _ghostnet() -> Pair:
    """timm's GhostNet calls `dropout` as a function, which `no_chance` cannot switch off: it is made without."""
    made = pair("ghostnet_100", "timm", partial(of_timm, "ghostnet_100", drop_rate=0.0), H=33, W=35)
    return replace(made, chances=False)


def _papers() -> list[Pair]:
    """Networks whose peers are plain modules."""
    small = of_file("examples/networks/wavenet", levels=12, channels=6, skips=10)

    return [
        Pair("examples/networks/unet", "Ronneberger et al. 2015, figure 1",
             of_file("examples/networks/unet", width=8, classes=3), lambda: plain.UNet(8, 3), batch=2,
             sizes={"H": 37, "W": 51}),
        Pair("examples/networks/pointnet", "Qi et al. 2017, figure 2", of_file("examples/networks/pointnet", classes=5),
             lambda: others.PointNet(5), in_order(named={"seen.turned.matrix.add.parameter.value": "turned.start"}),
             batch=4, sizes={"N": 16}),
        Pair("examples/networks/vq_vae", "van den Oord et al. 2017, figure 1",
             of_file("examples/networks/vq_vae", width=8, codes=7, vector=6), lambda: others.VQVAE(8, 7, 6), batch=2,
             sizes={"H": 8, "W": 12}),
        Pair("examples/networks/cgan_generator", "Mirza and Osindero 2014, with DCGAN's layers",
             of_file("examples/networks/cgan_generator", width=8), lambda: plain.Generator(100, 10, 8)),
        Pair("examples/networks/siamese", "Koch et al. 2015, figure 4",
             of_file("examples/networks/siamese", size=85, features=24), lambda: plain.Siamese(9, 24)),
        Pair("examples/networks/wavenet", "van den Oord et al. 2016, figure 4", small,
             lambda: plain.WaveNet(12, 6, 10, 10, 2), in_order_of_use((1, 12, 40)), sizes={"T": 530}),
    ]


def _reparametrized() -> list[Pair]:
    """Networks that draw, and networks with calculated kernels."""
    return [
        Pair("examples/networks/vae", "Kingma and Welling 2014, appendix C",
             of_file("examples/networks/vae", hidden=12, latent=5), lambda: reparametrized.VAE(12, 5),
             in_order(named={"excess.add.parameter.value": "one"})),
        Pair("examples/networks/tcn", "Bai et al. 2018, figure 1",
             of_file("examples/networks/tcn", width=6, levels=3, classes=5, k=3),
             lambda: reparametrized.TCN(6, 3, 5, 3), _lengths, sizes={"T": 15}),
    ]


def _lengths(ours: nn.Module, peer: nn.Module) -> Names:
    """Tensors in order: torch has a bias, a length and a direction where ours has the direction, bias and length."""
    mine, given = list(ours.state_dict()), list(peer.state_dict())
    theirs = list(given)
    for index, name in enumerate(given):
        if name.endswith("original0"):
            theirs[index - 1 : index + 2] = [given[index + 1], given[index - 1], name]
    assert len(mine) == len(theirs)
    return list(zip(mine, theirs, strict=True))


def _tokens() -> list[Pair]:
    """Networks over tokens, beside plain modules."""
    return [
        Pair("examples/networks/gpt2", "Radford et al. 2019",
             of_file("examples/networks/gpt2", tokens=30, positions=16, width=16, depth=2, heads=4),
             lambda: language.GPT2(30, 16, 16, 2, 4), sizes={"T": 9}),
        Pair("examples/networks/lstm_tagger", "Huang et al. 2015, figure 4",
             of_file("examples/networks/lstm_tagger", tokens=30, tags=5, width=6, hidden=7),
             lambda: language.Tagger(30, 5, 6, 7), sizes={"T": 8}),
        Pair("examples/networks/sparse_transformer", "Jiang et al. 2024, section 2",
             of_file("examples/networks/sparse_transformer", tokens=30, width=16, depth=2, heads=4, kv_heads=2,
                     hidden=10, choices=4),
             lambda: language.Mixtral(30, 16, 2, 4, 2, 10, 4), sizes={"T": 9}),
        Pair("examples/networks/transformer", "Vaswani et al. 2017, figure 1",
             of_file("examples/networks/transformer", tokens=30, width=16, hidden=24, depth=2, heads=4),
             lambda: others.Transformer(30, 16, 24, 2, 4), sizes={"T": 6, "S": 9}),
        Pair("examples/networks/t5", "Raffel et al. 2020",
             of_file("examples/networks/t5", tokens=30, width=16, hidden=24, depth=2, heads=4),
             lambda: others.T5(30, 16, 24, 2, 4), sizes={"T": 21, "S": 27}),
    ]


def _modern() -> list[Pair]:
    """Networks of sound, volumes, tables, retrieval and adversaries, beside plain modules."""
    return [
        Pair("examples/networks/wav2vec_features", "Baevski et al. 2020, section 2",
             of_file("examples/networks/wav2vec_features", width=12, leaving=10),
             lambda: modern.Wav2VecFeatures(12, 10), sizes={"T": 1500}),
        Pair("examples/networks/unet_3d", "Cicek et al. 2016, figure 2",
             of_file("examples/networks/unet_3d", classes=2, width=3), lambda: modern.UNet3D(3, 2, 3), batch=2,
             sizes={"D": 8, "H": 16, "W": 8}),
        Pair("examples/networks/tabular", "Guo and Berkhahn 2016", of_file("examples/networks/tabular"),
             modern.Tabular, batch=6),
        Pair("examples/networks/two_tower", "Covington et al. 2016",
             of_file("examples/networks/two_tower", users=7, items=9, words=11, width=6),
             lambda: modern.TwoTower(7, 9, 11, 6), sizes={"S": 5, "T": 4}),
        Pair("examples/networks/dcgan_discriminator", "Radford et al. 2016, section 3",
             of_file("examples/networks/dcgan_discriminator", width=4), lambda: modern.Discriminator(4), batch=2),
    ]


def _attending() -> list[Pair]:
    """Transformers of text, images with text, noise and speech, beside plain modules."""
    return [
        Pair("examples/networks/bert", "Devlin et al. 2019",
             of_file("examples/networks/bert", tokens=30, most=12, width=16, depth=2, heads=4, drop=0.0),
             lambda: attending.BERT(30, 12, 16, 2, 4, 0.0), sizes={"T": 9}),
        Pair("examples/networks/llama", "Dubey et al. 2024",
             of_file("examples/networks/llama", tokens=30, width=16, depth=2, heads=4, kv_heads=2, hidden=24),
             lambda: attending.Llama(30, 16, 2, 4, 2, 24), sizes={"T": 9}),
        Pair("examples/networks/clip", "Radford et al. 2021, section 2.4",
             of_file("examples/networks/clip", side=32, patch=8, width=64, tokens=30, most=12, text_width=64, depth=1,
                     joint=10),
             lambda: attending.CLIP(32, 8, 64, 30, 12, 64, 1, 10), sizes={"T": 9},
             unmoved=("factor", "the loss alone reads it")),
        Pair("examples/networks/dit", "Peebles and Xie 2023, figure 3",
             of_file("examples/networks/dit", side=8, classes=5, width=16, depth=2, heads=4),
             lambda: attending.DiT(8, 4, 2, 5, 16, 2, 4)),
        Pair("examples/networks/conformer", "Gulati et al. 2020, section 2",
             of_file("examples/networks/conformer", mels=16, letters=5, wide=8, depth=2, heads=2, kernel=5),
             lambda: sensing.Conformer(16, 5, 8, 2, 2, 5), sizes={"T": 23}),
    ]


def _sensing() -> list[Pair]:
    """Networks of noise, places in space, graphs, states and images restored, beside plain modules."""
    return [
        Pair("examples/networks/ddpm", "Ho et al. 2020, appendix B",
             of_file("examples/networks/ddpm", width=8, groups=4), lambda: sensing.DDPM(8, 4), batch=2,
             sizes={"H": 12, "W": 9}),
        Pair("examples/networks/nerf", "Mildenhall et al. 2020, figure 7",
             of_file("examples/networks/nerf", width=16), lambda: sensing.NeRF(16), batch=24),
        Pair("examples/networks/gat", "Velickovic et al. 2018",
             of_file("examples/networks/gat", features=9, classes=5, heads=2, c=4), lambda: sensing.GAT(9, 5, 2, 4),
             sizes={"N": 7}),
        Pair("examples/networks/mamba", "Gu and Dao 2023, algorithm 2",
             of_file("examples/networks/mamba", tokens=30, width=16, depth=2, state=3),
             lambda: sensing.Mamba(30, 16, 2, 3, 4), sizes={"T": 11}),
        Pair("examples/networks/pixelcnn", "van den Oord et al. 2016, table 1",
             of_file("examples/networks/pixelcnn", levels=7, h=3, depth=2), lambda: plain.PixelCNN(7, 3, 2),
             sizes={"H": 11, "W": 9}),
        Pair("examples/networks/nafnet", "Chen et al. 2022, figures 2 and 3",
             of_file("examples/networks/nafnet", width=4, counts=[1, 1, 1, 1], middle=1, decoders=[1, 1, 1, 1]),
             lambda: restoring.NAFNet(4, [1, 1, 1, 1], 1, [1, 1, 1, 1]), batch=2, sizes={"H": 32, "W": 16}),
    ]


PAIRS = [*_torchvision(), *_timm(), *_papers(), *_reparametrized(), *_tokens(), *_modern(), *_attending(), *_sensing()]
