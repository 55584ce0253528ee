"""`python -m benchmarks.importing [--repetitions N]`: import of ResNet-50 against `torch.export.export` of it alone.

Import exports too, then reads, folds, writes, checks and compiles, and compares both networks in float64 on one image.
Both are timed in turns, in processor time and with one thread; the ratio of each turn is taken, and its spread is said.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from statistics import median

import torch
from torch import nn

from archlang.importing import import_model
from benchmarks.measure import timm_constructor
from benchmarks.timing import Watch, cpu, written

MOST = 3.0
"""The ratio that is allowed."""


Work = Callable[[], object]


def works(model: nn.Module, size: Sequence[int] = (3, 224, 224)) -> tuple[Work, Work]:
    """An import of a model, and an export alone."""
    example = (torch.zeros(2, *size),)

    def ours() -> object:
        return import_model(model, example)

    def theirs() -> object:
        return torch.export.export(model, example, strict=False)

    return ours, theirs


def turns(ours: Work, theirs: Work, watch: Watch) -> list[tuple[float, float]]:
    """Seconds of both, a pair for each turn after the one that warms up."""
    pairs = []
    for turn in range(1 + watch.repetitions):
        # Each is first every other time, so that neither has the warmer machine.
        if turn % 2:
            second, first = watch.timed(theirs), watch.timed(ours)
        else:
            first, second = watch.timed(ours), watch.timed(theirs)
        if turn:
            pairs.append((first, second))
    return pairs


def main() -> int:
    """Print the ratio; 1 where its median is larger than it may be, 2 without timm."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.importing", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=7, help="turns, after one that warms up (default: 7)")
    given = parser.parse_args()
    torch.set_num_threads(1)
    create = timm_constructor()
    if create is None:
        print("timm is not installed", file=sys.stderr)
        return 2

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export's own
        pairs = turns(*works(create("resnet50").eval()), Watch(given.repetitions, cpu))
    ratios = sorted(ours / theirs for ours, theirs in pairs)
    ours, theirs = (median(column) for column in zip(*pairs, strict=True))
    print(f"import of timm's resnet50 {written(ours)}, torch.export.export alone {written(theirs)}: ratio "
          f"{median(ratios):.2f}, from {ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} turns")
    return int(median(ratios) > MOST)


if __name__ == "__main__":
    sys.exit(main())
