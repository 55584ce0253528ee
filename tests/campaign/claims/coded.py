"""Coded ResNeXt's claims on handwritten digits: `make campaign-claims-coded`.

Accuracy of coded and plain networks of one size, of another power and of concatenation; single-class networks beside
the whole one; accuracy without active and without inactive branches.
"""

from __future__ import annotations

from dataclasses import replace
from statistics import mean
from typing import Any

import torch
from torch import fx

from archlang.comparison.statistics import interval
from archlang.studies.coded import ablate, extract
from archlang.train.fitting import fit_of
from archlang.train.loop.evaluation import data_of, record_of
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

SPEC = "claims/coded"
PAPER = {"optimizer": "sgd(lr = 0.1, momentum = 0.9, nesterov = true, weight_decay = 5e-4)"}
"""The paper's optimiser, in the place of Adam at 0.005."""
LONGER = 4
"""So many times the epochs, with the paper's optimiser."""


def main() -> None:
    """Train, cut, remove and print."""
    claim = settings("coded", __doc__, "mnist5k:train=800", epochs=8)
    done = trained(claim, [
        arm("coded", SPEC),
        arm("plain", SPEC, use_codes=False),
        arm("coded, weight 1", SPEC, weight=1),
        arm("coded, power 2", SPEC, power=2),
        arm("coded, concatenated", SPEC, joined=True),
    ])
    accuracies(done)
    judged("coded beside plain", done.values(0), done.values(1), margin=0.01)
    judged("coded of weight 1 beside plain", done.values(2), done.values(1), margin=0.01)
    picture("coded", forest({row.arm.name: in_percent(done.values(number))
                             for number, row in enumerate(done.table.rows)}, "accuracy, %"))

    # In a short training by Adam coded networks are behind; whether that is the training's fault, this one tells.
    longer = trained(replace(claim, epochs=LONGER * claim.epochs), [
        arm("coded, SGD", SPEC, PAPER),
        arm("plain, SGD", SPEC, PAPER, use_codes=False),
        arm("coded, power 2, SGD", SPEC, PAPER, power=2),
        arm("coded, concatenated, SGD", SPEC, PAPER, joined=True),
    ], "sgd")
    accuracies(longer)
    judged("coded beside plain, SGD", longer.values(0), longer.values(1), margin=0.01)
    removals(longer, 0)
    single(longer, 0)

    # The row of the paper's weight, and that of the weight that does best here.
    for row in (0, 2):
        removals(done, row)
        single(done, row)


def removals(done: Trained, row: int) -> None:
    """Accuracy with branches of a block taken out, in the mean over seeds."""
    data = done.table.design.data
    found: dict[tuple[str, str, int], list[float]] = {}
    for seed in done.table.design.seeds:
        for one in ablate(done.model(row, seed), data):
            found.setdefault((one.block, one.what, one.count), []).append(one.accuracy)

    kinds = dict.fromkeys((block, what) for block, what, _ in found)
    table(f"| {done.table.rows[row].arm.name}: block | branches | accuracy with 0, 1, 2 ... of them out, % |", (
        f"| {block} | {what} | " + " ".join(f"{100 * mean(values):.1f}" for (b, w, _), values in found.items()
                                            if (b, w) == (block, what)) + " |" for block, what in kinds))
    for block, what in kinds:
        most = max(count for b, w, count in found if (b, w) == (block, what))
        for count in sorted({min(3, most), most}):
            judged(f"{block} without {count} {what} branches", found[block, what, count], found[block, what, 0],
                   margin=0.01)
    for block in dict.fromkeys(block for block, _ in kinds):
        judged(f"{block}, 3 inactive branches out beside 3 active ones", found[block, "inactive", 3],
               found[block, "active", 3])


def single(done: Trained, row: int) -> None:
    """Single-class networks put together: the class whose own network scores highest, beside the whole network."""
    data, together, whole, kept = done.table.design.data, [], [], []
    for seed in done.table.design.seeds:
        model = done.model(row, seed)
        parts = [extract(model, [c]) for c in range(10)]
        kept += [parameters(part) / parameters(model) for part in parts]
        together.append(right(model, parts, data))
        whole.append(right(model, [model], data))

    name = done.table.rows[row].arm.name
    table(f"| {name} | accuracy, % | deviation | 95 % interval |", [
        f"| the whole network | {cells(interval(whole))} |",
        f"| ten single-class networks, the highest score | {cells(interval(together))} |",
    ])
    print(f"\nparameters kept: {100 * min(kept):.1f} to {100 * max(kept):.1f} %")
    judged(f"{name}, single-class networks beside the whole", together, whole, margin=0.01)


def parameters(model: fx.GraphModule) -> int:
    """Trained numbers of a model."""
    return sum(weight.numel() for weight in model.parameters())


def right(model: fx.GraphModule, parts: list[fx.GraphModule], data: str) -> float:
    """The share of the test part that the parts' scores, side by side, put into its class."""
    record: Any = record_of(model)
    test = data_of(model, data).test
    fit = fit_of(record.network.graph, record.mean, record.std, record.image)
    samples, label = test.batch(list(range(len(test))))

    with torch.no_grad():
        scores = torch.cat([part.eval()(fit(samples)) for part in parts], dim=1)
    return float((scores.argmax(1) == label).double().mean())


if __name__ == "__main__":
    main()
