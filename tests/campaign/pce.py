"""Patch experts on digits: `python -m tests.campaign.pce --epochs 8 --seeds 0 1`.

Prints Markdown tables: accuracy of `pce_tiny` beside dense networks, with its losses and without; the usage of experts;
accuracy and pairs worked out at several cuts, at two temperatures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from archlang.elaborate import Network, loads
from archlang.elaborate.network import load
from archlang.studies.patch_experts.cutting import evaluate_cuts
from archlang.studies.patch_experts.patches import usage_of
from archlang.train import fit

SPECS = Path(__file__).parents[2] / "specs" / "pce"
LOSSES = " + 0.01 * confidence() + 0.001 * collapse(below = 0.01)"
CUTS = (0.0, 0.25, 0.5, 0.9, 1.0)


def networks() -> dict[str, Network]:
    """What is compared, by name."""
    text = (SPECS / "pce_tiny.arch").read_text()
    assert LOSSES in text
    return {
        "experts, temperature 0.1": load(SPECS / "pce_tiny.arch"),
        "experts, temperature 0.1, without the losses": loads(text.replace(LOSSES, "")),
        "experts, temperature 1": load(SPECS / "pce_tiny.arch", {"temperature": 1.0}),
        "dense, FLOPs of one expert a patch": load(SPECS / "dense_tiny.arch"),
        "dense, FLOPs of all experts": load(SPECS / "dense_tiny.arch", {"first": 19, "second": 45}),
    }


def main() -> None:
    """Train, look and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name, network in networks().items():
        accuracies = []
        for seed in options.seeds:
            done = fit(network, "digits", epochs=options.epochs, seed=seed, device="cpu")
            accuracies.append(100 * (done.history[-1].test_accuracy or 0.0))
        shown = ", ".join(f"{a:.2f}" for a in accuracies)
        print(f"| {name} | {network.parameters:,} | {network.flops:,} | {shown} |", flush=True)
        if "experts," in name:
            inside(done.model)


def inside(model: torch.fx.GraphModule) -> None:
    """Usage and cuts of the last model trained."""
    for site in usage_of(model, "digits", device="cpu"):
        means, firsts = (" ".join(f"{v:.2f}" for v in row) for row in (site.mean, site.largest))
        print(f"  - {site.site}: mean weights {means}; largest in {firsts}")
    dense, *cuts = evaluate_cuts(model, "digits", CUTS, device="cpu")
    told = [f"all {100 * (dense.found.accuracy or 0):.2f} %"]
    for c in cuts:
        told.append(f"{c.cut:g}: {100 * (c.found.accuracy or 0):.2f} % with {100 * c.pairs / c.of:.1f} % of pairs")
    print("  - cuts: " + "; ".join(told), flush=True)


if __name__ == "__main__":
    main()
