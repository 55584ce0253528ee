"""The table of docs/networks.md: `python -m tests.peers.table` writes it into the page.

With names of networks only their rows are counted and measured anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

import archlang
from archlang import Network
from tests.peers import lines
from tests.peers.comparing import Pair, difference
from tests.peers.libraries import timm, torchvision_models
from tests.peers.networks import ROOT
from tests.peers.of_networks import PAIRS

PAGE = ROOT / "docs" / "networks.md"
HEAD = """| network | lines | with `std` | lines there | parameters | FLOPs | difference |
|---|--:|--:|--:|--:|--:|--:|
"""
NAMES = {"mixer_s16": "mixer_s16_224", "vit_small": "vit_small_patch16_224", "res2net50": "res2net50_26w_4s",
         "retinanet_resnet50": "retinanet_resnet50_fpn", "swin_tiny": "swin_tiny_patch4_window7_224",
         "xception": "legacy_xception"}
"""What timm or torchvision calls a network, where its name is longer."""

SIZES = {"r3d_18": {"T": 16, "H": 112, "W": 112}, "wavenet": {"T": 16_000}, "deeplabv3_resnet50": {"H": 520, "W": 520},
         "unet": {"H": 572, "W": 572}, "inception_v3": {"H": 299, "W": 299},
         "gpt2": {"T": 1024}, "sparse_transformer": {"T": 1024}, "lstm_tagger": {"T": 50},
         "transformer": {"S": 50, "T": 50}, "t5": {"S": 50, "T": 50}, "pointnet": {"N": 1024},
         "wav2vec_features": {"T": 16_000}, "tcn": {"T": 784},
         "unet_3d": {"D": 64, "H": 128, "W": 128}, "two_tower": {"S": 50, "T": 12},
         "bert": {"T": 128}, "llama": {"T": 1024}, "clip": {"T": 77}, "conformer": {"T": 1000}, "gat": {"N": 2708},
         "mamba": {"T": 256}, "ddpm": {"H": 32, "W": 32}, "nafnet": {"H": 256, "W": 256},
         "pixelcnn": {"H": 28, "W": 28}}
"""Sizes at which FLOPs are counted; 224 x 224 elsewhere."""


@dataclass(frozen=True)
class Counted:
    """What is counted without torch: lines of the file, with the blocks of `std` that it uses, parameters, FLOPs."""

    own: int
    all: int
    parameters: int
    flops: str


def counted(name: str) -> Counted:
    """Count a network of `examples/networks`."""
    path = ROOT / "examples" / "networks" / f"{name}.arch"
    net = archlang.load(path)
    symbols = SIZES.get(name, {"H": 224, "W": 224})
    sized = archlang.load(path, **{key: symbols[key] for key in _symbols(net)})
    flops = f"{int(sized.flops) / 1e9:.3g} G"
    return Counted(lines.of_arch(path.read_text()), lines.of_arch(net.text), int(net.parameters), flops)


def _symbols(net: Network) -> set[str]:
    """The symbols in the types of a network's inputs."""
    return {str(size) for given in net.graph.inputs for size in given.type.dims if not isinstance(size, int)}


def builder(pair: Pair) -> Callable[..., nn.Module] | None:
    """The function that builds the peer; none where it is a plain module."""
    short = pair.ours.rpartition("/")[2]
    name = NAMES.get(short, short)
    if pair.judge.startswith("timm"):
        made: Callable[..., nn.Module] = timm().models.model_entrypoint(name)
        return made

    models = torchvision_models()
    rooms = [models, models.segmentation, models.video, models.detection]
    return next((getattr(room, name) for room in rooms if hasattr(room, name)), None)


def row(pair: Pair) -> str:
    """One line of the table."""
    name = pair.ours.rpartition("/")[2]
    found = counted(name)
    there = lines.of_model(pair.peer(), builder(pair))
    label = f"[`{name}`](../examples/networks/{name}.arch)"
    return (f"| {label} | {found.own} | {found.all} | {there} | {found.parameters:,} | {found.flops} "
            f"| {difference(pair):.0e} |")


def rows(page: str, only: Sequence[str]) -> Iterator[str]:
    """All lines of the table, in the order of names; with `only`, the others as the page has them."""
    old = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| [`")}

    for pair in sorted(PAIRS, key=lambda pair: pair.ours):
        name = pair.ours.rpartition("/")[2]
        yield old[name] if only and name not in only else row(pair)


def written(page: str, table: str) -> str:
    """The page with another table."""
    before, _, rest = page.partition(HEAD)
    after = rest.split("\n\n", 1)[1]
    return f"{before}{HEAD}{table}\n\n{after}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(written(text, "\n".join(rows(text, sys.argv[1:]))), encoding="utf-8")
