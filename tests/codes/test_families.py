"""Every construction has the parameters that it promises."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from archlang.codes import fields, linear, steiner
from archlang.codes.families import families, plans
from archlang.codes.groups import groups
from archlang.codes.words import common, least_distance, rows_from, rows_of, subsets


@pytest.mark.parametrize("order", [2, 3, 4, 5, 7, 8, 9, 16, 25, 27])
def test_fields_are_fields(order: int) -> None:
    gf = fields.field(order)
    plus, times = np.array(gf.plus), np.array(gf.times)
    everything = list(range(order))
    assert (plus == plus.T).all() and (times == times.T).all()
    assert all(sorted(row) == everything for row in gf.plus)
    assert all(sorted(row) == everything for row in gf.times[1:])
    a, b, c = np.random.default_rng(0).integers(order, size=(3, 200))
    assert (times[a, plus[b, c]] == plus[times[a, b], times[a, c]]).all()
    assert (times[a, times[b, c]] == times[times[a, b], c]).all()
    assert {gf.trace(x) for x in everything} == set(range(gf.prime))


def test_there_is_no_field_of_six() -> None:
    with pytest.raises(ValueError, match="no field of order 6"):
        fields.field(6)


PARAMETERS = {
    "rm 1 4": (16, 5, 8), "rm 2 5": (32, 16, 8), "rm 1 6": (64, 7, 32), "bch 5 4": (16, 7, 6), "bch 7 5": (32, 16, 8),
    "bch 11 5": (32, 11, 12), "bch 23 6": (64, 16, 24), "bch 21 6": (64, 18, 22), "bch 27 6": (64, 10, 28),
    "qr 17": (18, 9, 6), "qr 23": (24, 12, 8), "qr 31": (32, 16, 8), "nr": (16, 8, 6),
}  # fmt: skip


@pytest.mark.parametrize("key", PARAMETERS)
def test_linear_codes(key: str) -> None:
    length, dimension, distance = PARAMETERS[key]
    code = linear.named(key)
    assert (code.length, len(code.words), code.distance) == (length, 1 << dimension, distance)
    assert linear.words_of(key) == len(code.words)
    sample = np.random.default_rng(0).choice(code.words, (2, 300))
    apart = np.bitwise_count(sample[0] ^ sample[1])
    assert apart[apart > 0].min() >= distance


def test_weight_classes_of_published_codes() -> None:
    counts = {("bch 11 5", 16): 1054, ("bch 11 5", 12): 496, ("qr 23", 8): 759, ("nr", 6): 112, ("rm 2 5", 8): 620}
    for (key, weight), count in counts.items():
        assert len(linear.named(key).of_weight(weight)) == count


@pytest.mark.parametrize("points", [7, 9, 13, 15, 19, 21, 25])
def test_triple_systems(points: int) -> None:
    pairs = [pair for triple in steiner.triples(points) for pair in combinations(triple, 2)]
    assert len(pairs) == len(set(pairs)) == points * (points - 1) // 2


def test_no_triple_system_on_eight_points() -> None:
    with pytest.raises(ValueError, match="no triple system"):
        steiner.triples(8)


@pytest.mark.parametrize(("order", "degree"), [(3, 2), (4, 2), (5, 2), (3, 3)])
def test_spherical_geometries(order: int, degree: int) -> None:
    points = order**degree + 1
    blocks = steiner.spherical(order, degree)
    triples = [three for block in blocks for three in combinations(block, 3)]
    assert len(triples) == len(set(triples)) == points * (points - 1) * (points - 2) // 6


def test_any_five_points_lie_in_one_block() -> None:
    fives = [five for block in steiner.small_witt() for five in combinations(block, 5)]
    assert len(fives) == len(set(fives)) == 792


@pytest.mark.parametrize("order", [12, 20, 24, 28, 36, 44])
def test_paley_matrices(order: int) -> None:
    rows = steiner.paley(order)
    assert rows is not None and rows.shape == (2 * order - 2, order)
    assert least_distance(rows) == order // 2
    assert steiner.paley(order + 1) is None


@pytest.mark.parametrize("plan", plans(32), ids=lambda p: p.name)
def test_designs_have_their_length_and_weight(plan: object) -> None:
    rows = plan.build()  # type: ignore[attr-defined]
    assert rows.shape[1] == plan.length  # type: ignore[attr-defined]
    assert set(rows.sum(axis=1).tolist()) == {plan.weight}  # type: ignore[attr-defined]


def test_points_of_a_design_share_lambda_blocks() -> None:
    rows = steiner.transposed(steiner.affine_lines(2, 4), 16)
    shared = common(rows, rows)
    assert set(shared[~np.eye(16, dtype=bool)].tolist()) == {1}


@pytest.mark.parametrize("sizes", [
    (10, 10, 5), (10, 10, 3), (100, 20, 8), (100, 20, 4), (26, 16, 6), (77, 22, 6), (16, 20, 5), (22, 11, 5),
])  # fmt: skip
def test_families_keep_what_they_say(sizes: tuple[int, int, int]) -> None:
    classes, branches, active = sizes
    known = families(*sizes)
    assert known
    for family in known:
        rows = family.rows[:3000]
        assert len(family.rows) >= classes and rows.shape[1] == branches
        assert set(rows.sum(axis=1).tolist()) == {active}
        assert least_distance(rows) >= family.distance


def test_words_as_rows_and_masks() -> None:
    masks = subsets(9, 4)
    written = [sum(1 << i for i, bit in enumerate(row) if bit) for row in rows_of(masks, 9).tolist()]
    assert len(masks) == 126 and written == masks.tolist()
    rows = rows_from([(0, 1), (2, 3), (0, 3)], 4)
    assert least_distance(rows) == 2


@pytest.mark.parametrize("points", [7, 8, 12, 14, 16])
def test_groups_are_closed(points: int) -> None:
    rng = np.random.default_rng(0)
    for group in groups(points):
        known = {tuple(e) for e in group.elements.tolist()}
        for _ in range(20):
            a, b = group.elements[rng.integers(group.order, size=2)]
            assert tuple(a[b].tolist()) in known
        assert all(tuple(e) in known for e in group.shifts.tolist())
