"""Plots say with their geometry what their numbers say: read back from the SVG."""

from __future__ import annotations

import re

import pytest

from archlang.views.heatmap import Map, heatmaps
from archlang.views.histogram import Bars, Histogram, histograms
from archlang.views.scatter import Plane, planes

POINTS = [(0.0, 0.0, 0), (1.0, 0.25, 1), (0.5, 1.0, 0), (0.25, 0.75, -1)]


def test_points_lie_where_their_numbers_say() -> None:
    drawn = planes([Plane("a", (0, 1, 0, 1), POINTS)], 2)
    circles = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)]
    left, top, side = map(float, re.search(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" .*fill="none"',
                                           drawn).groups())  # type: ignore[union-attr]  # the frame is there
    # Upwards is less in SVG.
    read = [((x - left) / side, 1 - (y - top) / side) for x, y in circles]
    for (x, y, _), place in zip(POINTS, read, strict=True):
        assert place == pytest.approx((x, y), abs=1e-3)


def test_the_bottom_row_of_a_field_lies_at_the_bottom() -> None:
    drawn = planes([Plane("a", (0, 1, 0, 1), [], [[0.0, 0.5], [0.5, 1.0]])], 1)
    cells = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" [^>]*fill="(#[0-9a-f]{6}|rgb[^"]*)"/>', drawn)
    by_place = {(float(x), float(y)): colour for x, y, colour in cells}
    xs, ys = sorted({x for x, _ in by_place})[-2:], sorted({y for _, y in by_place})[-2:]
    assert by_place[xs[0], ys[0]] == by_place[xs[1], ys[1]] != by_place[xs[0], ys[1]]


def tops(drawn: str) -> list[float]:
    """The highest place of each outline, in pixels above its lowest."""
    found = []
    for path in re.findall(r'<path d="([^"]+)"', drawn):
        ys = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path)]
        found.append(max(ys) - min(ys))
    return found


def test_heights_are_shares_of_each_distribution() -> None:
    drawn = histograms([Histogram("g", 0.0, 1.0, [Bars("few", (1, 3)), Bars("many", (500, 500))])])
    assert "75 %" in drawn
    few, many = tops(drawn)
    assert many / few == pytest.approx((1 / 2) / (3 / 4), rel=1e-3)


def test_the_largest_number_of_a_map_is_bold() -> None:
    drawn = heatmaps([Map("a", [[0.25, 1.0], [0.5, 0.75]])])
    assert re.findall(r'font-weight="bold">([\d.]+)<', drawn) == ["1.00"]
