"""Single classes of the network for 1000: `python -m tests.campaign.extraction --sample 20 --side 64`.

Counts the parameters and FLOPs that each class keeps; for a sample of classes, evenly spread, compares the extracted
network with the whole one whose other branches are at zero, in float64, on images of `side` cells.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from archlang.elaborate import load, loads
from archlang.graph.removal import removed
from archlang.rewrite.extract import extract
from tests.studies.test_coded import alive, masked

SPEC = Path(__file__).parents[2] / "specs" / "coded_resnext" / "imagenet.arch"


def main() -> None:
    """Count, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=20)
    parser.add_argument("--side", type=int, default=64)
    options = parser.parse_args()
    net = load(SPEC)
    count = 1000
    kept = [removed(net.graph, [c]) for c in range(count)]
    for what, values, of in (
        ("parameters", {g.parameters for g in kept}, net.parameters), ("FLOPs", {g.flops for g in kept}, net.flops)
    ):
        shares = sorted(100 * float(v) / float(of) for v in values)  # type: ignore[arg-type]  # no symbols here
        print(f"{what} of one class: {shares[0]:.2f} to {shares[-1]:.2f} % over {len(kept)} classes", flush=True)
    net = loads(net.text.replace("[3, 224, 224]", f"[3, {options.side}, {options.side}]"))
    model, worst, scale = alive(net), 0.0, 0.0
    x = torch.randn(1, 3, options.side, options.side, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    chosen = [round(i * (count - 1) / max(options.sample - 1, 1)) for i in range(options.sample)]
    with torch.no_grad():
        for c in chosen:
            whole = masked(model, net.graph, (c,), x)
            worst = max(worst, float((extract(model, [c])(x) - whole).abs().max()))
            scale = max(scale, float(whole.abs().max()))
    print(f"{len(chosen)} classes: largest difference from masking {worst:.1e}, largest logit {scale:.2g}")
    assert worst < 1e-12 * max(scale, 1.0), "an extracted network differs from the masked one"


if __name__ == "__main__":
    main()
