"""Designed codes: published sizes, determinism, shipped tables, bounded work."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import archlang
from archlang.codes import Code, Contract, bounded_design, design, designing, faults
from archlang.codes.shipped import FOLDER, MARK, shipped, sizes, stored
from archlang.diagnostics import ArchError
from archlang.source import Source, Span

ROOT = Path(__file__).resolve().parents[2]

PUBLISHED = {
    (10, 10, 5): 4, (10, 10, 3): 4, (100, 20, 8): 8, (100, 20, 4): 4, (1000, 32, 16): 12, (10, 15, 6): 8,
    (26, 16, 6): 6, (7, 7, 3): 4, (13, 13, 4): 6, (30, 10, 4): 4, (22, 12, 6): 6, (77, 22, 6): 8, (16, 16, 6): 8,
}  # fmt: skip
"""Sizes and least distances: the source's, designs, and entries of tables of constant-weight codes."""

HARDER = {(51, 12, 4): 4, (91, 14, 4): 4, (1000, 40, 10): 10, (1000, 48, 12): 12}
"""Sizes that no family and no local search reaches: orbits listed or sampled, and packed. The campaign has more."""

SHIPPED = {
    (10, 10, 5): 4, (10, 10, 3): 4, (100, 20, 8): 8, (100, 20, 4): 4, (1000, 32, 16): 12, (1000, 32, 8): 8,
    (10, 15, 6): 8, (26, 16, 6): 6,
}  # fmt: skip


@pytest.mark.parametrize("sizes", PUBLISHED, ids=str)
def test_fresh_designs(sizes: tuple[int, int, int]) -> None:
    found = design(*sizes, fresh=True)
    assert found.distance >= PUBLISHED[sizes]
    assert faults(found.code, Contract(*sizes, PUBLISHED[sizes], balanced=True, equal=True)) == []
    assert found.optimal


@pytest.mark.parametrize("sizes", HARDER, ids=str)
def test_harder_designs(sizes: tuple[int, int, int]) -> None:
    distance = HARDER[sizes]
    found = design(*sizes, distance=distance, fresh=True)
    assert faults(found.code, Contract(*sizes, distance, balanced=True, equal=True)) == []
    assert found.how.startswith("packed orbits under")


@pytest.mark.parametrize("sizes", [(14, 12, 4), (51, 12, 4)])
def test_a_seed_gives_one_code(sizes: tuple[int, int, int]) -> None:
    first, again, other = (design(*sizes, distance=4, seed=seed, fresh=True) for seed in (3, 3, 4))
    assert first.words == again.words and first.how == again.how
    assert first.distance == other.distance


def test_more_effort_reaches_what_less_does_not() -> None:
    with pytest.raises(ArchError, match="found no such code of distance 6") as caught:
        design(36, 14, 7, distance=6)
    assert "`--effort` searches longer" in caught.value.diagnostics[0].help[0]
    found = design(36, 14, 7, distance=6, effort=2)
    assert faults(found.code, Contract(36, 14, 7, 6, balanced=True)) == []


def test_effort_changes_nothing_that_is_found_without() -> None:
    assert design(14, 12, 4, effort=3).words == design(14, 12, 4).words


@pytest.mark.parametrize("sizes", sizes(), ids=str)
def test_shipped_tables_are_what_they_say(sizes: tuple[int, int, int]) -> None:
    found = shipped(*sizes)
    assert found is not None
    code, how = found
    assert faults(code, Contract(*sizes, SHIPPED[sizes], balanced=True, equal=True)) == []
    assert max(code.columns) - min(code.columns) == (1 if sizes[0] * sizes[2] % sizes[1] else 0)
    assert how and code.optimal
    name = "_".join(map(str, sizes)) + ".csv"
    assert stored(code, how) == (FOLDER / name).read_text(encoding="utf-8")
    assert (FOLDER / name).read_text(encoding="utf-8").startswith(MARK)


def test_all_sizes_of_the_source_are_shipped() -> None:
    assert set(sizes()) == set(SHIPPED)
    assert shipped(11, 11, 5) is None


def test_the_public_door() -> None:
    found = archlang.codes.design(classes=1000, branches=32, active=16, seed=0)
    assert (len(found.words), found.distance, set(found.columns)) == (1000, 12, {500})
    assert (found.histogram, found.bounds[0].distance) == (found.code.histogram, 12)
    with pytest.raises(AttributeError):
        getattr(archlang.codes, "nothing")


def test_names_travel_with_the_words() -> None:
    assert design(10, 10, 3, names=[f"n{i}" for i in range(10)]).code.names == tuple(f"n{i}" for i in range(10))


def test_a_distance_is_reached_or_refused() -> None:
    assert design(12, 12, 4, distance=4, fresh=True).distance >= 4
    with pytest.raises(ArchError, match="no 10 words of weight 3"):
        design(10, 10, 3, distance=6)


def test_the_search_says_what_it_did_not_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(designing, "FULL", designing.BOUNDED)
    with pytest.raises(ArchError, match="found no such code of distance 14") as caught:
        design(40, 40, 10, distance=14, fresh=True)
    assert caught.value.status == 1


def test_columns_may_be_given_up() -> None:
    lines: list[str] = []
    found = design(20, 11, 5, fresh=True, uneven=True, tell=lines.append)
    assert found.distance >= design(20, 11, 5, fresh=True).distance
    assert lines[0] == "known families of codes"


@pytest.mark.parametrize("sizes", [(10, 10, 5), (12, 10, 4), (48, 16, 6), (200, 24, 8), (1000, 32, 16), (30, 128, 32)])
def test_bounded_designs_are_quick(sizes: tuple[int, int, int]) -> None:
    bounded_design(8, 8, 4)  # libraries are loaded once
    start = time.process_time()
    found = bounded_design(*sizes)
    assert time.process_time() - start < 4
    assert faults(found.code, Contract(*sizes, balanced=True)) == []


def test_what_takes_too_long_tells_the_command() -> None:
    span = Span(Source("x.arch", "code a = design()\n"), 9, 17)
    with pytest.raises(ArchError) as caught:
        bounded_design(600, 40, 9, distance=8, span=span)
    (found,) = caught.value.diagnostics
    assert found.name == "code-contract" and found.primary is not None and found.primary.span == span
    command = "archlang codes design --classes 600 --branches 40 --active 9 --distance 8 -o words.csv"
    assert command in found.help[0] and 'from "words.csv"' in found.help[1]


def test_random_words_are_no_bounded_design() -> None:
    with pytest.raises(ArchError, match="a code for 600 classes of 9 in 40 branches takes too long"):
        bounded_design(600, 40, 9)


def test_bounded_designs_refuse_the_impossible() -> None:
    with pytest.raises(ArchError, match="more words than there are"):
        bounded_design(10, 3, 1)


def test_tables_are_read_without_numpy() -> None:
    code = "import sys; from archlang.codes import Code, read, faults; Code(('10', '01')).distance\n"
    code += "print({'numpy', 'scipy', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr


def test_designing_needs_no_torch() -> None:
    code = "import sys; from archlang.codes import design; design(10, 10, 3); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.strip() == "False", done.stderr


def test_an_exchanged_symbol_is_noticed() -> None:
    words = list(design(10, 10, 3).words)
    one, zero = words[0].index("1"), words[0].index("0")
    symbols = list(words[0])
    symbols[one], symbols[zero] = "0", "1"
    broken = Code(("".join(symbols), *words[1:]))
    assert [fault.message[:19] for fault in faults(broken, Contract(balanced=True))] == ["columns are uneven:"]
