"""The claim for the clustering loss over gates, on handwritten digits: `make campaign-claims-gates`.

How far the gates of two paths spread at several weights of the loss, and what that does to the accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from archlang.comparison.statistics import interval, paired_t
from archlang.studies.multipath.gates import responses
from archlang.views.histogram import Bars, Histogram, histograms
from tests.campaign.claims.harness import Trained, accuracies, arm, chance, judged, picture, settings, table, trained

SPEC = "claims/gated"
WEIGHTS = (0.0, 0.01, 0.1)


def main() -> None:
    """Train, look at the gates and print."""
    # Rows are named as `archlang study` names them: its one line makes the same study, in the same folder if asked to.
    claim = settings("gates", __doc__, "mnist5k:train=800", epochs=8)
    done = trained(claim, [arm(f"gated weight={weight}", SPEC, weight=weight) for weight in WEIGHTS])
    accuracies(done)

    spreads: list[list[float]] = []
    for number in range(len(WEIGHTS)):
        spreads.append([])
        for seed in done.table.design.seeds:
            seen = responses(done.model(number, seed), claim.data, device="cpu")
            # The gates of an input sum to 1: the first of two says what the second does.
            firsts = [place for place, name in enumerate(seen.gates) if name.endswith(".0")]
            spreads[-1].append(mean(seen.range_of(place).deviation for place in firsts))

    draw(done, 0)
    table("| | deviation of a gate over images | 95 % interval | times that without the loss | p |", (
        row(f"weight {weight:g}", spreads[0], values) for weight, values in zip(WEIGHTS, spreads, strict=True)))
    print()
    for number in range(1, len(WEIGHTS)):
        judged(f"accuracy at weight {WEIGHTS[number]:g} beside none", done.values(number), done.values(0), margin=0.01)


def draw(done: Trained, seed: int) -> None:
    """The gates of one seed over the test images, without the loss and at its largest weight (figure 5.1)."""
    panels = []
    for number in (0, len(WEIGHTS) - 1):
        seen = responses(done.model(number, seed), done.table.design.data, device="cpu")
        bars = [Bars(name, seen.range_of(place).counts) for place, name in enumerate(seen.gates) if name.endswith(".0")]
        panels.append(Histogram(f"first gates, {done.table.rows[number].arm.name}, seed {seed}", 0.0, 1.0, bars))
    picture("gates", histograms(panels))


def row(name: str, without: Sequence[float], values: Sequence[float]) -> str:
    """The spread of gates at one weight, beside that without the loss."""
    found = interval(values)
    times = [b / a for a, b in zip(without, values, strict=True)]
    told = f"{min(times):.1f} to {max(times):.1f}"
    return (f"| {name} | {found.mean:.3f} | {found.low:.3f} to {found.high:.3f} | {told} | "
            f"{chance(paired_t(without, values).p)} |")


if __name__ == "__main__":
    main()
