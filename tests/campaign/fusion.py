"""Fusion on the networks of libraries: `python -m tests.campaign.fusion` writes the table of docs/fusion.md.

No weights are needed: batch-norm statistics are random. Every network is traced (by torch.export where torch.fx
cannot), fused, and compared in float64; a network that differs, or that fusion cannot take, ends the campaign with
status 1. With `--boost` each is boosted first, all new branches awake; that is the table of docs/pbconv.md.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.utils import _pytree as pytree

from archlang.diagnostics import ArchError
from archlang.rewrite import fuse
from tests.campaign.networks import Make, others
from tests.rewrite.harness import convolutions, norms
from tests.rewrite.subjects import randomised

TIMM = (
    "resnet18", "resnet50", "resnet50d", "resnext50_32x4d", "seresnet18", "wide_resnet50_2", "densenet121", "vgg11_bn",
    "mobilenetv2_050", "mobilenetv3_small_050", "mobilenetv4_conv_small_050", "efficientnet_b0", "efficientnetv2_rw_t",
    "tf_efficientnet_lite0", "mnasnet_050", "fbnetc_100", "spnasnet_100", "regnetx_002", "regnety_002", "repvgg_a0",
    "repvgg_b0", "mobileone_s0", "mobileone_s1", "fastvit_t8", "repvit_m0_9", "repghostnet_050", "ghostnet_050",
    "dla34", "hrnet_w18_small", "res2net50_26w_4s", "xception41", "inception_v3", "inception_v4", "cspresnet50",
    "cspdarknet53", "darknet53", "selecsls42b", "rexnet_100", "hardcorenas_a", "tinynet_e", "lcnet_050", "levit_128s",
    "skresnet18", "gernet_s", "convnext_atto", "edgenext_xx_small", "starnet_s1",
)
SMALL = ("repvgg_a0", "mobilenetv3_small_050", "tinynet_e", "regnetx_002")
"""What the tests run."""


@dataclass(frozen=True)
class Row:
    """What became of one network."""

    name: str
    how: str
    norms: int
    left: int
    kernels: tuple[int, int]
    error: float
    reasons: str
    seconds: float

    @property
    def equal(self) -> bool:
        """Whether fused and original are the same in float64."""
        return self.error <= 1e-10


def declare() -> None:
    """torchvision without its own operators can be imported once these two are declared."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept.append(library)


_kept: list[torch.library.Library] = []


def networks() -> dict[str, Make]:
    """Every network by name: how to make it, and the shape of its input."""
    return timm_networks() | others()


def timm_networks() -> dict[str, Make]:
    """Those of timm."""
    if not _kept and "torchvision" not in sys.modules:
        declare()
    import timm

    found: dict[str, Make] = {}
    for name in TIMM:
        def make(name: str = name) -> tuple[nn.Module, tuple[int, ...]]:
            model = timm.create_model(name, pretrained=False)
            fixed = model.default_cfg.get("fixed_input_size")
            return model, (1, 3, 224, 224) if fixed or "inception" in name else (1, 3, 128, 128)
        found[name] = make
    return found


def taken(model: nn.Module, x: torch.Tensor) -> tuple[fx.GraphModule, fx.GraphModule, str]:
    """A model's graph as it was taken, the fused one, and which road led there."""
    try:
        graph = fx.symbolic_trace(copy.deepcopy(model))
    except Exception:
        whole: Any = torch.export.export(model, (x,)).module()
        return whole, fuse(whole), "export"
    return graph, fuse(model, [x]), "fx"


def tensors(results: Any) -> list[torch.Tensor]:
    """All tensors of a model's results, whatever holds them."""
    plain = results.to_tuple() if hasattr(results, "to_tuple") else results
    return [leaf for leaf in pytree.tree_leaves(plain) if isinstance(leaf, torch.Tensor)]


def difference(model: nn.Module, fused: nn.Module, x: torch.Tensor) -> float:
    """The largest difference between two models' results, relative to one plus the largest result."""
    with torch.no_grad():
        pairs = list(zip(tensors(model(x)), tensors(fused(x)), strict=True))
    assert pairs and all(a.isfinite().all() for a, _ in pairs)
    return max(float((a - b).abs().max() / (1 + a.abs().max())) for a, b in pairs)


def counted(names: Iterable[str]) -> str:
    """Reasons by name, the most frequent first.

    >>> counted(["cost", "shared", "cost"])
    'cost 2, shared 1'
    """
    return ", ".join(f"{name} {count}" for name, count in Counter(names).most_common())


def measure(name: str, make: Make) -> Row:
    """Fuse one network and compare."""
    torch.manual_seed(0)
    model, shape = make()
    model = randomised(model.eval())
    x = torch.randn(shape, dtype=torch.float64)
    began = time.perf_counter()
    graph, fused, how = taken(model, x)
    seconds = time.perf_counter() - began
    said = counted(s.name for s in fused.meta["report"].skipped)
    return Row(name, how, norms(graph), norms(fused), (convolutions(graph), convolutions(fused)),
               difference(model, fused, x), said, seconds)


def table(rows: list[Row]) -> str:
    """The rows as a table in Markdown."""
    lines = ["| network | taken by | batch norms | left | convolutions | error | kept, by reason | seconds |",
             "|---|---|---:|---:|---:|---:|---|---:|"]
    lines += [f"| {r.name} | {r.how} | {r.norms} | {r.left} | {r.kernels[0]} to {r.kernels[1]} | {r.error:.1e} | "
              f"{r.reasons} | {r.seconds:.1f} |" for r in rows]
    return "\n".join(lines)


def main() -> int:
    """Run everything, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these networks")
    parser.add_argument("--boost", action="store_true", help="boost each network before")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.boost:
        from tests.campaign import boosting

        return run(given.names, boosting.measure, boosting.table)
    return run(given.names, measure, table)


def run(names: list[str], measured: Callable[[str, Make], Any], written: Callable[[list[Any]], str]) -> int:
    """Measure networks, print their table; 1 if one differs or could not be taken."""
    rows, failed = [], []
    for name, make in networks().items():
        if names and name not in names:
            continue
        try:
            row = measured(name, make)
        except (ArchError, Exception) as failure:
            failed.append(f"{name}: {type(failure).__name__}: {str(failure)[:300]}")
            print(failed[-1], file=sys.stderr, flush=True)
            continue
        print(row, file=sys.stderr, flush=True)
        rows.append(row)
    print(written(rows))
    wrong = [row.name for row in rows if not row.equal]
    print(f"\n{len(rows)} networks, {len(wrong)} different, {len(failed)} not taken.", *failed, sep="\n")
    return 1 if wrong or failed else 0


if __name__ == "__main__":
    sys.exit(main())
