"""Patch experts at inference: `python -m benchmarks.experts`, ratios to four experts, to the dense form, to one block.

A layer of 4, 8, 16 and 32 experts on the patches of a map, fused, each patch going to the expert that weighs most, in
turns with the same layer in its dense form and with a single expert on every patch (the FLOPs of what is worked out).
"""

from __future__ import annotations

import argparse
from statistics import median

import torch

from archlang.compiler import compile, fuse
from archlang.elaborate import loads
from archlang.layers import set_cut
from benchmarks.timing import Watch, cpu

LAYER = """archlang 1
import std.pce (expert)
network Layer(n = 4) {
  input image: [16, 32, 32]
  maps = image -> patches(8x8) -> position
               -> experts(n, cosine_router(conv(3x3, 8) -> pyramid_pool(1, 2, 4), keep = top(1), start = random)) {
                    expert(32)
                  } -> unpatch
  output maps
}
"""
SINGLE = """archlang 1
import std.pce (expert)
network Single {
  input image: [16, 32, 32]
  output image -> patches(8x8) -> position -> shared { expert(32) } -> unpatch
}
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    x = torch.randn(options.batch, 16, 32, 32)
    models = {"one expert on every patch": fuse(compile(loads(SINGLE)).eval())}
    for n in (4, 8, 16, 32):
        models[f"{n} experts, one a patch"] = fuse(compile(loads(LAYER, {"n": n})).eval())
        set_cut(models[f"{n} experts, one a patch"], 1.0)
    models["4 experts, dense"] = fuse(compile(loads(LAYER)).eval())
    watch = Watch(1, cpu)
    turns: dict[str, list[float]] = {name: [] for name in models}
    with torch.no_grad():
        for turn in range(options.rounds + 1):
            for name, model in models.items():
                took = watch.timed(lambda model=model: model(x))  # type: ignore[misc]  # bound in the lambda
                turns[name] += [took] if turn else []
    medians = {name: median(found) for name, found in turns.items()}
    base = medians["4 experts, one a patch"]
    for name, value in medians.items():
        print(f"| {name} | {1000 * value / options.batch:.2f} ms an image | {value / base:.2f} |")


if __name__ == "__main__":
    main()
