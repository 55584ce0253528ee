"""The 79 small modules of `python -m tests.campaign.modules`: none wrong, and those that can fold do."""

from __future__ import annotations

import pytest

from tests.campaign.modules import CASES, WAYS, judged

pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_modules_are_those_that_were_counted() -> None:
    assert len(CASES) == 79
    assert sum(case.folds for case in CASES.values()) == 62


@pytest.mark.parametrize("name", CASES)
def test_with_all_options(name: str) -> None:
    outcome = judged(CASES[name], WAYS["archlang, all options"])
    if name == "training":
        assert (outcome.word, outcome.detail) == ("refused", "not-evaluation-mode")
    else:
        assert outcome.word == ("folded" if CASES[name].folds else "kept")


@pytest.mark.parametrize("way", ["archlang, no example", "archlang"])
def test_without_options_nothing_is_wrong(way: str) -> None:
    words = [judged(case, WAYS[way]).word for case in CASES.values()]
    assert words.count("wrong") == 0
    assert words.count("folded") >= (36 if way.endswith("example") else 51)
    assert words.count("refused") == (2 if way.endswith("example") else 1)
