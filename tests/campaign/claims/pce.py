"""The claims for experts of patches, on canvases of two digits, of which the left counts: `make campaign-claims-pce`.

Whether experts specialise by place; whether accuracy stays where a patch goes to its best experts alone; experts beside
one expert and beside a dense network of equal FLOPs.
"""

from __future__ import annotations

from statistics import mean

import torch
from torch import Tensor, fx

from archlang.comparison.statistics import interval
from archlang.studies.patch_experts.cutting import evaluate_cuts
from archlang.studies.patch_experts.patches import patches_of
from archlang.train.loop.evaluation import data_of
from tests.campaign.claims.harness import (
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
CUTS = (0.5, 1.0)
PLACES = 4
LOOKED_AT = 500
"""Canvases of the test part whose patches are looked at."""


def main() -> None:
    """Train, look at the patches and print."""
    claim = settings("pce", __doc__, "mnist5k:pairs=left,train=1500", epochs=5, seeds=3)
    done = trained(claim, [
        arm("four experts", SPEC),
        arm("one expert", SPEC, n=1),
        arm("dense, FLOPs of one expert a patch", DENSE, width=15),
    ])
    accuracies(done)
    for number in range(1, 3):
        judged(f"four experts beside {done.table.rows[number].arm.name}", done.values(0), done.values(number))
    picture("pce", forest({row.arm.name: in_percent(done.values(number))
                           for number, row in enumerate(done.table.rows)}, "accuracy, %"))
    cut(done)
    places(done, 0)


def cut(done: Trained) -> None:
    """Accuracy where patches go to the experts with enough weight alone."""
    found = [evaluate_cuts(done.model(0, seed), done.table.design.data, CUTS, device="cpu")
             for seed in done.table.design.seeds]
    columns = [[one.found.accuracy or 0.0 for one in column] for column in zip(*found, strict=True)]
    # Without a cut nothing is dispatched, so that no pairs are counted: all are worked out.
    pairs = [1.0, *(mean(one.pairs / one.of for one in column)
                    for number, column in enumerate(zip(*found, strict=True)) if number)]

    table("| cut | pairs worked out, % | accuracy, % | deviation | 95 % interval |", (
        f"| {shown or 'none'} | {100 * share:.1f} | {cells(interval(values))} |"
        for shown, share, values in zip((None, *CUTS), pairs, columns, strict=True)))
    print()
    for number, shown in enumerate(CUTS):
        judged(f"cut {shown:g} beside all experts", columns[number + 1], columns[0], margin=0.01)


def places(done: Trained, row: int) -> None:
    """How often each expert weighs most at each place, and what place and expert tell of each other."""
    tables = [counted(done.model(row, seed), done.table.design.data) for seed in done.table.design.seeds]
    table("| seed 0: place | expert 1 | expert 2 | expert 3 | expert 4 |", (
        f"| {place} | {' | '.join(f'{100 * float(share):.0f} %' for share in counts / counts.sum())} |"
        for place, counts in zip(("left above", "right above", "left below", "right below"), tables[0], strict=True)))

    by_place = interval([told(counts) for counts in tables])
    columns = interval([told(counts[[0, 1]] + counts[[2, 3]]) for counts in tables])
    print(f"\n- of the choice of an expert, its place decides {100 * by_place.mean:.1f} % ({100 * by_place.low:.1f} to "
          f"{100 * by_place.high:.1f}); left or right decides {100 * columns.mean:.1f} % ({100 * columns.low:.1f} to "
          f"{100 * columns.high:.1f}), as shares of the entropy of the choice", flush=True)


def counted(model: fx.GraphModule, data: str) -> Tensor:
    """How often each expert weighs most at each place: [places, experts]."""
    samples, _ = data_of(model, data).test.batch(list(range(LOOKED_AT)))
    taken, _ = patches_of(model, samples, device="cpu")
    counts = torch.zeros(PLACES, 4, dtype=torch.float64)
    for (stage,) in taken:
        for place, cell in enumerate(stage.cells):
            counts[place, cell.expert] += 1
    return counts


def told(counts: Tensor) -> float:
    """The mutual information of row and column, as a share of the entropy of the column.

    >>> told(torch.tensor([[5.0, 0.0], [0.0, 5.0]])), told(torch.tensor([[5.0, 5.0], [5.0, 5.0]]))
    (1.0, 0.0)
    """
    joint = counts / counts.sum()
    rows, columns = joint.sum(1), joint.sum(0)
    entropy = torch.special.entr(columns).sum()
    # One expert for all: there is no choice that a place could decide.
    if entropy <= 0:
        return 0.0
    return float((torch.special.entr(rows).sum() + entropy - torch.special.entr(joint).sum()) / entropy)


if __name__ == "__main__":
    main()
