"""Statistics of repeated figures: intervals, tests by seed and by sample, p-values corrected for their number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from scipy import stats

from archlang.diagnostics import ArchError, error

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """The mean of some figures, their deviation (of a sample, over n - 1), and the ends of an interval for the mean."""

    mean: float
    deviation: float
    low: float
    high: float
    count: int


def interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """Student's interval for the mean, m ± t(n - 1) s / √n.

    >>> found = interval([1.0, 2.0, 3.0])
    >>> round(found.low, 3), round(found.high, 3)
    (-0.484, 4.484)

    Raises `ArchError` (one-seed) for fewer than two figures: one says nothing of how much they differ.
    """
    if len(values) < 2:
        raise ArchError(error("one-seed", f"an interval was asked for from {len(values)} figures",
                              help="repeat with further seeds: `--seeds 5`"))
    # `statistics` sums exactly, so that equal figures have the deviation 0.
    middle, deviation = mean(values), stdev(values)
    reach = float(stats.t.ppf((1 + level) / 2, len(values) - 1)) * deviation / math.sqrt(len(values))
    return Interval(middle, deviation, middle - reach, middle + reach, len(values))


@dataclass(frozen=True)
class PairedTest:
    """A paired t-test: the interval for the mean difference, and the two-sided p-value that it is 0.

    `p` is None where all differences are the same, so that nothing can be said of their deviation.
    """

    difference: Interval
    p: float | None


def paired_t(first: Sequence[float], second: Sequence[float]) -> PairedTest:
    """Student's paired test of second minus first, figure by figure of one seed.

    Raises `ArchError` (one-seed) for fewer than two pairs.
    """
    differences = [b - a for a, b in zip(first, second, strict=True)]
    found = interval(differences)
    # Differences that are equal but for rounding would give any p-value at all.
    if found.deviation <= 1e-12 * max(1.0, abs(found.mean)):
        return PairedTest(found, None)
    # Twice the upper tail: nobody said beforehand which of the two is better.
    t = found.mean / (found.deviation / math.sqrt(found.count))
    return PairedTest(found, float(2 * stats.t.sf(abs(t), found.count - 1)))


@dataclass(frozen=True)
class McNemarTest:
    """McNemar's exact test: samples that only the first, and only the second got right, and the two-sided p-value."""

    only_first: int
    only_second: int
    p: float


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> McNemarTest:
    """McNemar's exact test of two models on the same samples: a binomial test of those on which they differ.

    >>> mcnemar([True, True, False], [True, False, False])
    McNemarTest(only_first=1, only_second=0, p=1.0)
    """
    pairs = list(zip(first, second, strict=True))
    only_first = sum(a and not b for a, b in pairs)
    only_second = sum(b and not a for a, b in pairs)
    # Where they never differ, there is nothing to test.
    if not only_first + only_second:
        return McNemarTest(0, 0, 1.0)
    p = float(stats.binomtest(only_first, only_first + only_second).pvalue)
    return McNemarTest(only_first, only_second, p)


def holm(values: Sequence[float | None]) -> list[float | None]:
    """P-values corrected for their number (Holm 1979): that of the largest stays. None stays None and does not count.

    >>> holm([0.01, None, 0.04])
    [0.02, None, 0.04]
    """
    known = sorted((value, place) for place, value in enumerate(values) if value is not None)
    corrected: list[float | None] = [None] * len(values)

    highest = 0.0
    for rank, (value, place) in enumerate(known):
        # A corrected value is never below that of a smaller one.
        highest = max(highest, min(1.0, (len(known) - rank) * value))
        corrected[place] = highest
    return corrected
