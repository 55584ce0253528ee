"""The claims for attention over layers, on handwritten digits: `make campaign-claims-attention`.

Whether attention moves from low layers to high ones while it trains; how much of the gradient reaches low layers; and
whether a layer that lets hardly anything through, from the start or after training, impedes the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

import torch
from torch import fx

from archlang.comparison.statistics import interval
from archlang.train import evaluate
from archlang.views.chart import Course, strips
from tests.campaign.attention import averaged, centre, numbers
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

SPEC = "claims/attended"
KINDS = {
    "last layer alone": {"all": False},
    "mean of the layers": {"by": "mean"},
    "static vector": {"faster": True},
    "self-attention": {"by": "self_attention(heads = 4)"},
}
LAYERS = 6


def main() -> None:
    """Train, take layers out and print."""
    claim = settings("attention", __doc__, "mnist5k:train=500", epochs=8)
    whole = [arm(name, SPEC, **dials) for name, dials in KINDS.items()]
    narrow = [arm(f"{name}, fourth layer of one channel", SPEC, fourth=1, **dials) for name, dials in KINDS.items()]
    done = trained(claim, [*whole, *narrow])

    accuracies(done)
    picture("attention", forest({row.arm.name: in_percent(done.values(number))
                                 for number, row in enumerate(done.table.rows)}, "accuracy, %"))
    shift(done)
    gradients(done)

    print()
    for number, name in enumerate(KINDS):
        judged(f"{name}, fourth layer of one channel beside the whole one", done.values(number + len(KINDS)),
               done.values(number), margin=0.01)
    lost = [[b - a for a, b in zip(done.values(number + len(KINDS)), done.values(number), strict=True)]
            for number in range(len(KINDS))]
    for number, name in enumerate(KINDS):
        if number:
            judged(f"{name} loses less by it than the last layer alone", lost[0], lost[number])
    taken_out(done)


def shift(done: Trained) -> None:
    """Where attention stands over the training, and the centre of it, counted in layers from 1."""
    rows = []
    for number, name in enumerate(KINDS):
        # The plain network has no attention, that of the mean cannot move.
        if name in ("last layer alone", "mean of the layers"):
            continue
        runs = [numbers(done.folder(number, seed) / "attention.csv") for seed in done.table.design.seeds]
        course = averaged(runs)
        moved = interval([centre(run[-1]) - centre(run[0]) for run in runs])
        lowest = interval([max(step[0] for step in run[: len(run) // 3]) - run[0][0] for run in runs])
        dip = interval([min(map(centre, run)) - centre(run[0]) for run in runs])
        rows.append(f"| {name} | {share(course[0])} | {share(course[len(course) // 10])} | {share(course[-1])} | "
                    f"{moved.mean:+.2f} ({moved.low:+.2f} to {moved.high:+.2f}) | {lowest.mean:+.3f} "
                    f"({lowest.low:+.3f} to {lowest.high:+.3f}) | {dip.mean:+.2f} |")
        names = tuple(f"layer {layer + 1}" for layer in range(len(course[0])))
        title = f"attention: {name}, {done.table.design.data}, mean of {len(runs)} seeds"
        picture(f"attention-{name.replace(' ', '-')}", strips(Course(title, names, course)))
    table("| | attention by layer at the start | after a tenth | at the end | its centre moves, layers | the lowest "
          "gains at most, in the first third | the centre dips |", rows)


def share(row: Sequence[float]) -> str:
    """Attention by layer."""
    return " ".join(f"{value:.2f}" for value in row)


def gradients(done: Trained) -> None:
    """The share of the two lowest layers in the norms of all layers' gradients, in the first tenth of training."""
    shares: list[list[float]] = []
    for number in range(len(KINDS)):
        shares.append([])
        for seed in done.table.design.seeds:
            rows = numbers(done.folder(number, seed) / "gradients.csv")
            rows = rows[: max(1, len(rows) // 10)]
            norms = [mean(column) for column in zip(*rows, strict=True)]
            shares[-1].append(sum(norms[:2]) / sum(norms))
    table("| | share of the two lowest layers in the gradients' norms, % | deviation | 95 % interval |", (
        f"| {name} | {cells(interval(values))} |" for name, values in zip(KINDS, shares, strict=True)))
    print()
    for name, values in zip(KINDS, shares, strict=True):
        if values is not shares[0]:
            judged(f"share of the gradient, {name} beside the last layer alone", values, shares[0])


def taken_out(done: Trained) -> None:
    """Accuracy with the output of one layer at zero, for all that reads it."""
    left = {name: [[without(done.model(number, seed), layer, done.table.design.data)
                    for seed in done.table.design.seeds] for layer in range(LAYERS)]
            for number, name in enumerate(KINDS)}
    head = " | ".join(f"without {layer + 1}" for layer in range(LAYERS))
    table(f"| accuracy left, % | {head} |", (
        f"| {name} | {' | '.join(f'{100 * mean(values):.1f}' for values in layers)} |"
        for name, layers in left.items()))

    print()
    for name, layers in left.items():
        if name != "last layer alone":
            # The mean over the layers, seed by seed.
            own = [mean(values) for values in zip(*layers, strict=True)]
            plain = [mean(values) for values in zip(*left["last layer alone"], strict=True)]
            judged(f"accuracy left without a layer, {name} beside the last layer alone", own, plain)


def without(model: fx.GraphModule, layer: int, data: str) -> float:
    """The accuracy with a layer's output at zero."""
    (name,) = (name for name, _ in model.named_modules() if name.endswith("relu") and f"layers.{layer}." in name)
    # A hook's result takes the place of what the module gave.
    held = model.get_submodule(name).register_forward_hook(lambda _, __, result: torch.zeros_like(result))
    try:
        return evaluate(model, data, device="cpu").accuracy or 0.0
    finally:
        held.remove()


if __name__ == "__main__":
    main()
