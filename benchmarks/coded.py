"""Coded ResNeXt-50 against timm's resnext50_32x4d: `python -m benchmarks.coded --batch 2`.

Prints processor seconds of forward and training step of both, medians of runs in turns, and their ratio; and of the
network of one class against the whole one, with the ratio of FLOPs. Without timm, the same specification with its codes
off stands for it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from archlang.compiler import compile
from archlang.elaborate import load
from archlang.graph.removal import removed
from archlang.rewrite.extract import extract
from benchmarks.measure import timm_constructor
from benchmarks.timing import Watch, cpu, table

SPEC = Path(__file__).parents[1] / "specs" / "coded_resnext" / "imagenet.arch"


def peer() -> tuple[str, torch.nn.Module]:
    """The plain network of the same size."""
    create = timm_constructor()
    if create is None:
        return "codes off", compile(load(SPEC, {"use_codes": False}))
    made: torch.nn.Module = create("resnext50_32x4d")
    return "timm", made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, net = torch.randn(options.batch, 3, 160, 160), load(SPEC)
    (name, plain), coded = peer(), compile(net)
    watch = Watch(options.times, cpu)
    plain.eval(), coded.eval()
    single = extract(coded, [0])
    flops = removed(net.graph, [0]).flops / net.flops  # type: ignore[operator]  # no symbols here
    with torch.no_grad():
        rows = [
            watch.compared("forward", name, lambda: coded(x), lambda: plain(x)),
            watch.compared(f"one class, {flops:.2f} of the FLOPs", "coded", lambda: single(x), lambda: coded(x)),
        ]
    plain.train(), coded.train()
    rows.append(watch.compared("training step", name, lambda: coded(x).sum().backward(),
                               lambda: plain(x).sum().backward()))
    print(table(rows))


if __name__ == "__main__":
    main()
