"""Import of the networks of libraries: `python -m tests.campaign.importing` writes the table of docs/import.md.

One or two members of each convolutional family of timm, and of torchvision's networks for classes, segments and
videos. No weights are fetched: import compares in float64 with weights drawn anew. A network that differs, or that is
refused, is in the table with its reason; fewer than nine of ten equal ones end the campaign with status 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch
from torch import nn

from archlang.diagnostics import ArchError
from archlang.importing import import_model
from tests.peers import libraries

TIMM = (
    "bat_resnext26ts", "gernet_s", "resnext26ts", "repvgg_a0", "mobileone_s0", "convmixer_768_32", "convnext_atto",
    "convnext_tiny", "cs3darknet_focus_s", "cspresnet50", "cspnext_tiny", "csatv2", "densenet121", "dla34",
    "dla46x_c", "nfnet_l0", "dpn48b", "ese_vovnet19b_slim", "resnet18", "resnet50d", "ecaresnet26t", "seresnet50",
    "edgenext_xx_small", "efficientnet_b0", "mobilenetv2_050", "mixnet_s", "tf_efficientnet_b0", "efficientnetv2_rw_t",
    "fasternet_t0", "fastvit_t8", "lcnet_050", "mobilenetv3_small_050", "mobilenetv4_conv_small_050",
    "focalnet_tiny_srf", "ghostnet_050", "ghostnetv2_100", "hardcorenas_a", "hgnet_tiny", "hgnetv2_b0",
    "hrnet_w18_small",
    "inception_next_atto", "inception_resnet_v2", "inception_v3", "inception_v4", "lcnetv2_small", "legacy_seresnet18",
    "legacy_xception", "mambaout_femto", "poolformer_s12", "convformer_s18", "nasnetalarge", "pnasnet5large",
    "rdnet_tiny", "regnetx_002", "regnety_002", "repghostnet_050", "repvit_m0_9", "res2net50_26w_4s", "resnest14d",
    "resnetv2_18", "resnetv2_50x1_bit", "rexnet_100", "selecsls42b", "skresnet18", "starnet_s050", "tresnet_m",
    "vgg11_bn", "xception41", "vit_small_patch16_224",
)
CLASSES = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3",
    "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf", "regnet_y_400mf", "resnet18",
    "resnext50_32x4d", "shufflenet_v2_x0_5", "squeezenet1_1", "vgg11_bn", "wide_resnet50_2", "maxvit_t", "swin_t",
    "vit_b_16",
)
SEGMENTS = ("deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50", "fcn_resnet50", "lraspp_mobilenet_v3_large")
VIDEOS = ("mc3_18", "r2plus1d_18", "r3d_18", "s3d", "mvit_v1_b", "swin3d_t")

Make = Callable[[], tuple[nn.Module, tuple[int, ...]]]


@dataclass(frozen=True)
class Outcome:
    """What became of one network."""

    name: str
    lines: int
    blocks: int
    nodes: int
    difference: float
    reasons: tuple[str, ...]
    seconds: float


def networks() -> Iterator[tuple[str, Make]]:
    """Every network by name: how to make it, and the sizes of a sample."""
    for name in TIMM:
        yield f"timm:{name}", lambda name=name: _timm(name)  # type: ignore[misc]
    for names, sizes in ((CLASSES, (3, 128, 128)), (SEGMENTS, (3, 64, 64)), (VIDEOS, (3, 16, 64, 64))):
        for name in names:
            yield f"torchvision:{name}", lambda name=name, sizes=sizes: _torchvision(name, sizes)  # type: ignore[misc]


def _timm(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    model = libraries.timm().create_model(name, pretrained=False)
    known = model.pretrained_cfg
    if known.get("fixed_input_size") or "inception" in name or "nasnet" in name:
        return model, tuple(known["input_size"])
    return model, (3, 128, 128)


def _torchvision(name: str, sizes: tuple[int, ...]) -> tuple[nn.Module, tuple[int, ...]]:
    fixed = {"vit_b_16": (3, 224, 224), "swin_t": (3, 224, 224), "maxvit_t": (3, 224, 224), "s3d": (3, 16, 224, 224),
             "mvit_v1_b": (3, 16, 224, 224), "inception_v3": (3, 299, 299)}
    more = {"weights_backbone": None} if name in SEGMENTS else {}
    model = libraries.torchvision_models().get_model(name, weights=None, **more)
    return model, fixed.get(name, sizes)


def tried(name: str, make: Make) -> Outcome:
    """Import one network."""
    model, sizes = make()
    started = time.perf_counter()
    try:
        found = import_model(model.eval(), (torch.zeros(2, *sizes),))
    except ArchError as problem:
        reasons = tuple(one.message for one in problem.diagnostics)
        return Outcome(name, 0, 0, 0, float("inf"), reasons, time.perf_counter() - started)
    except Exception as problem:  # a mistake of ours: it stands in the table like any other
        reasons = (f"{type(problem).__name__}: {problem}"[:300],)
        return Outcome(name, 0, 0, 0, float("inf"), reasons, time.perf_counter() - started)
    lines = found.text.count("\n")
    return Outcome(name, lines, found.blocks, found.nodes, found.difference, found.notes, time.perf_counter() - started)


def table(rows: list[Outcome]) -> str:
    """The rows as the page has them."""
    lines = ["| network | nodes | lines | blocks | largest difference | refused |", "|---|---|---|---|---|---|"]
    for row in rows:
        if row.lines:
            lines.append(f"| {row.name} | {row.nodes} | {row.lines} | {row.blocks} | {row.difference:.0e} | |")
        else:
            lines.append(f"| {row.name} | | | | | {row.reasons[0]} |")
    return "\n".join(lines)


def main() -> int:
    """Run the campaign; print and keep a line for each network, and the table at the end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="only these, as in timm:resnet18")
    parser.add_argument("--keep", type=Path, help="a file for the outcomes, one line of JSON each")
    options = parser.parse_args()

    rows: list[Outcome] = []
    for name, make in networks():
        if options.names and name not in options.names:
            continue
        row = tried(name, make)
        rows.append(row)
        print(name, row.lines, row.blocks, row.nodes, row.difference, f"{row.seconds:.1f} s", *row.reasons[:3],
              sep="; ", file=sys.stderr, flush=True)
        if options.keep:
            with options.keep.open("a") as file:
                file.write(json.dumps(asdict(row)) + "\n")

    equal = [row for row in rows if row.lines]
    print(table(rows))
    share = len(equal) / len(rows)
    shorter = median(row.nodes / row.lines for row in equal) if equal else 0.0
    print(f"\n{len(equal)} of {len(rows)} are equal; the median file has a line for {shorter:.1f} nodes of the export")
    return int(share < 0.9)


if __name__ == "__main__":
    sys.exit(main())
