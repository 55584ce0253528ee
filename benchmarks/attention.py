"""`python -m benchmarks.attention [--batch N] [--repetitions N]`: what attention over layers costs over the plain net.

The specs of `specs/layer_attention` for 32 x 32, forward (evaluation mode) and a training step (forward, backward,
SGD), turn by turn, medians of processor time; printed as ratios over `plain`.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median

import torch
from torch import nn

from archlang.compiler import compile
from archlang.elaborate import load

SPECS = Path(__file__).parents[1] / "specs" / "layer_attention"
NAMES = ("plain", "residual_mix", "residual_concat", "innate_static", "static_vector", "self_attention", "recurrent")


def forward(model: nn.Module, x: torch.Tensor) -> float:
    """Seconds of a forward pass without gradients."""
    model.eval()
    begun = time.process_time()
    with torch.no_grad():
        model(x)
    return time.process_time() - begun


def step(model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor) -> float:
    """Seconds of a training step."""
    model.train()
    label = torch.arange(len(x)) % 10
    begun = time.process_time()
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), label).backward()
    optimizer.step()
    return time.process_time() - begun


def main() -> None:
    """Measure all of them and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repetitions", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(1)
    x = torch.randn(given.batch, 3, 32, 32)
    nets = {name: load(SPECS / f"{name}.arch") for name in NAMES}
    models = {name: compile(net) for name, net in nets.items()}
    optimizers = {name: torch.optim.SGD(model.parameters(), lr=1e-3) for name, model in models.items()}
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in NAMES}
    for turn in range(given.repetitions + 1):
        for name, model in models.items():
            pair = forward(model, x), step(model, optimizers[name], x)
            for kept, seconds in zip(times[name], pair, strict=True):
                kept.extend([seconds] if turn else [])  # the first turn warms up
    base = [median(kept) for kept in times["plain"]]
    print("| network | parameters | FLOPs | forward | training step |\n| --- | --- | --- | --- | --- |")
    for name, both in times.items():
        forwards, steps = (median(kept) / b for kept, b in zip(both, base, strict=True))
        print(f"| {name} | {nets[name].parameters:,} | {nets[name].flops:,} | {forwards:.2f} | {steps:.2f} |")


if __name__ == "__main__":
    main()
