"""Every bound against exhaustive search on small sizes."""

from __future__ import annotations

from itertools import combinations, product
from math import comb

import pytest

from archlang.codes import bounds, impossible, johnson, mean_distance
from archlang.codes.bounds import even_columns
from archlang.codes.clique import heavy


def most_words(length: int, distance: int, weight: int) -> int:
    """A(length, distance, weight), by an exact clique search over all words."""
    words = [sum(1 << i for i in chosen) for chosen in combinations(range(length), weight)]
    joined = [
        sum(1 << j for j, other in enumerate(words) if (word ^ other).bit_count() >= distance) for word in words
    ]
    joined = [mask & ~(1 << i) for i, mask in enumerate(joined)]
    return len(heavy([1] * len(words), joined, len(words), 200_000))


SMALL = [(n, d, w) for n in range(3, 8) for d in (2, 4, 6) for w in range(1, n) if (n, d, w) != (7, 2, 3)]


@pytest.mark.parametrize(("length", "distance", "weight"), SMALL)
def test_no_code_has_more_words_than_johnson_allows(length: int, distance: int, weight: int) -> None:
    assert most_words(length, distance, weight) <= johnson(length, distance, weight)


@pytest.mark.parametrize(("length", "distance", "weight", "words"), [
    (7, 4, 3, 7), (8, 4, 4, 14), (24, 8, 8, 759), (23, 8, 7, 253), (22, 8, 6, 77), (12, 4, 6, 132), (16, 6, 6, 112),
    (21, 8, 5, 21), (10, 4, 4, 30), (12, 6, 6, 22), (6, 6, 3, 2), (5, 6, 2, 1), (9, 4, 3, 12),
])  # fmt: skip
def test_where_johnson_is_met_by_a_published_code(length: int, distance: int, weight: int, words: int) -> None:
    assert johnson(length, distance, weight) == words
    assert johnson(length, distance, length - weight) == words


def test_all_words_have_distance_two() -> None:
    assert johnson(9, 2, 4) == comb(9, 4)
    assert johnson(5, 4, 6) == 0


def test_the_mean_distance_of_columns_is_that_of_all_pairs() -> None:
    words = ["11000", "01100", "00110", "10011"]
    pairs = [sum(a != b for a, b in zip(x, y, strict=True)) for x, y in combinations(words, 2)]
    columns = [sum(word[i] == "1" for word in words) for i in range(5)]
    assert mean_distance(columns, 4) * len(pairs) == sum(pairs)


def test_even_columns_have_the_largest_mean_distance() -> None:
    for total in range(1, 12):
        sums = [
            [a, b, total - a - b] for a in range(5) for b in range(5) if 0 <= total - a - b <= 4
        ]
        if sums and total % 3 == 0:
            best = even_columns(4, 3, total // 4) if total % 4 == 0 else [total // 3] * 3
            assert mean_distance(best, 4) == max(mean_distance(s, 4) for s in sums)


@pytest.mark.parametrize(("sizes", "distance"), [
    ((10, 10, 5), 4), ((10, 10, 3), 4), ((100, 20, 8), 8), ((100, 20, 4), 4), ((10, 15, 6), 8), ((1000, 32, 16), 12),
    ((1000, 32, 8), 8), ((26, 16, 6), 6),
])  # fmt: skip
def test_the_sharpest_bound(sizes: tuple[int, int, int], distance: int) -> None:
    assert bounds(*sizes)[0].distance == distance
    assert impossible(*sizes, distance) is None
    assert impossible(*sizes, distance + 2) is not None


@pytest.mark.parametrize(("sizes", "distance", "words"), [
    ((4, 3, 1), None, "more words than there are: 3"),
    ((10, 5, 6), None, "6 active branches, but there are 5"),
    ((10, 5, 0), None, "no active branch"),
    ((1, 5, 2), None, "at least two classes"),
    ((2, 5, 2), None, "unused"),
    ((10, 10, 5), 3, "even, not 3"),
    ((10, 10, 5), 0, "2 at least"),
    ((10, 10, 5), 6, "no 10 words of weight 5 in 10 branches have distance 6; 4 is the most"),
    ((5000, 32, 8), None, "at most 4096 classes"),
    ((100, 600, 8), None, "512 branches"),
])  # fmt: skip
def test_the_impossible(sizes: tuple[int, int, int], distance: int | None, words: str) -> None:
    found = impossible(*sizes, distance)
    assert found is not None and words in found.message
    assert found.name == "code-contract"


def test_the_bound_that_forbids_is_named() -> None:
    found = impossible(1000, 32, 16, 14)
    assert found is not None and any(note.startswith("Johnson bound: at distance 14") for note in found.notes)


def test_the_bound_by_the_mean_is_the_largest_even_distance_below_it() -> None:
    """The least of some distances is at most their mean, and even where all words have one weight."""
    for classes, branches in product(range(2, 14), range(3, 12)):
        for active in range(1, branches):
            mean = mean_distance(even_columns(classes, branches, active), classes)
            (found,) = [b.distance for b in bounds(classes, branches, active) if b.name == "mean distance"]
            assert found % 2 == 0 and found <= mean < found + 2, (classes, branches, active)
