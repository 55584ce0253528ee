"""The claims for neural mixture EM as a clustering, on MNIST's digits: `make campaign-claims-clustering`.

The two-fold optimisation beside the EM step alone, IIC, and k-means of the same pixels: accuracy by the best one-to-one
assignment and NMI, on all samples, which are those that it learns from.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import torch
from sklearn.cluster import KMeans

from archlang.comparison.statistics import Interval, interval
from archlang.elaborate import loads
from archlang.studies.clustering.clustering import accuracy, cluster, information, whole
from tests.campaign.claims.harness import SPECS, Claim, cells, forest, judged, picture, settings, table

TWO_FOLD = (SPECS / "claims" / "clustered.arch").read_text(encoding="utf-8")
ALONE = "".join(line for line in TWO_FOLD.splitlines(keepends=True) if "step consistency" not in line)
KINDS = {
    "two-fold": (TWO_FOLD, None),
    "EM step alone": (ALONE, None),
    "IIC": (TWO_FOLD, "iic"),
}
FEW = {"IIC": 3}
"""Kinds that are trained from fewer seeds than the others, at most: IIC is so far behind that three tell."""

Found = list[tuple[float, float]]
"""Accuracy and NMI of each seed."""


def main() -> None:
    """Cluster and print."""
    claim = settings("clustering", __doc__, "mnist5k:train=500", epochs=60, seeds=6)
    found = {"k-means of the pixels": means_of_pixels(claim)}
    for name, (text, baseline) in KINDS.items():
        seeds = range(min(claim.seeds, FEW.get(name, claim.seeds)))
        found[name] = [clustered(claim, text, baseline, seed) for seed in seeds]

    spreads = {name: (spread(found, name, 0), spread(found, name, 1)) for name in found}
    table("| | seeds | accuracy, % | deviation | 95 % interval | NMI, % | deviation | 95 % interval |", (
        f"| {name} | {len(found[name])} | {cells(first)} | {cells(second)} |"
        for name, (first, second) in spreads.items()))
    print()
    for name in found:
        if name != "two-fold":
            for place, figure in enumerate(("accuracy", "NMI")):
                # Pairs of seeds: as many as both have.
                judged(f"two-fold beside {name}, {figure}", column(found["two-fold"], place)[:len(found[name])],
                       column(found[name], place))
    for place, figure in enumerate(("accuracy", "NMI")):
        judged(f"EM step alone beside k-means of the pixels, {figure}", column(found["EM step alone"], place),
               column(found["k-means of the pixels"], place))
    picture("clustering", forest({name: interval([100 * value for value in column(values, 0)])
                                  for name, values in found.items()}, "accuracy, %"))


def clustered(claim: Claim, text: str, baseline: str | None, seed: int) -> tuple[float, float]:
    """Accuracy and NMI of one training, which is kept by what decides on it: an interrupted campaign goes on."""
    decides = json.dumps([text, claim.data, claim.epochs, baseline, seed])
    kept = Path(claim.run, f"{hashlib.sha256(decides.encode()).hexdigest()[:16]}.json")

    if not kept.exists():
        made = cluster(loads(text), claim.data, epochs=claim.epochs, seed=seed, device="cpu", baseline=baseline)[1]
        print(f"{baseline or 'mixture'}, seed {seed}: {made.accuracy}, {made.counts}", file=sys.stderr, flush=True)
        # Under its name once it is whole: a file that was cut would be taken for a result.
        kept.parent.mkdir(parents=True, exist_ok=True)
        begun = kept.with_suffix(".begun")
        begun.write_text(json.dumps([made.accuracy or 0.0, made.information or 0.0]), encoding="utf-8")
        begun.replace(kept)

    accuracy_found, information_found = json.loads(kept.read_text(encoding="utf-8"))
    return accuracy_found, information_found


def column(values: Found, place: int) -> list[float]:
    """Accuracies (0) or NMI (1), by seed."""
    return [pair[place] for pair in values]


def spread(found: dict[str, Found], name: str, place: int) -> Interval:
    """The interval of one figure."""
    return interval(column(found[name], place))


def means_of_pixels(claim: Claim) -> Found:
    """k-means of the same images at the network's size, the best of ten starts for each seed."""
    data = whole(claim.data).train
    samples, labels = data.batch(list(range(len(data))))
    # As the network sees them: 14 x 14, means of 2 x 2 pixels.
    pixels = torch.nn.functional.avg_pool2d(samples.float(), 2).flatten(1).numpy()
    given = [torch.as_tensor(KMeans(10, n_init=10, random_state=seed).fit_predict(pixels)).long()
             for seed in range(claim.seeds)]
    return [(accuracy(one, labels), information(one, labels)) for one in given]


if __name__ == "__main__":
    main()
