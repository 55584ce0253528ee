"""Plots say with their geometry what their numbers say: read back from the shapes."""

from __future__ import annotations

from itertools import pairwise

import pytest

from archlang.views.canvas.letters import width_of
from archlang.views.canvas.plot import Plot, colour_bar
from archlang.views.canvas.scales import linear, logarithmic, names
from archlang.views.canvas.shapes import Disc, Lettering, Page, Polyline, Rectangle
from archlang.views.chart import Course, strips
from archlang.views.coded import ablation_page, energies_page
from archlang.views.elements import shade
from archlang.views.heatmap import Map, heatmaps
from archlang.views.histogram import Bars, Histogram, histograms, ridges
from archlang.views.scatter import Plane, planes
from archlang.views.tradeoff import Dot, tradeoff

POINTS = [(0.0, 0.0, 0), (1.0, 0.25, 1), (0.5, 1.0, 0), (0.25, 0.75, -1)]


def frames(page: Page) -> list[Rectangle]:
    """The frames of plots and colour bars."""
    return [s for s in page.shapes if isinstance(s, Rectangle) and s.fill is None]


def texts(page: Page) -> list[str]:
    return [s.text for s in page.shapes if isinstance(s, Lettering)]


def shares(page: Page, place: tuple[float, float], frame: int = 0) -> tuple[float, float]:
    """A place in a frame as shares, upwards as axes go."""
    held = frames(page)[frame]
    return (place[0] - held.x) / held.w, 1 - (place[1] - held.y) / held.h


def test_points_lie_where_their_numbers_say() -> None:
    drawn = planes([Plane("a", (0, 1, 0, 1), POINTS)])
    read = [shares(drawn, (s.x, s.y)) for s in drawn.shapes if isinstance(s, Disc)]
    for (x, y, _), place in zip(POINTS, read, strict=True):
        assert place == pytest.approx((x, y), abs=1e-6)


def test_the_bottom_row_of_a_field_lies_at_the_bottom() -> None:
    drawn = planes([Plane("a", (0, 1, 0, 1), [], [[0.0, 0.5], [0.5, 1.0]])])
    blocks = [s for s in drawn.shapes if isinstance(s, Rectangle) and s.w > 50 and s.fill]
    cells = {tuple(round(v, 6) for v in shares(drawn, (s.x, s.y))): s.fill for s in blocks}
    assert cells[0.0, 0.5] == shade(0.0) and cells[0.5, 1.0] == shade(0.8)
    assert cells[0.5, 0.5] == cells[0.0, 1.0] not in (shade(0.0), shade(0.8))


def heights(page: Page) -> list[float]:
    """The height of each area, in points."""
    areas = [s for s in page.shapes if isinstance(s, Polyline) and s.closed and s.pen]
    return [max(y for _, y in s.points) - min(y for _, y in s.points) for s in areas]


def test_heights_are_shares_of_each_distribution() -> None:
    drawn = histograms([Histogram("g", 0.0, 1.0, [Bars("few", (1, 3)), Bars("many", (500, 500))])])
    few, many = heights(drawn)
    assert many / few == pytest.approx((1 / 2) / (3 / 4), rel=1e-3)
    # The scale: 3/4 lies where the axis says 60 % and 80 %.
    ticks = {s.text: s.y for s in drawn.shapes if isinstance(s, Lettering) and s.text.endswith(" %")}
    assert few / (ticks["0 %"] - ticks["60 %"]) == pytest.approx(0.75 / 0.6, rel=1e-3)
    assert {"few", "many", "share", "value"} <= set(texts(drawn))


def test_ridges_stand_one_behind_the_other() -> None:
    drawn = ridges([Histogram("g", 0.0, 1.0, [Bars("a", (1, 3)), Bars("b", (1, 1)), Bars("c", (0, 4))])])
    assert heights(drawn) == pytest.approx([22 * 1.8 * share for share in (0.75, 0.5, 1.0)])
    floors = [max(y for _, y in s.points) for s in drawn.shapes if isinstance(s, Polyline) and s.closed and s.pen]
    assert [b - a for a, b in pairwise(floors)] == pytest.approx([22, 22])
    assert "g  (highest: 100 %)" in texts(drawn)


def test_the_largest_number_of_a_map_is_bold_and_every_cell_has_its_shade() -> None:
    drawn = heatmaps([Map("a", [[0.25, 1.0], [0.5, 0.75]])])
    assert [s.text for s in drawn.shapes if isinstance(s, Lettering) and s.bold] == ["1.00"]
    cells = [s.fill for s in drawn.shapes if isinstance(s, Rectangle) and s.w > 30 and s.fill]
    assert cells == [shade(v) for v in (0.25, 1.0, 0.5, 0.75)]


def test_strips_have_the_first_name_at_the_bottom() -> None:
    drawn = strips(Course("attention", ("low", "high"), [(0.0, 1.0), (0.25, 0.5)]))
    cells = [s for s in drawn.shapes if isinstance(s, Rectangle) and s.fill and s.w > 100]
    top, bottom = (sorted(c.y for c in cells)[i] for i in (0, -1))
    by_row = {row: [c.fill for c in cells if c.y == row] for row in (top, bottom)}
    assert by_row == {bottom: [shade(0.0), shade(0.25)], top: [shade(1.0), shade(0.5)]}
    assert {"0 → 0.25", "1 → 0.5", "low", "high", "step"} <= set(texts(drawn))


def test_dots_of_a_trade_lie_on_a_logarithmic_axis() -> None:
    drawn = tradeoff([Dot("a", 1e3, 0.5), Dot("b", 1e5, 0.9, 0.8, 1.0), Dot("c", 1e4, 0.7)], "parameters", "accuracy")
    a, b, c = [shares(drawn, (s.x, s.y)) for s in drawn.shapes if isinstance(s, Disc) and s.rx == 4.0]
    assert (a[0] + b[0]) / 2 == pytest.approx(c[0]) and (a[1] + b[1]) / 2 == pytest.approx(c[1])
    assert {"parameters", "accuracy", "1  a", "2  b", "10 k"} <= set(texts(drawn))


def test_intervals_at_one_cost_stand_side_by_side() -> None:
    """Twenty points apart around their cost, by cost, then by the legend; a dot alone, or without bar, stays."""
    barred = [Dot("a", 1e4, 0.5, 0.4, 0.6), Dot("b", 1e5, 0.9, 0.8, 1.0), Dot("c", 1e4, 0.55, 0.45, 0.65)]
    drawn = tradeoff([*barred, Dot("d", 1e4, 0.7)], "parameters", "accuracy")
    a, b, c, d = (s.x for s in drawn.shapes if isinstance(s, Disc) and s.rx == 4.0)
    assert c - a == pytest.approx(20) and (a + c) / 2 == pytest.approx(d)

    near = tradeoff([Dot("a", 1e4, 0.5, 0.4, 0.6), Dot("b", 1.15e4, 0.5, 0.4, 0.6), Dot("c", 1e6, 0.7)], "", "")
    kept = tradeoff([Dot("a", 1e4, 0.5), Dot("b", 1.15e4, 0.5), Dot("c", 1e6, 0.7)], "", "")
    places = [[s.x for s in page.shapes if isinstance(s, Disc) and s.rx == 4.0] for page in (near, kept)]
    assert 6 < places[1][1] - places[1][0] < 20 and places[0] == pytest.approx(places[1])

    # Nearly at one cost: the cheaper one stays left, wherever the legend has it.
    near = tradeoff([Dot("dear", 1.002e4, 0.5, 0.4, 0.6), Dot("cheap", 1e4, 0.5, 0.4, 0.6), Dot("far", 1e5, 0.5)],
                    "parameters", "accuracy")
    dear, cheap, _ = (s.x for s in near.shapes if isinstance(s, Disc) and s.rx == 4.0)
    assert dear - cheap > 20

    alone = tradeoff([barred[0], barred[1]], "parameters", "accuracy")
    assert [s.x for s in alone.shapes if isinstance(s, Disc) and s.rx == 4.0] == pytest.approx([d, b], abs=1e-6)


def test_the_axis_of_an_ablation_shows_small_falls() -> None:
    drawn = ablation_page([("b", "active", k, 0.98 - 0.01 * k) for k in range(3)])
    places = [shares(drawn, (s.x, s.y))[1] for s in drawn.shapes if isinstance(s, Disc)]
    assert places[0] - places[-1] > 0.6  # the fall takes most of the frame
    assert any("97" in text for text in texts(drawn)) and "branches removed" in texts(drawn)


def test_energies_are_on_the_scale_of_one() -> None:
    # Half of the code is ones: an active branch of energy 2 is what the theory expects, and r makes it 1.
    drawn = energies_page([("b", [[2.0, 0.0], [0.0, 1.0]], ["10", "01"])], ["cat", "dog"])
    cells = [s.fill for s in drawn.shapes if isinstance(s, Rectangle) and s.fill and s.w > 13.9]
    assert cells == [shade(v) for v in (1, 0, 0, 1, 1.0, 0.0, 0.0, 0.5)]
    assert texts(drawn).count("cat") == 2 and "1.00" in texts(drawn)


def extent(words: Lettering) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a text."""
    long = width_of(words.text, words.size)
    back = {"start": 0.0, "middle": 0.5, "end": 1.0}[words.anchor] * long
    if words.upright:
        return words.x - words.size, words.y + back - long, words.x, words.y + back
    return words.x - back, words.y - words.size, words.x - back + long, words.y


def long_names() -> Page:
    plot = Plot("a title that is longer than the frame is wide", names(["a class with a long name", "another one"]),
                names(["an equally long name", "b"], "class"), 60.0, 40.0)
    plot.cells([[0.0, 1.0], [1.0, 0.0]], 0.0, 1.0)
    return plot.page()


def lines() -> Page:
    plot = Plot("t", linear([0, 1e6], "steps"), linear([-1e-7, 1e-7], "loss"), 200.0, 80.0)
    for number in range(12):
        plot.line([(0, 0), (1e6, 1e-9 * number)], f"a line with number {number}", number)
    return plot.page()


@pytest.mark.parametrize("page", [
    long_names(), lines(), heatmaps([Map("layer4.1.conv2.unit of a long path", [[1.0]])]),
    colour_bar(0, 1e-9, "weight"),
    histograms([Histogram("g", -1e4, 1e4, [Bars("a name that is long", (1, 2))])]),
    tradeoff([Dot("a network with a long name", 12345678, 0.5)], "parameters", "accuracy"),
    strips(Course("a", ("a layer of a long name",), [(1.0,)])),
], ids=range(7))
def test_no_text_is_cut_off_and_none_covers_another(page: Page) -> None:
    boxes = [extent(s) for s in page.shapes if isinstance(s, Lettering) and s.text]
    for left, top, right, bottom in boxes:
        assert left >= -1 and top >= -1 and right <= page.width + 1 and bottom <= page.height + 1
    for place, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[place + 1 :]:
            apart = right <= other[0] or other[2] <= left or bottom - 2 <= other[1] or other[3] - 2 <= top
            assert apart, (boxes[place], other)


def test_lines_differ_in_grey_too() -> None:
    dashes = [s.pen.dashes for s in lines().shapes if isinstance(s, Polyline) and s.tip and s.pen]
    assert all(a != b for a, b in pairwise(dashes)) and len(dashes) == 12


def test_scales_read_both_ways() -> None:
    for scale, values in ((linear([0, 10]), (2.0, 7.0)), (logarithmic([10, 1000]), (20.0, 500.0))):
        low, high = map(scale.share, values)
        assert 0 < low < high < 1
    assert logarithmic([10, 1000]).share(100) == pytest.approx(0.5)
    assert [text for _, text in linear([-1, 1], low=-1, high=1).ticks] == ["−1", "−0.5", "0", "0.5", "1"]
