"""Intervals and tests beside scipy's own, and beside values of statsmodels 0.15.0."""

from __future__ import annotations

import pytest
from scipy import stats

from archlang.comparison.statistics import holm, interval, mcnemar, paired_t
from archlang.diagnostics import ArchError

FIRST = [91.2, 90.8, 92.1, 91.7, 90.9]
SECOND = [92.0, 91.9, 92.4, 92.5, 91.0]


def test_the_interval_is_students() -> None:
    found = interval(FIRST)
    # DescrStatsW(FIRST).tconfint_mean(0.05)
    assert (found.low, found.high) == pytest.approx((90.65652064128906, 92.02347935871094), rel=1e-12)
    low, high = stats.t.interval(0.95, 4, loc=found.mean, scale=stats.sem(FIRST))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)


def test_the_paired_test_is_scipys() -> None:
    found, theirs = paired_t(FIRST, SECOND), stats.ttest_rel(SECOND, FIRST)
    assert found.p == pytest.approx(float(theirs.pvalue), rel=1e-10)
    ends = theirs.confidence_interval(0.95)
    assert (found.difference.low, found.difference.high) == pytest.approx((ends.low, ends.high), rel=1e-10)
    # DescrStatsW(SECOND - FIRST): ttest_mean(0) and tconfint_mean(0.05)
    assert found.p == pytest.approx(0.027466849745865555, rel=1e-10)
    assert found.difference.low == pytest.approx(0.11258614139865586, rel=1e-9)
    assert found.difference.mean > 0, "the second is better"


def test_equal_differences_have_no_p_value() -> None:
    assert paired_t([0.1, 0.2, 0.3], [0.2, 0.3, 0.4]).p is None
    assert paired_t([0.1, 0.2], [0.1, 0.2]).p is None


@pytest.mark.parametrize(("only_first", "only_second", "p"), [
    (12, 3, 0.03515625), (7, 7, 1.0), (21, 9, 0.042773945257067694), (1, 0, 1.0), (0, 0, 1.0),
])
def test_mcnemar_is_that_of_statsmodels(only_first: int, only_second: int, p: float) -> None:
    both = [(True, False)] * only_first + [(False, True)] * only_second + [(True, True)] * 5 + [(False, False)] * 3
    found = mcnemar([a for a, _ in both], [b for _, b in both])
    assert (found.only_first, found.only_second) == (only_first, only_second)
    assert found.p == pytest.approx(p, rel=1e-12)


def test_holm_is_that_of_statsmodels() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_an_interval_from_one_seed_is_refused() -> None:
    for call in (lambda: interval([0.9]), lambda: paired_t([0.9], [0.8]), lambda: interval([])):
        with pytest.raises(ArchError) as caught:
            call()
        assert caught.value.diagnostics[0].name == "one-seed"
