"""PBConv's claims on turned digits: `make campaign-claims-pbconv`.

A network plain, with the small kernels of ACB and of DBB, and with those that a search finds; whether the score of a
candidate, at the start and after some iterations, tells its accuracy; and the rules of placing (Table 6), each beside
the rules in full with the same shapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from scipy import stats

from archlang.comparison.statistics import holm, paired_t
from archlang.elaborate.network import loads
from archlang.kernels import RULES, candidate, candidates
from archlang.studies.pbconv.search import search
from archlang.studies.pbconv.trial import Settings, Trial
from archlang.views.tradeoff import Dot, tradeoff
from tests.campaign.claims.harness import (
    SPECS,
    Claim,
    Trained,
    accuracies,
    arm,
    chance,
    ends,
    forest,
    in_percent,
    picture,
    settings,
    table,
    trained,
    verdict,
)

SPEC = "claims/boosted"
CANDIDATES = 10
SHORT = Settings(CANDIDATES, iterations=20, seeds=2)
"""The search: its candidates, from so many seeds, for so many iterations each."""

SEEDS, PLACED = 5, 4
"""Trainings of every candidate to its end, and of every one whose kernels fewer rules place elsewhere."""


def main() -> None:
    """Search, train and print."""
    claim = settings("pbconv", __doc__, "mnist5k:rotated=45,train=1000", epochs=6, seeds=10)
    # A search boosts a file's plain convolutions itself.
    text = (SPECS / f"{SPEC}.arch").read_text(encoding="utf-8")
    plain = loads(text.replace("boosted_unit", "unit").replace("std.boost", "std.conv").replace(", boost = boost", ""))
    claim.run.mkdir(parents=True, exist_ok=True)
    trials = search(plain, claim.data, SHORT, journal=claim.run / "search.jsonl", resume=True)
    best = max(trials, key=lambda trial: trial.scores["3x3"])

    methods(claim, best)
    full = scores(fewer(claim, SEEDS), trials, best)
    placing(fewer(claim, PLACED), full)


def fewer(claim: Claim, seeds: int) -> Claim:
    """The same with so many seeds, or less where less were asked for."""
    return Claim(claim.name, claim.data, min(claim.seeds, seeds), claim.epochs, claim.run)


def methods(claim: Claim, best: Trial) -> None:
    """The four methods of tables 1 to 5."""
    done = trained(claim, [
        arm("plain", SPEC),
        arm("acb", SPEC, boost="acb"),
        arm("dbb", SPEC, boost="dbb"),
        arm("pbconv", SPEC, boost=best.kernels["3x3"]),
    ], "methods")
    accuracies(done)

    named = {row.arm.name: done.values(number) for number, row in enumerate(done.table.rows)}
    compared([(f"{better} beside {worse}", named[better], named[worse]) for better, worse in (
        ("acb", "plain"), ("dbb", "acb"), ("dbb", "plain"), ("pbconv", "dbb"), ("pbconv", "acb"), ("pbconv", "plain"))])
    picture("pbconv", forest({name: in_percent(values) for name, values in named.items()}, "accuracy, %"))


def scores(claim: Claim, trials: Sequence[Trial], best: Trial) -> Trained:
    """The score and the accuracy of every candidate (figure 6); returns the trainings."""
    done = trained(claim, [arm(f"candidate {trial.number + 1}", SPEC, boost=trial.kernels["3x3"]) for trial in trials],
                   "candidates")
    found = [100 * mean(done.values(trial.number)) for trial in trials]
    table("| candidate | small kernels | score at the start | after 20 iterations | accuracy, % | 95 % interval |", (
        f"| {trial.number + 1}{', the winner' * (trial is best)} | {trial.kernels['3x3'].count(' at ')} | "
        f"{trial.starts['3x3']:.4f} | {trial.scores['3x3']:.4f} | {value:.2f} | {around(done.values(trial.number))} |"
        for trial, value in zip(trials, found, strict=True)))
    alike([done.values(trial.number) for trial in trials])

    correlation("score at the start and accuracy", [trial.starts["3x3"] for trial in trials], found)
    correlation("score after 20 iterations and accuracy", [trial.scores["3x3"] for trial in trials], found)
    correlation("number of small kernels and accuracy", [trial.kernels["3x3"].count(" at ") for trial in trials], found)
    # Without intervals, which would move dots of nearly one score aside: here the scores matter.
    dots = [Dot(f"candidate {trial.number + 1}", trial.scores["3x3"], value)
            for trial, value in zip(trials, found, strict=True)]
    picture("pbconv-score", tradeoff(dots, "score after 20 iterations", "accuracy, %"))
    return done


def placing(claim: Claim, full: Trained) -> None:
    """Candidates of the rules in full beside those of fewer rules, with the same shapes (table 6)."""
    placed = moved()
    # A list must cover every position; what a rule proposes need not.
    done = trained(claim, [arm(f"candidate {number + 1} by {rule}", SPEC,
                               boost=f"propose(seed = {seed}, rules = {rule})")
                           for rule, number, seed in placed], "rules")

    pairs = []
    for rule in RULES[1:]:
        # A candidate that a rule leaves as it is makes no difference: training it again would only add chance.
        rows = [(row, number) for row, (name, number, _) in enumerate(placed) if name == rule]
        numbers = ", ".join(str(number + 1) for _, number in rows)
        pairs.append((f"full beside {rule}, candidates {numbers}",
                      [mean(full.values(number)[:claim.seeds]) for _, number in rows],
                      [mean(done.values(row)) for row, _ in rows]))
    # Candidates were drawn, not chosen: each is one pair, the mean of its seeds.
    table("| | full, % | without, % |", (
        f"| {what} | {100 * mean(first):.2f} | {100 * mean(second):.2f} |" for what, first, second in pairs))
    compared(pairs)


def moved() -> list[tuple[str, int, int]]:
    """The candidates of the search whose kernels lie elsewhere by fewer rules: the rule, the number, its seed."""
    found = []
    for rule in RULES[1:]:
        for number, (seed, windows) in enumerate(candidates((3, 3), CANDIDATES)):
            # The same kernels in another order make the same convolution.
            if sorted(candidate((3, 3), seed, rules=rule)) != sorted(windows):
                found.append((rule, number, seed))
    return found


def compared(pairs: Sequence[tuple[str, Sequence[float], Sequence[float]]]) -> None:
    """Print whether the first of each pair is better, figure by figure, with p-values corrected for their number."""
    tests = [paired_t(worse, better) for _, better, worse in pairs]
    table("| | points | 95 % interval | p | corrected (Holm) | better |", (
        f"| {what} | {100 * test.difference.mean:+.2f} | {ends(test.difference)} | {chance(test.p)} | "
        f"{chance(corrected)} | {verdict(test.difference)} |"
        for (what, _, _), test, corrected in zip(pairs, tests, holm([test.p for test in tests]), strict=True)))


def around(values: Sequence[float]) -> str:
    """The interval of a mean of shares, in per cent."""
    found = in_percent(values)
    return f"{found.low:.2f} to {found.high:.2f}"


def alike(rows: Sequence[Sequence[float]]) -> None:
    """Print Friedman's test: do rows differ at all, ranked seed by seed?"""
    found = stats.friedmanchisquare(*rows)
    print(f"- candidates differ: chi-square {found.statistic:.1f}, p = {chance(found.pvalue)} (Friedman)", flush=True)


def correlation(what: str, first: Sequence[float], second: Sequence[float]) -> None:
    """Print Pearson's correlation with its 95 % interval (Fisher's), and Spearman's."""
    found = stats.pearsonr(first, second)
    ends = found.confidence_interval(0.95)
    ranked = stats.spearmanr(first, second)
    print(f"- {what}: r = {found.statistic:+.2f} ({ends.low:+.2f} to {ends.high:+.2f}), by rank "
          f"{ranked.statistic:+.2f} (p = {ranked.pvalue:.2g})", flush=True)


if __name__ == "__main__":
    main()
