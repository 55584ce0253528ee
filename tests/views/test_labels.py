"""Names that cover nothing: of dots in a plot, and of frames under Graphviz's arrows."""

from __future__ import annotations

from random import Random

import pytest

from archlang.elaborate import load
from archlang.views import render
from archlang.views.canvas.labels import labels
from archlang.views.canvas.letters import width_of
from archlang.views.titled import titles_above
from tests.cli.conftest import ROOT


@pytest.mark.parametrize("seed", range(20))
def test_names_cover_neither_each_other_nor_a_dot(seed: int) -> None:
    draw = Random(seed)
    dots = [(draw.uniform(0, 380), draw.uniform(0, 220)) for _ in range(14)]
    found = labels(dots, [f"{number}, {number}" for number in range(14)], 380.0, 220.0)
    assert len(found) == 14

    boxes = []
    for label in found:
        wide = width_of(label.text, label.size)
        left = label.x - wide * (label.anchor == "end")
        boxes.append((left, label.y - 0.7 * label.size, left + wide, label.y))
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0 and right <= 380 and top >= 0 and bottom <= 220
        assert not any(left < x < right and top < y < bottom for x, y in dots)
        assert not any(left < r and l < right and top < b and t < bottom for l, t, r, b in boxes[:i])  # noqa: E741


def test_dots_at_one_spot_share_their_names() -> None:
    assert [label.text for label in labels([(50, 50), (50, 50)], ["no cut", "0"], 100, 100)] == ["no cut, 0"]


def test_titles_stand_above_the_arrows_that_graphviz_draws() -> None:
    text = str(render(load(ROOT / "examples" / "04_paths.arch"), "svg", None, "dot"))
    above = text.partition('<g class="titles"')[2]
    for title in ("maps", "each.0", "route", "logits"):
        assert f">{title}</text>" in above
    assert 'class="edge"' not in above and 'class="edge"' in text and text.rstrip().endswith("</svg>")
    # Those that pages take clicks on are still where they were. Without `paint-order`, which some readers do not know,
    # the line around letters must be a text of its own, below the one that is read.
    assert text.count(">route</text>") == 3 and "paint-order" not in text
    ground, _, letters = above[: above.index(">route</text>", above.index(">route</text>") + 1)].rpartition("\n")
    assert 'stroke="#ffffff"' in ground.rpartition("\n")[2] and "stroke" not in letters


@pytest.mark.parametrize("drawing", ["", "<svg>\n</svg>\n", "<svg><g>\n<g>\n</g>\n</svg>\n"])
def test_a_drawing_without_frames_stays_as_it_is(drawing: str) -> None:
    assert titles_above(drawing) == drawing
