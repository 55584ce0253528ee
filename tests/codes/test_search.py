"""The parts of the search: cliques, orbits, even columns, tabu search."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from archlang.codes import linear
from archlang.codes.balance import IntegerProgram, choose, choose_orbits, spread
from archlang.codes.clique import heavy
from archlang.codes.groups import GroupPlan, generated, groups
from archlang.codes.local import TabuState, search
from archlang.codes.orbits import orbit_code
from archlang.codes.packing import packed_code, partitions
from archlang.codes.tabu_clique import tabu_clique
from archlang.codes.words import least_distance, rows_of, subsets


@pytest.mark.parametrize("seed", range(8))
def test_cliques_against_all_subsets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = 11
    joined = np.triu(rng.random((count, count)) < 0.6, 1)
    joined |= joined.T
    weights = rng.integers(1, 9, size=count).tolist()
    best = max(
        sum(weights[v] for v in chosen)
        for size in range(count + 1)
        for chosen in combinations(range(count), size)
        if all(joined[a, b] for a, b in combinations(chosen, 2))
    )
    masks = [sum(1 << int(u) for u in np.flatnonzero(row)) for row in joined]
    proven = heavy(weights, masks, 10**6, 10**6)
    walked = tabu_clique(np.array(weights), joined, 10**6, 500, rng).tolist()
    for found in (proven, walked):
        assert sum(weights[v] for v in found) == best
        assert all(joined[a, b] for a, b in combinations(found, 2))


def test_a_clique_that_reaches_its_target_ends_the_search() -> None:
    joined = ~np.eye(50, dtype=bool)
    found = tabu_clique(np.full(50, 2), joined, 7, 10**6, np.random.default_rng(0))
    assert len(found) == 4


def test_orbits_of_translations_make_a_biplane() -> None:
    group = next(g for g in groups(16) if g.order == 16 and g.elements[:, 0].tolist() == [*range(16)])
    made = orbit_code(group, 6, 8, 16, np.random.default_rng(0))
    assert made is not None
    assert least_distance(made[0]) == 8 and spread(made[0]) == 0


def test_orbits_beyond_what_exists() -> None:
    seven = generated(GroupPlan("Z_7", [tuple((x + 1) % 7 for x in range(7))]))
    assert seven is not None
    assert orbit_code(seven, 3, 4, 8, np.random.default_rng(0)) is None
    assert orbit_code(seven, 3, 6, 7, np.random.default_rng(0)) is None


@pytest.mark.parametrize("index", [0, 1])
def test_partitions_into_orbits(index: int) -> None:
    """Each part is closed under its shifts, and no smaller set of words is."""
    group = next(g for g in groups(12) if g.cyclic == bool(index) and g.order == 12 - 1 + index)
    rows = packed_code(group, 4, 4, 20, np.random.default_rng(0))
    assert rows is not None
    sizes = []
    for parts in partitions(rows, group):
        of_word = {row.tobytes(): part for row, part in zip(rows, parts.tolist(), strict=True)}
        count = np.bincount(parts)
        sizes.append(int(count.max()))
        moving = [e for e in group.shifts if all(of_word[row[e].tobytes()] == of_word[row.tobytes()] for row in rows)]
        for part in range(len(count)):
            first = rows[parts == part][0]
            assert len({first[e].tobytes() for e in moving}) == count[part]
    assert sizes == ([12, 6, 4, 3, 2] if index else [11])


def test_orbits_chosen_for_even_columns() -> None:
    """Of orbits of 24 words: four of them, smaller ones of fewer shifts, and these with three words less."""
    group = next(g for g in groups(24) if g.name == "Z_24")
    rows = packed_code(group, 6, 6, 140, np.random.default_rng(0))
    assert rows is not None
    for count in (96, 100, 97):
        chosen = choose_orbits(rows, count, np.random.default_rng(0), partitions(rows, group))
        assert chosen is not None and chosen.even and len(np.unique(chosen.rows, axis=0)) == count
        assert least_distance(chosen.rows) >= 6


def test_packed_orbits_are_sampled_where_words_are_many() -> None:
    group = next(g for g in groups(100) if g.order == 100)
    rows = packed_code(group, 10, 14, 300, np.random.default_rng(0))
    assert rows is not None and len(rows) >= 300
    assert least_distance(rows) >= 14 and set(rows.sum(axis=1).tolist()) == {10}
    assert spread(rows) == 0


def test_packing_beyond_what_exists() -> None:
    seven = generated(GroupPlan("Z_7", [tuple((x + 1) % 7 for x in range(7))], cyclic=True))
    assert seven is not None
    assert packed_code(seven, 3, 6, 7, np.random.default_rng(0)) is None
    assert packed_code(seven, 3, 4, 15, np.random.default_rng(0)) is None


def test_complementary_pairs_are_even() -> None:
    rows = rows_of(linear.named("bch 11 5").of_weight(16), 32)
    made = choose(rows, 1000, np.random.default_rng(0))
    assert (made.spread, made.how, len(np.unique(made.rows, axis=0))) == (0, "in complementary pairs", 1000)


def test_whole_orbits_are_even() -> None:
    rows = rows_of(linear.named("rm 2 4").of_weight(6), 16)
    parts = np.arange(len(rows))
    made = choose(rows[:40], 20, np.random.default_rng(0), parts[:40])
    assert len(made.rows) == 20 and least_distance(made.rows) >= 4


def test_a_choice_from_a_large_pool_is_even() -> None:
    made = choose(rows_of(subsets(12, 4), 12), 30, np.random.default_rng(1))
    assert made.even and made.spread == 0 and len(np.unique(made.rows, axis=0)) == 30


def test_the_integer_program_against_all_choices() -> None:
    rng = np.random.default_rng(3)
    words = rows_of(subsets(6, 2), 6)
    for _ in range(5):
        pool = words[rng.permutation(15)[:8]]
        best = min(spread(pool[list(chosen)]) for chosen in combinations(range(8), 5))
        program = IntegerProgram(pool.T.astype(float), np.zeros(6), 5)
        chosen = program.closest()
        assert chosen is not None and spread(pool[chosen]) == best
        exact = program.within(1, 2, rng)
        assert (exact is None) == (best > 1)


@pytest.mark.parametrize(("sizes", "distance"), [
    ((10, 10, 5), 4), ((10, 15, 6), 8), ((12, 12, 6), 6), ((30, 16, 6), 6),
])  # fmt: skip
def test_tabu_search(sizes: tuple[int, int, int], distance: int) -> None:
    rows = search(*sizes, distance, np.random.default_rng(0), 30_000)
    assert rows is not None and least_distance(rows) >= distance
    assert set(rows.sum(axis=1).tolist()) == {sizes[2]}
    assert spread(rows) <= (1 if sizes[0] * sizes[2] % sizes[1] else 0)


def test_tabu_search_ends() -> None:
    told: list[tuple[int, int]] = []
    assert search(20, 8, 4, 6, np.random.default_rng(0), 1500, lambda move, near: told.append((move, near))) is None
    assert [move for move, _ in told] == [0, 1000]


def test_the_state_of_the_search_stays_true() -> None:
    state = TabuState(9, 12, 4, 1, np.random.default_rng(0))
    for _ in range(60):
        state.step(0)
    shared = state.rows @ state.rows.T
    np.fill_diagonal(shared, -12)
    assert (state.shared == shared).all()
    assert (state.excess == np.maximum(shared - 1, 0)).all()
    assert (state.sums == state.rows.sum(axis=0)).all()
    assert state.near == (state.excess**2).sum() // 2
    assert (state.rows.sum(axis=1) == 4).all()
