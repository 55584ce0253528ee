"""The models that are compared on a device, each beside its peer; they need torch and this repository alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

import archlang
from archlang.layers import set_cut
from benchmarks.by_hand import BaseCNNCC
from benchmarks.experts import LAYER

SPECS = Path(__file__).resolve().parents[1] / "specs"
Make = Callable[[], nn.Module]


@dataclass(frozen=True)
class Case:
    """Two models on the same inputs.

    Args:
        what, peer: their names.
        ours, theirs: what makes them.
        shape: the shape of one sample.
        step: whether training steps are timed too.
    """

    what: str
    peer: str
    ours: Make
    theirs: Make
    shape: tuple[int, ...]
    step: bool = True


def spec(name: str, **dials: object) -> Make:
    """What compiles a specification with these dials."""
    return lambda: archlang.compile(archlang.load(SPECS / f"{name}.arch", **dials))


def cases() -> Iterator[Case]:
    """All that are compared, the largest networks last."""
    for paths in (2, 8):
        yield Case(f"base_cnn_cc, {paths} paths", "loop by hand", spec("multipath/base_cnn_cc", paths=paths),
                   lambda paths=paths: BaseCNNCC(paths), (3, 32, 32))  # type: ignore[misc]  # bound in the lambda
    for boost in ("acb", "dbb", "pbconv"):
        yield Case(f"RepVGG-A0, `{boost}`", "boost off", spec("pbconv/repvgg_a0_cifar", boost=boost),
                   spec("pbconv/repvgg_a0_cifar", boost="none"), (3, 32, 32))
    yield Case("attention over layers", "plain", spec("layer_attention/self_attention"),
               spec("layer_attention/plain"), (3, 32, 32))
    for count in (8, 32):
        yield Case(f"{count} experts, one a patch", "4 experts, one a patch", experts(count), experts(4),
                   (16, 32, 32), step=False)
    yield Case("Coded ResNeXt-50", "codes off", spec("coded_resnext/imagenet"),
               spec("coded_resnext/imagenet", use_codes=False), (3, 160, 160))


def experts(count: int) -> Make:
    """What makes a layer of experts, each patch going to the one that weighs most."""
    def make() -> nn.Module:
        model = archlang.compile(archlang.loads(LAYER, n=count)).eval()
        set_cut(model, 1.0)
        return model

    return make


def output(result: object) -> torch.Tensor:
    """The main output of a call."""
    while not isinstance(result, torch.Tensor):
        result = next(iter(result.values())) if isinstance(result, dict) else result[0]  # type: ignore[index]
    return result
