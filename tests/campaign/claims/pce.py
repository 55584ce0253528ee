"""The claims for experts of patches, on canvases of two digits, of which the left counts: `make campaign-claims-pce`.

Whether experts specialise by place, and how much of that training does; whether accuracy stays where a patch goes to
its best experts alone; whether losses and threshold matter; experts beside one expert and beside a dense network of
equal FLOPs.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

import torch
from torch import Tensor, fx

from archlang.comparison.statistics import Interval, interval
from archlang.elaborate.network import load
from archlang.studies.patch_experts.cutting import evaluate_cuts
from archlang.studies.patch_experts.patches import patches_of
from archlang.train import fit
from archlang.train.loop.evaluation import data_of
from tests.campaign.claims.harness import (
    SPECS,
    Trained,
    accuracies,
    arm,
    cells,
    forest,
    in_percent,
    judged,
    picture,
    settings,
    table,
    trained,
)

SPEC, DENSE = "claims/placed", "claims/placed_dense"
CUTS = (0.1, 0.5, 1.0)
PLACES, EXPERTS = 4, 4
LOOKED_AT = 500
"""Canvases of the test part whose patches are looked at."""

ABLATED = 3
"""Seeds, at most, of the rows without losses and without threshold."""


def main() -> None:
    """Train, look at the patches and print."""
    claim = settings("pce", __doc__, "mnist5k:pairs=left,train=1500", epochs=20, seeds=5)
    done = trained(claim, [
        arm("four experts", SPEC),
        arm("one expert", SPEC, n=1),
        arm("dense, FLOPs of one expert a patch", DENSE, width=15),
    ])
    accuracies(done)
    print()
    for number in range(1, len(done.table.rows)):
        judged(f"four experts beside {done.table.rows[number].arm.name}", done.values(0), done.values(number))
    picture("pce", forest({row.arm.name: in_percent(done.values(number))
                           for number, row in enumerate(done.table.rows)}, "accuracy, %"))
    cut(done, "four experts", 0)

    few = min(claim.seeds, ABLATED)
    without = trained(replace(claim, seeds=few), [
        arm("four experts, without the losses", SPEC, weight=0),
        arm("four experts, without threshold", SPEC, threshold="none"),
    ], "ablations")
    accuracies(without)
    print()
    for number, row in enumerate(without.table.rows):
        judged(f"four experts beside {row.arm.name}", done.values(0)[:few], without.values(number))
    for number, row in enumerate(without.table.rows):
        cut(without, row.arm.name, number)
    places(done, without)


def cut(done: Trained, name: str, row: int) -> None:
    """Accuracy of a row where patches go to the experts with enough weight alone."""
    found = [evaluate_cuts(done.model(row, seed), done.table.design.data, CUTS, device="cpu")
             for seed in done.table.design.seeds]
    columns = [[one.found.accuracy or 0.0 for one in column] for column in zip(*found, strict=True)]
    # Without a cut nothing is dispatched, so that no pairs are counted: all are worked out.
    pairs = [1.0, *(mean(one.pairs / one.of for one in column)
                    for number, column in enumerate(zip(*found, strict=True)) if number)]

    table(f"| {name}: cut | pairs worked out, % | accuracy, % | deviation | 95 % interval |", (
        f"| {shown or 'none'} | {100 * share:.1f} | {cells(interval(values))} |"
        for shown, share, values in zip((None, *CUTS), pairs, columns, strict=True)))
    print()
    for number, shown in enumerate(CUTS):
        judged(f"{name}: cut {shown:g} beside all experts", columns[number + 1], columns[0], margin=0.01)


def places(done: Trained, without: Trained) -> None:
    """How often each expert weighs most at each place, and what place and expert tell of each other."""
    seeds, data = done.table.design.seeds, done.table.design.data
    counts = {"four experts": [counted(done.model(0, seed), data) for seed in seeds]}
    for number, row in enumerate(without.table.rows):
        counts[row.arm.name] = [counted(without.model(number, seed), data) for seed in without.table.design.seeds]
    counts["untrained"] = [counted(untrained(seed, data), data) for seed in seeds]
    counts["untrained, keys from chance"] = [counted(untrained(seed, data, start="random"), data) for seed in seeds]

    table("| seed 0: place | expert 1 | expert 2 | expert 3 | expert 4 |", (
        f"| {place} | {' | '.join(f'{100 * float(share):.0f} %' for share in of / of.sum())} |"
        for place, of in zip(("left above", "right above", "left below", "right below"), counts["four experts"][0],
                             strict=True)))

    table("| of the choice of an expert | its place decides, % | left or right decides, % | entropy, bits |", (
        f"| {name} | {shown(interval([told(one) for one in found]))} | "
        f"{shown(interval([told(one[[0, 1]] + one[[2, 3]]) for one in found]))} | "
        f"{mean(entropy(one) for one in found):.2f} |" for name, found in counts.items()))
    print()
    for name, found in counts.items():
        if name != "four experts":
            judged(f"place decides, four experts beside {name}",
                   [told(one) for one in counts["four experts"][:len(found)]], [told(one) for one in found])


def shown(found: Interval) -> str:
    """A mean share with its interval, in per cent."""
    return f"{100 * found.mean:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def untrained(seed: int, data: str, **dials: str) -> fx.GraphModule:
    """The network after an epoch in which no weight learns.

    An epoch it has, since norms want statistics and keys k-means; keys follow embeddings in it (`ema`). A rate of 0 is
    refused, and 1e-12 changes no weight by more than its last bits.
    """
    made = load(SPECS / f"{SPEC}.arch", dials)
    return fit(made, data, epochs=1, seed=seed, settings={"optimizer.lr": 1e-12}, device="cpu").model


def counted(model: fx.GraphModule, data: str) -> Tensor:
    """How often each expert weighs most at each place: [places, experts]."""
    samples, _ = data_of(model, data).test.batch(list(range(LOOKED_AT)))
    taken, _ = patches_of(model, samples, device="cpu")
    counts = torch.zeros(PLACES, EXPERTS, dtype=torch.float64)
    for (stage,) in taken:
        for place, cell in enumerate(stage.cells):
            counts[place, cell.expert] += 1
    return counts


def entropy(counts: Tensor) -> float:
    """The entropy of the choice of an expert, in bits."""
    return float(torch.special.entr(counts.sum(0) / counts.sum()).sum() / torch.tensor(2.0).log())


def told(counts: Tensor) -> float:
    """The mutual information of row and column, as a share of the entropy of the column.

    >>> told(torch.tensor([[5.0, 0.0], [0.0, 5.0]])), told(torch.tensor([[5.0, 5.0], [5.0, 5.0]]))
    (1.0, 0.0)
    """
    joint = counts / counts.sum()
    rows, columns = joint.sum(1), joint.sum(0)
    of_columns = torch.special.entr(columns).sum()
    # One expert for all: there is no choice that a place could decide.
    if of_columns <= 0:
        return 0.0
    return float((torch.special.entr(rows).sum() + of_columns - torch.special.entr(joint).sum()) / of_columns)


if __name__ == "__main__":
    main()
