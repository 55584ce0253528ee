"""Coded ResNeXt-50 against timm's resnext50_32x4d: `python -m benchmarks.coded --batch 2`.

Prints seconds of forward and training step of both and their ratio; of the extracted network of one class as well, with
the ratio of FLOPs beside the ratio of time. Without timm, the same specification with its codes off stands for it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from archlang.compiler import compile
from archlang.graph import load
from archlang.graph.removal import removed
from archlang.rewrite.extract import extract

SPEC = Path(__file__).parents[1] / "specs" / "coded_resnext" / "imagenet.arch"


def peer() -> tuple[str, torch.nn.Module]:
    """The plain network of the same size."""
    try:
        import timm
    except (ImportError, RuntimeError):  # the latter where torchvision was built for another torch
        return "codes off", compile(load(SPEC, {"use_codes": False}))
    made: torch.nn.Module = timm.create_model("resnext50_32x4d")
    return "timm", made


def seconds(run: Callable[[], Any], times: int) -> float:
    """Processor seconds of the quickest of several runs, after one that does not count."""
    run()
    found = []
    for _ in range(times):
        began = time.process_time()
        run()
        found.append(time.process_time() - began)
    return min(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, net = torch.randn(options.batch, 3, 224, 224), load(SPEC)
    name, plain = peer()
    models: dict[str, torch.nn.Module] = {name: plain, "coded": compile(net)}
    found = {what: (seconds(lambda m=m: m.eval()(x).shape, options.times),  # type: ignore[misc]  # bound in the lambda
                    seconds(lambda m=m: m.train()(x).sum().backward(), options.times))  # type: ignore[misc]
             for what, m in models.items()}
    for what, (forward, step) in found.items():
        print(f"{what}: forward {forward:.3f} s ({forward / found[name][0]:.2f}), "
              f"training step {step:.3f} s ({step / found[name][1]:.2f})")
    single = extract(models["coded"].eval(), [0])
    took = seconds(lambda: single(x).shape, options.times)
    flops = removed(net.graph, [0]).flops / net.flops  # type: ignore[operator]  # no symbols here
    print(f"one class: forward {took:.3f} s ({took / found['coded'][0]:.2f} of coded; FLOPs {flops:.2f})")


if __name__ == "__main__":
    main()
