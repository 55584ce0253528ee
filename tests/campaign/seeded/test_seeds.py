"""Every seed applies to today's source, parses, names tests that are there, and is noticed or refused by the runner."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.campaign.seeded.catalogue import ROOMS, everything, seeds_of
from tests.campaign.seeded.planting import judged, planted
from tests.campaign.seeded.seed import ROOT, NotApplicable, Seed

SEEDS = [(room, number, seed) for room, seeds in everything().items() for number, seed in enumerate(seeds, 1)]
LEAST = 200


@pytest.mark.parametrize("room", ROOMS)
def test_seeds_of_a_room_apply_and_parse(room: str) -> None:
    for seed in seeds_of(room):
        changed = seed.planted()
        before = (ROOT / "archlang" / seed.file).read_text(encoding="utf-8")
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(before)), seed.wrong


@pytest.mark.parametrize("room", ROOMS)
def test_tests_that_seeds_name_are_there(room: str) -> None:
    for seed in seeds_of(room):
        assert seed.targets and seed.wrong
        for target in seed.targets:
            file, _, name = target.partition("::")
            text = (ROOT / file).read_text(encoding="utf-8")
            assert not name or f"\ndef {name}(" in text, f"{target} is not there"


def test_there_are_many_and_none_twice() -> None:
    assert sum(not seed.same for _, _, seed in SEEDS) >= LEAST
    twice = [key for key, count in Counter((seed.file, seed.before, seed.after) for _, _, seed in SEEDS).items()
             if count > 1]
    assert not twice


def small_tree(folder: Path) -> Path:
    """A package of one function, and a test of it."""
    (folder / "archlang").mkdir()
    (folder / "archlang" / "__init__.py").write_text("")
    (folder / "archlang" / "sums.py").write_text(
        "def total(a, b):\n    return a + b\n\n\ndef unused():\n    return 1\n")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_sums.py").write_text(
        "from archlang.sums import total\n\n\ndef test_total():\n    assert total(2, 3) == 5\n")
    return folder


@pytest.mark.parametrize(("before", "after", "what"), [
    ("return a + b", "return a - b", "noticed"), ("return 1", "return 2", "NOT noticed"),
    ("return 1", "return (", "useless"),
])
def test_the_runner_tells_what_is_noticed_and_puts_everything_back(
    before: str, after: str, what: str, tmp_path: Path
) -> None:
    tree = small_tree(tmp_path)
    whole = (tree / "archlang" / "sums.py").read_bytes()
    verdict = judged(tree, Seed("sums.py", before, after, "wrong", ("test_sums.py",)), 120)
    assert verdict.what == what
    assert verdict.by.endswith("test_sums.py::test_total") is (what == "noticed")
    assert (tree / "archlang" / "sums.py").read_bytes() == whole


@pytest.mark.parametrize("before", ["return c", "return"])
def test_a_text_that_does_not_stand_there_once_is_refused(before: str, tmp_path: Path) -> None:
    tree = small_tree(tmp_path)
    whole = (tree / "archlang" / "sums.py").read_bytes()
    with pytest.raises(NotApplicable, match="not once"), planted(tree, Seed("sums.py", before, "", "", ())):
        pass
    assert (tree / "archlang" / "sums.py").read_bytes() == whole
