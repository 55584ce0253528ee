"""Clustering on digits, and gates under it: `python -m tests.campaign.clustering`; the tables of `docs/clustering.md`.

Five tables: neural mixture EM beside what scikit-learn has (accuracy by the best assignment, NMI, over seeds); the mean
of every cluster's distribution on data held back; the same in the plane (Tissera 2023, table 4.1); how far gates reach
with and without the clustering loss, and which of them is over half (figure 5.1); sparse paths with and without it
(section 5.3).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean, stdev

import torch

from archlang.elaborate import loads
from archlang.studies.clustering.clustering import (
    accuracy,
    assign,
    cluster,
    distributions,
    information,
    judged,
    whole,
)
from archlang.studies.multipath.gates import responses
from archlang.studies.patch_experts.patches import usage_of
from archlang.train import fit
from archlang.train.data.sources import find

ROOT = Path(__file__).parents[2]
DIGITS = (ROOT / "specs" / "clustering" / "digits.arch").read_text()
PATHS = (ROOT / "examples" / "04_paths.arch").read_text()
SPARSE = (ROOT / "specs" / "multipath" / "sparse_digits.arch").read_text()
LOSS = "cross_entropy(logits, label)"
EM = " + 0.01 * mixture_em()"
GAMMA = 5.0


def without(text: str, *parts: str) -> str:
    """The text without some of its parts, each of which must be there."""
    for part in parts:
        assert part in text, part
        text = text.replace(part, "")
    return text


ALONE = "\n".join(line for line in DIGITS.splitlines() if "step consistency" not in line) + "\n"
FAST = DIGITS.replace("3e-4", "1e-3").replace("6e-4", "2e-3").replace("epochs = 60", "epochs = 12")
"""The same at higher rates and with fewer epochs."""
assert all(changed in FAST for changed in ("1e-3", "2e-3", "epochs = 12"))
BARE = without(FAST, " -> standardize").replace("augmented = true", "augmented = true, statistics = none").replace(
    "agreement(scores)", "agreement(scores, statistics = none)")
KINDS = {
    "EM step alone (eq. 4.23)": (ALONE, None),
    "two-fold (algorithm 3)": (DIGITS, None),
    "two-fold, relevance not standardised": (BARE, None),
    "IIC": (FAST, "iic"),
}
PLANE = (ROOT / "specs" / "clustering" / "two_d.arch").read_text()
BARE_PLANE = without(PLANE, " -> standardize").replace("gamma = 5)", "gamma = 5, statistics = none)")
assert "none" in BARE_PLANE
BATCH = 128
"""Samples that a distribution's mean is over in table 4.1."""
TABLES = ("clusters", "distributions", "plane", "gates", "sparse")
Scores = list[tuple[float, float]]


def spread(values: Sequence[float], scale: float = 100) -> str:
    """Mean and deviation."""
    return f"{scale * mean(values):.2f} ± {scale * (stdev(values) if len(values) > 1 else 0):.2f}"


def table(head: str, rows: Iterable[str]) -> None:
    """Print one table."""
    print("\n".join(["", head, "|---" + "|--:" * (head.count("|") - 2) + "|", *rows]), flush=True)


def ours(seeds: int, epochs: int | None) -> Iterable[tuple[str, Scores]]:
    """Clusterings of all samples by a network."""
    for name, (text, baseline) in KINDS.items():
        found: Scores = []
        for seed in range(seeds):
            made = cluster(loads(text), "digits", epochs=epochs, seed=seed, device="cpu", baseline=baseline)[1]
            found.append((made.accuracy or 0.0, made.information or 0.0))
            print(f"{name}, seed {seed}: {found[-1]}, {made.counts}", file=sys.stderr, flush=True)
        yield name, found


def theirs(seeds: int) -> Iterable[tuple[str, Scores]]:
    """Clusterings of the same pixels by scikit-learn."""
    from sklearn.cluster import KMeans, SpectralClustering
    from sklearn.mixture import GaussianMixture

    data = whole("digits").train
    samples, labels = data.batch(range(len(data)))
    pixels = samples.flatten(1).double().numpy()
    kinds: dict[str, Callable[[int], object]] = {
        "KMeans": lambda s: KMeans(10, n_init=10, random_state=s).fit_predict(pixels),
        "SpectralClustering": lambda s: SpectralClustering(
            10, affinity="nearest_neighbors", random_state=s).fit_predict(pixels),
        "GaussianMixture": lambda s: GaussianMixture(10, reg_covar=1e-3, random_state=s).fit_predict(pixels),
    }
    for name, made in kinds.items():
        given = [torch.as_tensor(made(seed)).long() for seed in range(seeds)]
        yield f"scikit-learn {name}", [(accuracy(g, labels), information(g, labels)) for g in given]


def held_back(epochs: int | None) -> Iterable[str]:
    """Means of distributions over samples that were never trained on."""
    for name, text in (("standardised", FAST), ("not standardised", BARE)):
        done = fit(loads(text), "digits", epochs=epochs, seed=0, device="cpu")
        relevance = assign(done.model, "digits").relevance[-len(find("digits").test):]
        means = distributions(relevance, GAMMA).mean(0).tolist()
        most = judged(relevance, torch.full((len(relevance),), -1)).counts
        yield f"| {name} | {' '.join(f'{m:.3f}' for m in means)} | {100 * max(most) / len(relevance):.1f} |"


def plane(seeds: int, epochs: int | None) -> Iterable[str]:
    """Means of distributions over a batch of points that were never trained on, as table 4.1 has them."""
    for name, text in (("standardised", PLANE), ("not standardised", BARE_PLANE)):
        for seed in range(seeds):
            done = fit(loads(text), "bottleneck", epochs=epochs, seed=seed, device="cpu")
            held = assign(done.model, "bottleneck").relevance[-len(find("bottleneck").test):]
            # The points lie class by class: a batch is drawn.
            drawn = torch.randperm(len(held), generator=torch.Generator().manual_seed(seed))[:BATCH]
            means = distributions(held[drawn], GAMMA).mean(0).tolist()
            most = judged(held, torch.full((len(held),), -1)).counts
            share = 100 * max(most) / len(held)
            yield f"| {name} | {seed} | {' '.join(f'{m:.3f}' for m in means)} | {share:.1f} |"


def gates(seeds: int, epochs: int) -> Iterable[str]:
    """The ranges of the gates of two paths, seed by seed: means over seeds would hide what a seed does."""
    for weight in (None, 0.01, 0.03, 0.1):
        text = PATHS
        if weight is not None:
            text = PATHS.replace(LOSS, LOSS + EM.replace("0.01", str(weight)))

        for seed in range(seeds):
            done = fit(loads(text), "digits", epochs=epochs, seed=seed, device="cpu")
            seen = responses(done.model, "digits", device="cpu")
            # The gates of an input sum to 1: the first of two says what the second does.
            ranges = [seen.range_of(i) for i, name in enumerate(seen.gates) if name.endswith(".0")]
            shown = [f"{r.least:.2f} {r.median:.2f} {r.most:.2f} ({r.deviation:.3f})" for r in ranges]
            accuracy = 100 * (done.history[-1].test_accuracy or 0.0)
            yield f"| {weight or 'none'} | {seed} | {' | '.join(shown)} | {accuracy:.2f} |"


def sparse(seeds: int, epochs: int) -> Iterable[str]:
    """One of four paths for each image."""
    kinds = [("as they are", without(SPARSE, ", standardized = true")), ("standardised", SPARSE)]
    for name, text in ((f"{name} | {loss}", without(text, EM) if loss == "without" else text)
                       for name, text in kinds for loss in ("without", "with")):
        shares, right = [], []
        for seed in range(seeds):
            done = fit(loads(text), "digits", epochs=epochs, seed=seed, device="cpu")
            shares.append(sorted(usage_of(done.model, "digits", device="cpu")[0].largest, reverse=True))
            right.append(done.history[-1].test_accuracy or 0.0)
        each = "; ".join(" ".join(f"{100 * s:.0f}" for s in row) for row in shares)
        yield f"| {name} | {spread(right)} | {each} |"


def main(arguments: list[str] | None = None) -> int:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--epochs", type=int, help="of every training, instead of those of its file or table")
    parser.add_argument("--tables", nargs="*", choices=TABLES, default=TABLES)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    begun, few = time.process_time(), min(3, options.seeds)
    if "clusters" in options.tables:
        table("| on all 1,797 digits | accuracy, % | NMI, % |", (
            f"| {name} | {spread([a for a, _ in found])} | {spread([n for _, n in found])} |"
            for rows in (theirs(options.seeds), ours(options.seeds, options.epochs)) for name, found in rows))
    if "distributions" in options.tables:
        head = "| relevance | mean of each distribution on held-back data | largest cluster, % |"
        table(head, held_back(options.epochs))
    if "plane" in options.tables:
        head = "| relevance | seed | mean of each distribution over 128 points held back | largest cluster, % |"
        table(head, plane(few, options.epochs))
    if "gates" in options.tables:
        head = "| weight of the loss | seed | gate 0.0: least, median, most (deviation) | gate 1.0 | accuracy, % |"
        table(head, gates(few, options.epochs or 15))
    if "sparse" in options.tables:
        head = "| scores of paths | clustering loss | accuracy, % | shares of the paths, %, by seed |"
        table(head, sparse(few, options.epochs or 5))
    print(f"\n{time.process_time() - begun:.0f} s of processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
