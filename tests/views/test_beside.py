"""What a picture shows beside its flow: codes next to the stages they govern, low layers first where one attends."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from archlang.elaborate import load
from archlang.graph.outline import graph_of
from archlang.views.beside import codes_beside
from archlang.views.compose import compose
from archlang.views.dot import to_dot
from archlang.views.files import draw
from archlang.views.layered import layout
from archlang.views.layers import Rect
from archlang.views.picture import Picture
from archlang.views.svg import to_svg
from archlang.views.turns import turns_of

SPECS = Path(__file__).resolve().parents[2] / "specs"


def picture_of(name: str) -> Picture:
    return compose(graph_of(load(SPECS / name)), once=True)


@pytest.mark.parametrize(("name", "stages"), [("coded_resnext/digits.arch", ("layer2", "layer3")),
                                              ("coded_resnext/imagenet.arch", ("layer3", "layer4"))])
def test_a_code_stands_at_the_height_of_its_stage(name: str, stages: tuple[str, ...]) -> None:
    picture = picture_of(name)
    done = layout(picture)
    labels = {cluster.id: cluster.label for cluster in picture.clusters}
    assert [labels[str(code.cluster)].partition(".")[0] for code in picture.codes] == list(stages)

    for code, (page, x, y) in zip(picture.codes, codes_beside(picture, done), strict=True):
        frame = done.frames[str(code.cluster)]
        assert y == pytest.approx(frame.y) and x >= frame.x + frame.w
        # Nothing of the diagram lies below it.
        place = Rect(x, y, page.width, page.height)
        for box in done.boxes.values():
            assert box.x > place.x + place.w or box.x + box.w < place.x or box.y > place.y + place.h \
                or box.y + box.h < place.y
    assert to_svg(picture).count("classes x") == 2


def test_graphviz_gets_the_code_within_its_frame() -> None:
    text = to_dot(picture_of("coded_resnext/digits.arch"))
    for i, stage in enumerate(("layer2", "layer3")):
        before, _, after = text.partition(f"code{i} [")
        assert before.rindex(f'label="{stage}') > before.rindex("subgraph") and "half" in after + text


def test_two_codes_of_one_frame_do_not_cover_each_other() -> None:
    picture = picture_of("coded_resnext/digits.arch")
    first, second = picture.codes
    from dataclasses import replace

    for frame in (None, first.cluster):
        both = replace(picture, codes=(replace(first, cluster=frame), replace(second, cluster=frame)))
        (page, _, top), (_, _, below) = codes_beside(both, layout(both))
        assert below >= top + page.height or frame is not None
        places = [Rect(x, y, p.width, p.height) for p, x, y in codes_beside(both, layout(both))]
        assert places[0].x + places[0].w < places[1].x or places[1].y >= places[0].y + places[0].h


@pytest.mark.parametrize("name", ["digits", "self_attention", "recurrent"])
def test_low_layers_come_first_and_no_two_of_their_arrows_cross(name: str) -> None:
    picture = picture_of(f"layer_attention/{name}.arch")
    done, turns = layout(picture), turns_of(picture)
    tails = [arrow.tail for arrow in picture.arrows if arrow.line == "attend"]
    assert len(tails) > 3
    lefts = [done.boxes[tail].x for tail in sorted(tails, key=lambda tail: turns[tail][1])]
    assert lefts == sorted(lefts)

    # From left to right at every height: what leads to an earlier member lies left.
    members = {turns[tail][0] for tail in tails}
    into = sorted((turns[arrow.head][1], number) for number, arrow in enumerate(picture.arrows)
                  if arrow.head in turns and turns[arrow.head][0] in members and turns[arrow.tail] != turns[arrow.head]
                  and arrow.tail in turns and turns[arrow.tail][0] not in members)
    assert len(into) == len(tails)
    for (_, left), (_, right) in pairwise(into):
        ends = [done.routes[number][-1][0] for number in (left, right)]
        starts = [at(done.routes[number], done.routes[right][0][1]) for number in (left, right)]
        assert starts[0] < starts[1] and ends[0] < ends[1]


def at(route: list[tuple[float, float]], y: float) -> float:
    """How far right a route runs at a height."""
    for (x0, y0), (x1, y1) in pairwise(route):
        if y0 <= y <= y1:
            return x0 + (x1 - x0) * (y - y0) / ((y1 - y0) or 1.0)
    return route[-1][0]


def test_attention_is_drawn_by_the_engine_that_keeps_the_order() -> None:
    picture = picture_of("layer_attention/digits.arch")
    assert draw(picture, "svg") == draw(picture, "svg", "builtin")
