"""Every network of `examples/` and its peer."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from tests.peers.comparing import Pair
from tests.peers.libraries import timm, torchvision_models
from tests.peers.mapping import in_order
from tests.peers.networks import of_file
from tests.peers.papers import classics, clustering, language, multipath


def small_vit(classes: int) -> nn.Module:
    """timm's VisionTransformer of the same sizes."""
    model: nn.Module = timm().models.VisionTransformer(
        img_size=32, patch_size=4, num_classes=classes, embed_dim=64, depth=4, num_heads=4
    )
    return model


def two_paths(paths: int, classes: int) -> nn.Module:
    """`examples/04_paths.arch`: algorithm 2 with 8 hidden units between two convolutions."""
    def first() -> nn.Module:
        return nn.Sequential(classics.unit(1, 16), nn.MaxPool2d(2))

    def second() -> nn.Module:
        return nn.Sequential(classics.unit(16, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    return Averaged(
        multipath.Paths(nn.Identity(), [
            multipath.Each(paths, first), multipath.CrossConnection(paths, paths, 16, 8),
            multipath.Each(paths, second),
        ], copies=paths),
        nn.Linear(32, classes),
    )


class Averaged(nn.Module):
    """The mean of paths, then one linear layer for all of them."""

    def __init__(self, paths: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.paths, self.head = paths, head

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, classes]."""
        return self.head(self.paths(x))


TOKENS = in_order(named={
    "tokens.patch_embedding.class_token.weight": "cls_token",
    "tokens.patch_embedding.position_embedding.weight": "pos_embed",
})

PAIRS = [
    Pair("examples/01_sequential", "its text", of_file("examples/01_sequential", size=8),
         lambda: classics.sequential(8, 10)),
    Pair("examples/02_blocks", "its text", of_file("examples/02_blocks", size=16), lambda: classics.blocks(2, 10)),
    Pair("examples/03_residual", "its text", of_file("examples/03_residual", size=8), lambda: classics.residual(10)),
    Pair("examples/04_paths", "algorithm 2 of the thesis", of_file("examples/04_paths", paths=3),
         partial(two_paths, 3, 10)),
    Pair("examples/05_branches", "Szegedy et al. 2015, figure 2b", of_file("examples/05_branches", size=8),
         lambda: classics.Branches(10)),
    Pair("examples/06_symbolic_sizes", "its text", of_file("examples/06_symbolic_sizes"),
         lambda: classics.Segmenter(5), sizes={"H": 16, "W": 24}),
    Pair("examples/07_transformer", "timm VisionTransformer", of_file("examples/07_transformer"),
         lambda: small_vit(10), TOKENS),
    Pair("examples/12_several_inputs", "its text", of_file("examples/12_several_inputs", size=8),
         lambda: classics.Several(5)),
    Pair("examples/13_table", "torchvision mobilenet_v2", of_file("examples/13_table", size=33, classes=5),
         lambda: torchvision_models().mobilenet_v2(num_classes=5), batch=2),
    Pair("examples/15_layer", "its text", of_file("examples/15_layer"), lambda: classics.Detector(4, 3)),
    Pair("examples/14_cluster", "section 4.5.1 of the thesis", of_file("examples/14_cluster"),
         partial(clustering.plane, 4), batch=5),
    Pair("examples/15_tokens", "the blocks of GPT-2 by torch's encoder layer", of_file("examples/15_tokens"),
         lambda: language.SmallGPT(256, 128, 64, 2, 4), sizes={"T": 20}),
]
