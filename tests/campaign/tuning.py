"""`python -m tests.campaign.tuning [--networks N] [--specs]`: tuned networks against untuned ones.

Random networks with parallel paths, boosted convolutions and coded branches are tuned for a random batch, compared in
float64 (outputs, gradients, statistics), and timed in turns. With `--specs` every file of `specs/` is written in every
way of each of its parts and compared, and nothing is timed. Leaves with status 3 where one differs.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

import archlang
from archlang.elaborate.network import Network
from archlang.emit.emit import rewritten
from archlang.exporting.checking import example_inputs
from archlang.tuning.regions import regions_of
from archlang.tuning.running import leaves, step_of

ROOT = Path(__file__).parents[2]
KERNELS = ("acb", "dbb", "propose(seed = {seed})")
PAIRS = 9


def text(seed: int) -> str:
    """A random network of two to eight paths."""
    drawn = random.Random(seed)
    width, paths = drawn.choice([4, 8, 16, 24]), drawn.choice([2, 3, 4, 8])
    stages = []
    for _ in range(drawn.choice([1, 2])):
        kernels = drawn.choice(KERNELS).format(seed=drawn.randrange(99))
        body = drawn.choice([
            f"conv(3x3, {width}) -> batch_norm -> relu",
            f"pbconv(3x3, {width}, kernels = {kernels}) -> relu",
            f"pbconv(3x3, kernels = {kernels}, groups = channels) -> relu -> conv(1x1, {width})",
            f"2 * residual {{ conv(3x3, {width}) -> batch_norm }} -> relu",
        ])
        between = drawn.choice([" -> route(cross_connection(hidden = 4))", ""])
        stages.append(f"each {{ {body} }}{between}")
    heads = ("sum -> flatten -> linear(10)", "each { flatten -> linear(32) -> relu -> linear(10) } -> mean")
    head = drawn.choice(heads)
    size = drawn.choice([8, 12, 16])
    return (f"archlang 1\nnetwork N {{\n  input image: [3, {size}, {size}]\n  maps = image -> conv(3x3, {width})"
            f" -> fork({paths}) -> {' -> '.join(stages)}\n  output maps -> {head}\n}}\n")


def difference(one: nn.Module, other: nn.Module, inputs: Sequence[Any]) -> float:
    """The largest difference of outputs, gradients and states, as a share of 1 + the largest value."""
    assert list(one.state_dict()) == list(other.state_dict())
    worst = 0.0
    found = []
    for model in (one, other):
        torch.manual_seed(0)
        model.train().zero_grad()
        ends = [end for end in leaves(model(*inputs)) if end.is_floating_point()]
        torch.autograd.backward([end.square().mean() for end in ends if end.requires_grad])
        grads = [torch.zeros(()) if p.grad is None else p.grad for p in model.parameters()]
        found.append([*(end.detach() for end in ends), *grads, *model.state_dict().values()])
    for a, b in zip(*found, strict=True):
        if a.numel():
            worst = max(worst, float((a.double() - b.double()).abs().max() / (1 + a.double().abs().max())))
    return worst


def ratios(one: nn.Module, other: nn.Module, inputs: Sequence[Any]) -> list[float]:
    """The processor times of a training step of the first over those of the second, in turns, sorted."""
    runs, found = (step_of(one, inputs), step_of(other, inputs)), []
    for turn in range(PAIRS + 1):
        times = {}
        for which in ((0, 1), (1, 0))[turn % 2]:
            begun = time.process_time()
            runs[which]()
            times[which] = time.process_time() - begun
        if turn:
            found.append(times[0] / times[1])
    return sorted(found)


def tuned(seed: int) -> tuple[float, list[float], str]:
    """The difference of a random network tuned and untuned, the ratios of their times, and the choices."""
    net = archlang.loads(text(seed))
    batch = random.Random(seed).choice([1, 4, 16])
    size = net.graph.inputs[0].type.dims
    x = torch.randn(batch + 1, *size)  # type: ignore[arg-type]  # numbers, as written above
    usual, quick = archlang.compile(net), archlang.compile(net, tune=x)
    times = ratios(quick, usual, (x,))
    choices = ", ".join(quick.meta["tuned"].values())

    # The timed steps have moved the statistics: both begin anew.
    usual = archlang.compile(net, dtype=torch.float64)
    quick = quick.double()
    quick.load_state_dict(usual.state_dict())
    return difference(usual, quick, (x.double(),)), times, choices


def specs() -> int:
    """Compare every part of every specification in every way; the number of those that differ."""
    failures = 0
    for path in sorted((ROOT / "specs").rglob("*.arch")):
        net: Network = archlang.load(path)
        inputs = example_inputs(net.graph, 2)
        for region in regions_of(net.graph):
            for way in region.ways[1:]:
                usual = archlang.compile(net, dtype=torch.float64)
                other = rewritten(net.graph, archlang.compile(net, dtype=torch.float64),
                                  dict.fromkeys(region.names, way))
                error = difference(usual, other, inputs)
                failures += error > 1e-9
                print(f"| {path.relative_to(ROOT)} | {region.label} | {way} | {error:.1e} |", flush=True)
    return failures


def main() -> int:
    """Print a row for each network; 3 if one differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=50)
    parser.add_argument("--specs", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.specs:
        return 3 * (specs() > 0)

    failures, medians = 0, []
    with tempfile.TemporaryDirectory() as folder:
        # Nothing that was timed before, and nothing left behind.
        os.environ["XDG_CACHE_HOME"] = folder
        for seed in range(given.networks):
            error, times, choices = tuned(seed)
            failures += error > 1e-11
            medians.append(median(times))
            cells = [f"{error:.1e}", *(f"{time:.2f}" for time in (times[0], medians[-1], times[-1])), choices]
            print(f"| {seed} | {' | '.join(cells)} |", flush=True)
    print(f"{given.networks} networks, {failures} differ; tuned over untuned: {min(medians):.2f}, "
          f"{median(medians):.2f}, {max(medians):.2f} (smallest, median, largest median)")
    return 3 * (failures > 0)


if __name__ == "__main__":
    sys.exit(main())
