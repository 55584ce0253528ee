"""Digits trained from the spec, coded and plain: `python -m tests.campaign.coded --epochs 30 --seeds 0`.

Prints, as lines of a Markdown table, the accuracy of both networks of one size; for each coded block the accuracy of
early decoding and the energies r E of active and inactive branches; the accuracy with k branches removed; and
precision and recall of every single-class network.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from archlang.elaborate import load
from archlang.elaborate.network import Network
from archlang.studies.coded import ablate, decode, extract, judge
from archlang.train import fit

SPEC = Path(__file__).parents[2] / "specs" / "coded_resnext" / "digits.arch"


def trained(epochs: int, seed: int, **dials: object) -> tuple[torch.fx.GraphModule, float]:
    """The spec's network after training, and its test accuracy."""
    network: Network = load(SPEC, dials)
    done = fit(network, "digits", epochs=epochs, seed=seed, device="cpu")
    return done.model, done.history[-1].test_accuracy or 0.0


def main() -> None:
    """Train, look and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    torch.set_num_threads(1)
    for seed in options.seeds:
        model, coded = trained(options.epochs, seed)
        _, plain = trained(options.epochs, seed, use_codes=False)
        print(f"seed {seed}, {options.epochs} epochs: coded {100 * coded:.2f} %, plain {100 * plain:.2f} %")
        inside(model)


def inside(model: torch.fx.GraphModule) -> None:
    """What the branches of a trained model do."""
    for one in decode(model, "digits"):
        pairs = [(e, w) for row, word in zip(one.energies, one.words, strict=True)
                 for e, w in zip(row, word, strict=True)]
        on, off = ([e for e, w in pairs if w == sign] for sign in "10")
        share = len(on) / len(pairs)
        energies = [share * sum(part) / len(part) for part in (on, off)]
        print(f"| {one.block} | {100 * one.accuracy:.2f} % | {energies[0]:.3f} | {energies[1]:.3f} |")
    rows: dict[tuple[str, str], list[float]] = {}
    for removed in ablate(model, "digits"):
        rows.setdefault((removed.block, removed.what), []).append(removed.accuracy)
    for (block, what), values in rows.items():
        print(f"| {block} | {what} | " + " | ".join(f"{100 * a:.1f}" for a in values) + " |")
    for c in range(10):
        found = judge(extract(model, [c]), [c], "digits")
        print(f"| {c} | {found.threshold:g} | {100 * found.precision:.2f} % | {100 * found.recall:.2f} % |")


if __name__ == "__main__":
    main()
