"""The table of a comparison: a row for each arm, and every further arm beside the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from archlang.comparison.bits import truths
from archlang.comparison.design import Job, StudyArm, StudyDesign
from archlang.comparison.journal import Standing
from archlang.comparison.statistics import (
    Interval,
    McNemarTest,
    PairedTest,
    holm,
    interval,
    mcnemar,
    paired_t,
)
from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.elaborate.network import Network


@dataclass(frozen=True)
class StudyRow:
    """An arm's results.

    values    its figure by seed
    interval  over the seeds; None for fewer than two
    failed    the reason of each seed that has no result
    missing   seeds that nobody has done yet
    """

    arm: StudyArm
    values: Mapping[int, float]
    interval: Interval | None
    failed: Mapping[int, str]
    missing: tuple[int, ...]
    seconds: float


@dataclass(frozen=True)
class Beside:
    """An arm beside the first, on the seeds that both have.

    by_seed    the paired t-test; None for fewer than two seeds
    corrected  its p-value, corrected for the number of arms beside the first (Holm)
    by_sample  McNemar's test for each seed; empty where samples have no right answer
    """

    first: StudyArm
    second: StudyArm
    by_seed: PairedTest | None
    corrected: float | None
    by_sample: Mapping[int, McNemarTest]


@dataclass(frozen=True)
class StudyTable:
    """All of a comparison, by one figure."""

    design: StudyDesign
    figure: str
    rows: tuple[StudyRow, ...]
    beside: tuple[Beside, ...]

    @property
    def is_whole(self) -> bool:
        """Tell whether no training is missing; those that failed are none."""
        return not any(row.missing for row in self.rows)


def figure_of(standing: Standing, wanted: str | None) -> str:
    """The figure to compare by: the wanted one, else accuracy, else loss.

    Raises `ArchError` (usage) for one that no result has.
    """
    known = sorted({name for record in standing.done.values() for name in record["figures"]})
    if wanted is None:
        if "accuracy" in known or not known:
            return "accuracy"
        return "loss"
    if known:
        _require_figure(wanted, known)
    return wanted


def require_figure(wanted: str, networks: Iterable[Network]) -> None:
    """Raise `ArchError` (usage) for a figure that no training of these networks can have, before any is trained."""
    named = {str(metric) for network in networks if network.graph.plan for metric in network.graph.plan.metrics}
    _require_figure(wanted, sorted({"accuracy", "loss", *named}))


def _require_figure(wanted: str, known: Sequence[str]) -> None:
    if wanted not in known:
        hints = (*did_you_mean(wanted, known), f"there are {', '.join(known)}")
        raise ArchError(error("usage", f"no result has the figure `{one_line(wanted, 60)}`", help=hints))


def tabulate(design: StudyDesign, standing: Standing, wanted: str | None = None) -> StudyTable:
    """The table of what is there. Raises `ArchError` (usage)."""
    figure = figure_of(standing, wanted)
    rows = tuple(_row(design, standing, number, figure) for number in range(len(design.arms)))

    # Beside the first alone: every further comparison would make each less certain.
    found = [_beside(design, standing, rows, number) for number in range(1, len(rows))]
    values = holm([getattr(one.by_seed, "p", None) for one in found])
    beside = tuple(replace(one, corrected=p) for one, p in zip(found, values, strict=True))
    return StudyTable(design, figure, rows, beside)


def _row(design: StudyDesign, standing: Standing, number: int, figure: str) -> StudyRow:
    values, failed, missing, seconds = {}, {}, [], 0.0
    for seed in design.seeds:
        key = Job(number, seed).key
        if key in standing.failed:
            failed[seed] = standing.failed[key]
        elif key not in standing.done:
            missing.append(seed)
        else:
            record = standing.done[key]
            seconds += float(record["seconds"])
            value = record["figures"].get(figure)
            # A metric may have no value, as where no sample has its class.
            if value is None:
                failed[seed] = f"bad-data: it has no {figure}"
            else:
                values[seed] = float(value)

    # One value has no interval; the row stands there all the same.
    found = None
    if len(values) > 1:
        found = interval(list(values.values()))
    return StudyRow(design.arms[number], values, found, failed, tuple(missing), seconds)


def _beside(design: StudyDesign, standing: Standing, rows: Sequence[StudyRow], number: int) -> Beside:
    first, second = rows[0], rows[number]
    # A seed that failed in one of the two has no pair.
    both = [seed for seed in design.seeds if seed in first.values and seed in second.values]
    by_seed = None
    if len(both) > 1:
        by_seed = paired_t([first.values[seed] for seed in both], [second.values[seed] for seed in both])

    by_sample = {}
    for seed in both:
        # The same seed of both: the pairs are those of the test by seed.
        right = [_right(standing, Job(arm, seed)) for arm in (0, number)]
        if None not in right and len(right[0] or ()) == len(right[1] or ()):
            by_sample[seed] = mcnemar(right[0] or (), right[1] or ())
    return Beside(first.arm, second.arm, by_seed, None, by_sample)


def _right(standing: Standing, job: Job) -> list[bool] | None:
    record = standing.done[job.key]
    if record["right"] is None:
        return None
    return truths(str(record["right"]), int(record["samples"]))
