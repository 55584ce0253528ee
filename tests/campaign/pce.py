"""Patch experts on digits: `python -m tests.campaign.pce`; the tables of `docs/pce.md`.

Three tables: `pce_tiny` at five temperatures, with and without its augmentation: accuracy with all experts, and at two
cuts with the share of the pairs that were worked out; dense networks beside it; the largest cosine of two keys after a
training in which keys follow their moving average alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from archlang.elaborate import Network, loads
from archlang.elaborate.network import load
from archlang.layers.patch_experts.keys import Keyed, largest_cosine
from archlang.studies.patch_experts.cutting import Cut, evaluate_cuts
from archlang.train import fit

SPECS = Path(__file__).parents[2] / "specs" / "pce"
EXPERTS = (SPECS / "pce_tiny.arch").read_text(encoding="utf-8")

AUGMENT = "  augment   = [shift(1)]\n"
PHASES = """\
  phase stabilise { epochs = 12; lr = cosine;       keys = ema(0.99) }
  phase fine_tune { epochs = 8;  lr = 0.3 * cosine; keys = learned }
"""
FOLLOWING = "  phase stabilise { epochs = 48; lr = cosine; keys = ema(0.99) }\n"

TEMPERATURES = (1.0, 0.5, 0.2, 0.1, 0.05)
CUTS = (0.5, 1.0)


def changed(before: str, after: str) -> str:
    """The file with a part replaced, which must be there."""
    assert before in EXPERTS, before
    return EXPERTS.replace(before, after)


def table(head: str, rows: Iterable[str]) -> None:
    """Print one table, each row as soon as it is known."""
    print("\n".join(["", head, "|---" + "|--:" * (head.count("|") - 2) + "|"]), flush=True)
    for row in rows:
        print(row, flush=True)


def by_temperature(text: str, seeds: Sequence[int], epochs: int | None) -> Iterable[str]:
    """Accuracy at every temperature and cut, a figure for each seed."""
    for temperature in TEMPERATURES:
        network = loads(text, {"temperature": temperature})
        found = []
        for seed in seeds:
            done = fit(network, "digits", epochs=epochs, seed=seed, device="cpu")
            found.append(evaluate_cuts(done.model, "digits", CUTS, device="cpu"))

        # One cell for all experts and for each cut; the seeds stand in it.
        cells = [", ".join(shown(one) for one in column) for column in zip(*found, strict=True)]
        yield f"| {temperature:g} | {' | '.join(cells)} |"


def shown(one: Cut) -> str:
    """Accuracy in percent, with the share of pairs at a cut below 1."""
    accuracy = f"{100 * (one.found.accuracy or 0.0):.2f}"
    # At a cut of 1 each patch goes to one expert: the share says nothing.
    if one.cut in (None, 1.0):
        return accuracy
    return f"{accuracy} ({100 * one.pairs / one.of:.1f})"


def dense(seeds: Sequence[int], epochs: int | None) -> Iterable[str]:
    """Networks without experts, of the same FLOPs."""
    networks: dict[str, Network] = {
        "FLOPs of one expert a patch": load(SPECS / "dense_tiny.arch"),
        "FLOPs of all experts": load(SPECS / "dense_tiny.arch", {"first": 19, "second": 45}),
    }
    for name, network in networks.items():
        accuracies = []
        for seed in seeds:
            done = fit(network, "digits", epochs=epochs, seed=seed, device="cpu")
            accuracies.append(f"{100 * (done.history[-1].test_accuracy or 0.0):.2f}")
        yield f"| {name} | {network.parameters:,} | {network.flops:,} | {', '.join(accuracies)} |"


def collapse(epochs: int | None) -> Iterable[str]:
    """The largest cosine of two keys in each layer, where keys follow a moving average all the time."""
    text = changed(PHASES, FOLLOWING)
    for temperature in TEMPERATURES[:-1]:
        done = fit(loads(text, {"temperature": temperature}), "digits", epochs=epochs, seed=0, device="cpu")
        routers = [module for module in done.model.modules() if isinstance(module, Keyed)]
        cosines = [f"{largest_cosine(router.keys.detach()):.3f}" for router in routers]
        yield f"| {temperature:g} | {' | '.join(cosines)} |"


def main() -> None:
    """Train, look and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, help="of every training, instead of those of its file")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    options = parser.parse_args()
    torch.set_num_threads(1)

    cuts = " | ".join(f"cut {cut:g}" for cut in CUTS)
    table(f"| `pce_tiny`, temperature | accuracy | {cuts} |", by_temperature(EXPERTS, options.seeds, options.epochs))
    table(f"| the same without `shift(1)` | accuracy | {cuts} |",
          by_temperature(changed(AUGMENT, ""), options.seeds, options.epochs))
    table("| dense | parameters | FLOPs | accuracy |", dense(options.seeds, options.epochs))
    table("| temperature | layer 1 | layer 2 |", collapse(options.epochs))


if __name__ == "__main__":
    main()
