"""PBConv's claims on turned digits: `make campaign-claims-pbconv`.

A network plain, with the small kernels of ACB and of DBB, and with those that a search finds; and whether the score of
a candidate, at the start and after some iterations, tells its accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from scipy import stats

from archlang.elaborate.network import loads
from archlang.studies.pbconv.search import search
from archlang.studies.pbconv.trial import Settings
from archlang.views.tradeoff import Dot, tradeoff
from tests.campaign.claims.harness import (
    SPECS,
    Claim,
    accuracies,
    arm,
    forest,
    in_percent,
    judged,
    picture,
    settings,
    table,
    trained,
)

SPEC = "claims/boosted"
CANDIDATES = 10
SHORT = Settings(CANDIDATES, iterations=20, seeds=2)
"""The search: its candidates, from so many seeds, for so many iterations each."""

SEEDS = 2
"""Trainings of every candidate to its end."""


def main() -> None:
    """Search, train and print."""
    claim = settings("pbconv", __doc__, "mnist5k:rotated=45,train=1000", epochs=6)
    # A search boosts a file's plain convolutions itself.
    text = (SPECS / f"{SPEC}.arch").read_text(encoding="utf-8")
    plain = loads(text.replace("boosted_unit", "unit").replace("std.boost", "std.conv").replace(", boost = boost", ""))
    trials = search(plain, claim.data, SHORT)
    best = max(trials, key=lambda trial: trial.scores["3x3"])

    done = trained(claim, [
        arm("plain", SPEC),
        arm("acb", SPEC, boost="acb"),
        arm("dbb", SPEC, boost="dbb"),
        arm("pbconv", SPEC, boost=best.kernels["3x3"]),
    ], "methods")
    accuracies(done)
    for number in (2, 1, 0):
        judged(f"pbconv beside {done.table.rows[number].arm.name}", done.values(3), done.values(number))
    judged("dbb beside acb", done.values(2), done.values(1))
    judged("acb beside plain", done.values(1), done.values(0))
    picture("pbconv", forest({row.arm.name: in_percent(done.values(number))
                              for number, row in enumerate(done.table.rows)}, "accuracy, %"))

    of_all = trained(Claim(claim.name, claim.data, SEEDS, claim.epochs, claim.run),
                     [arm(f"candidate {trial.number + 1}", SPEC, boost=trial.kernels["3x3"]) for trial in trials],
                     "candidates")
    found = [100 * mean(of_all.values(trial.number)) for trial in trials]
    table("| candidate | small kernels | score at the start | after 20 iterations | accuracy, % |", (
        f"| {trial.number + 1}{', the winner' * (trial is best)} | {trial.kernels['3x3'].count(' at ')} | "
        f"{trial.starts['3x3']:.4f} | {trial.scores['3x3']:.4f} | {value:.2f} |"
        for trial, value in zip(trials, found, strict=True)))
    correlation("score at the start and accuracy", [trial.starts["3x3"] for trial in trials], found)
    correlation("score after 20 iterations and accuracy", [trial.scores["3x3"] for trial in trials], found)
    correlation("number of small kernels and accuracy", [trial.kernels["3x3"].count(" at ") for trial in trials], found)
    picture("pbconv-score", tradeoff([Dot(f"candidate {trial.number + 1}", trial.scores["3x3"], value)
                                      for trial, value in zip(trials, found, strict=True)],
                                     "score after 20 iterations", "accuracy, %"))


def correlation(what: str, first: Sequence[float], second: Sequence[float]) -> None:
    """Print Pearson's correlation with its 95 % interval (Fisher's), and Spearman's."""
    found = stats.pearsonr(first, second)
    ends = found.confidence_interval(0.95)
    ranked = stats.spearmanr(first, second)
    print(f"- {what}: r = {found.statistic:+.2f} ({ends.low:+.2f} to {ends.high:+.2f}), by rank "
          f"{ranked.statistic:+.2f} (p = {ranked.pvalue:.2g})", flush=True)


if __name__ == "__main__":
    main()
