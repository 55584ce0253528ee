"""Placement, coverage and padding of small kernels."""

from __future__ import annotations

import pytest

from archlang.kernels import (
    MOST,
    PEERS,
    RULES,
    Window,
    branch_padding,
    candidate,
    candidates,
    complaints,
    coverage,
    draw_seed,
    padding_steps,
    place,
    smaller,
    uncovered,
)

SIZES = [(2, 2), (3, 3), (4, 4), (5, 5), (7, 7), (1, 7), (3, 5), (2, 3), (7, 1)]


def test_the_figures_example() -> None:
    """PBConv, figure 5: middle column, middle row, left column, right column."""
    placed = place((3, 3), [(3, 1), (1, 3), (3, 1), (3, 1)])
    assert placed == (Window(3, 1, 1, 2), Window(1, 3, 2, 1), Window(3, 1, 1, 1), Window(3, 1, 1, 3))


def test_there_are_k_squared_less_one_smaller_shapes() -> None:
    assert smaller((3, 3)) == ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2))
    assert len(smaller((7, 7))) == 48


@pytest.mark.parametrize("kernel", SIZES)
@pytest.mark.parametrize("rules", RULES)
def test_candidates_are_legal_and_the_same_every_time(kernel: tuple[int, int], rules: str) -> None:
    for seed in range(20):
        made = candidate(kernel, seed, rules=rules)
        assert made == candidate(kernel, seed, rules=rules)
        assert complaints(kernel, made, covering=rules in ("full", "no_centre")) == ()
        assert len({(w.height, w.width) for w in made}) <= 3
        if rules in ("no_coverage", "scan"):
            assert len(made) == len(candidate(kernel, seed))


def test_a_candidate_ends_as_soon_as_everything_is_covered() -> None:
    for seed in range(50):
        assert uncovered((3, 3), candidate((3, 3), seed)[:-1])


def test_one_two_or_three_types_a_third_each() -> None:
    counts = [0, 0, 0]
    for seed in range(600):
        generous = candidate((7, 7), seed)  # large enough that each chosen type mostly comes up
        counts[min(len({(w.height, w.width) for w in generous}), 3) - 1] += 1
    assert all(120 < count < 260 for count in counts), counts


def test_the_number_of_types_can_be_asked_for() -> None:
    assert all(len({(w.height, w.width) for w in candidate((5, 5), s, types=1)}) == 1 for s in range(10))
    with pytest.raises(ValueError, match="0 smaller"):
        candidate((1, 1), 0)
    with pytest.raises(ValueError, match="8 smaller"):
        candidate((3, 3), 0, types=9)


def test_different_candidates_have_different_seeds() -> None:
    made = list(candidates((3, 3), 10, seed=5))
    assert len({tuple(sorted(windows)) for _, windows in made}) == 10
    assert made[0][0] == 5 and all(windows == candidate((3, 3), seed) for seed, windows in made)
    assert len(list(candidates((1, 2), 10))) == 1  # there is only one


@pytest.mark.parametrize("kernel", [(1, 2), (1, 3), (2, 2), (2, 3), (3, 3)])
def test_the_same_small_kernels_in_another_order_are_no_other_candidate(kernel: tuple[int, int]) -> None:
    found = [windows for _, windows in candidates(kernel, 40)]
    assert len({tuple(sorted(windows)) for windows in found}) == len(found)


def test_candidates_of_different_seeds_are_independent() -> None:
    """Ten searches over 5x5 kernels: seeds in one row would share nine of ten, and leave 19 different ones."""
    drawn = [tuple(sorted(windows)) for seed in range(10) for _, windows in candidates((5, 5), 10, seed=seed)]
    assert len(drawn) == 100 and len(set(drawn)) >= 75
    assert len({draw_seed(seed, index) for seed in range(30) for index in range(30)}) == 900


def test_candidates_are_the_same_everywhere() -> None:
    assert [draw_seed(*pair) for pair in ((0, 0), (0, 1), (7, 3))] == [0, 1419524863, 849297907]


def test_known_candidates_stay_as_they_are() -> None:
    """A seed in a file means these kernels for ever."""
    assert [str(w) for w in candidate((3, 3), 7)] == ["3x2 at (1, 1)", "3x2 at (1, 2)"]


def test_the_next_place_in_reading_order() -> None:
    assert [(w.row, w.column) for w in place((3, 3), [(2, 2)] * 5, "scan")] == [(1, 1), (1, 2), (2, 1), (2, 2), (1, 1)]
    assert [(w.row, w.column) for w in place((3, 3), [(1, 2)] * 3, "no_coverage")] == [(2, 1), (2, 2), (2, 1)]
    assert [(w.row, w.column) for w in place((3, 3), [(3, 1)] * 3, "no_centre")] == [(1, 1), (1, 2), (1, 3)]


@pytest.mark.parametrize(("windows", "name", "index"), [
    ([Window(3, 3, 1, 1), Window(3, 1, 1, 4)], "branch-outside", 1),
    ([Window(3, 3, 1, 1), Window(3, 1, 0, 1)], "branch-outside", 1),
    ([Window(3, 3, 1, 1), Window(1, 4, 1, 1)], "branch-too-large", 1),
    ([Window(1, 3, 1, 1)], "uncovered-positions", None),
    ([], "branch-count", None),
    ([Window(3, 3, 1, 1)] * (MOST + 1), "branch-count", None),
])
def test_complaints(windows: list[Window], name: str, index: int | None) -> None:
    (complaint,) = complaints((3, 3), windows)
    assert (complaint.name, complaint.index) == (name, index)


def test_nothing_fits_into_a_single_position() -> None:
    assert [c.name for c in complaints((1, 1), [Window(1, 1, 1, 1)])] == ["nothing-to-boost"]


@pytest.mark.parametrize("kernel", SIZES)
def test_peers_fit(kernel: tuple[int, int]) -> None:
    for make in PEERS.values():
        assert complaints(kernel, make(kernel), covering=False) == ()


def test_a_map_counts_the_kernels_over_each_position() -> None:
    assert coverage((3, 3), PEERS["acb"]((3, 3))) == ((0, 1, 0), (1, 2, 1), (0, 1, 0))


@pytest.mark.parametrize("kernel", SIZES)
def test_padding_and_kernel_always_reach_as_far_as_the_large_one(kernel: tuple[int, int]) -> None:
    """`size + before + after - d (k - 1)` is the same for a branch, so that stride and output size agree."""
    for window in candidate(kernel, 3):
        for dilation in ((1, 1), (2, 3)):
            outer = ((2, 1), (0, 3))
            inner = branch_padding(outer, dilation, kernel, window)
            for axis, size in enumerate((window.height, window.width)):
                assert sum(inner[axis]) - dilation[axis] * (size - 1) == (
                    sum(outer[axis]) - dilation[axis] * (kernel[axis] - 1)
                )
            for zeros in (True, False):
                added, cut = padding_steps(inner, outer, zeros)
                assert all(a >= 0 >= c for x, y in zip(added, cut, strict=True) for a, c in zip(x, y, strict=True))
                assert all(
                    a + c == net for x, y, n in zip(added, cut, inner, strict=True)
                    for a, c, net in zip(x, y, n, strict=True)
                )
