"""Kinds of arguments at the edges of what they accept."""

from __future__ import annotations

import pytest

from archlang.ops.extents import Extent
from archlang.ops.kinds import Fault, Int, Kind, ListKind, Real, SizeOf
from archlang.ops.values import Size


@pytest.mark.parametrize(("kind", "accepted", "refused"), [
    (Int(None), [-7, -1, 0, 1, 10**9], [True, 1.0, "1"]),
    (Int(None, -2), [-7, -2], [-1, 0, 1]),
    (Int(None, 3), [-7, 0, 3], [4]),
    (Int(-3), [-3, 0, 9], [-4]),
    (Int(-3, -1), [-3, -1], [-4, 0]),
    (Int(0), [0, 1], [-1]),
    (Int(), [1, 2], [0, -1]),
    (Real(), [-1e9, -0.5, 0, 3], [True, float("inf"), float("nan")]),
    (Real(None, 0.5), [-2, 0.5], [0.51]),
    (Real(-1), [-1, 0.0], [-1.01]),
    (Real(0, 1), [0, 0.5, 1], [-1e-9, 1.0001]),
    (Real(0, above=True), [1e-9, 5], [0, 0.0, -1]),
    (Real(0, 1, above=True), [0.1, 1], [0, 1.1]),
    (Extent(), [1, 5], [0, -1]),
    (Extent(2), [2], [1]),
    (SizeOf(2), [Size((1, 2))], [Size((0, 1)), Size((1, 2, 3)), Size((3,))]),
    (SizeOf(2, 0), [Size((0, 0))], [Size((-1, 0))]),
    (ListKind(Int(None), 2, 3), [(-1, 0), (1, 2, -3)], [(1,), (1, 2, 3, 4), [1.5, 2]]),
], ids=str)
def test_edges(kind: Kind, accepted: list[object], refused: list[object]) -> None:
    for value in accepted:
        made = kind.accept(value)
        assert made == value and type(made) is type(value)
    for value in refused:
        with pytest.raises(Fault):
            kind.accept(value)


def test_a_single_number_counts_for_each_side_of_a_size() -> None:
    assert SizeOf(2).accept(3) == Size((3, 3))
    assert SizeOf(3, 0).accept(0) == Size((0, 0, 0))
    with pytest.raises(Fault):
        SizeOf(2).accept(0)
