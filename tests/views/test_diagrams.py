"""Diagrams sideways, on paper, with equal blocks drawn once; and members in order from left to right."""

from __future__ import annotations

import re
from dataclasses import replace

import pygraphviz
import pytest

from archlang.elaborate import loads
from archlang.graph.ir import Graph
from archlang.views import render
from archlang.views.compose import compose
from archlang.views.dot import to_dot
from archlang.views.layered import layout
from archlang.views.picture import Picture
from tests.views.networks import base_cnn_cc

STACK = """archlang 1
block unit() {{ residual {{ conv(3x3, 8) -> relu -> conv(3x3, 8) }} -> relu }}
network N {{
  input x: [8, 4, 4]
  first = x -> conv(3x3, 8)
  body = first -> {times} * (unit)
  output body -> global_avg_pool -> linear({classes})
}}
"""


def stack(times: int = 4) -> Graph:
    return loads(STACK.format(times=times, classes=3)).graph


def labels(picture: Picture) -> list[str]:
    return ["|".join(box.lines) for box in picture.boxes]


def test_equal_blocks_in_a_row_are_drawn_once() -> None:
    whole, once = compose(stack(), 9), compose(stack(), 9, once=True)
    assert any("× 4" in cluster.label for cluster in once.clusters)
    assert len(once.boxes) == len(compose(stack(1), 9).boxes) < len(whole.boxes)
    # One way in, one way out, none back.
    place = {box.id: i for i, box in enumerate(once.boxes)}
    assert all(place[arrow.tail] < place[arrow.head] for arrow in once.arrows)
    assert {box.id for box in once.boxes} - {arrow.head for arrow in once.arrows} == {once.boxes[0].id}


def test_a_block_that_differs_or_is_read_elsewhere_is_drawn() -> None:
    text = STACK.format(times=3, classes=3)
    other = text.replace("global_avg_pool", "add(first) -> global_avg_pool")
    assert any("× 3" in c.label for c in compose(loads(other).graph, 9, once=True).clusters)
    wider = text.replace("-> 3 * (unit)", "-> 3 * (conv(3x3, 8) -> relu) -> 2 * (unit)")
    shown = compose(loads(wider).graph, 9, once=True)
    assert len(shown.boxes) == len(compose(loads(wider).graph, 9).boxes) - 2 - 4
    read = """archlang 1
network N {
  input x: [8]
  a = x -> layers { linear(8) -> relu; linear(8) -> relu; linear(8) -> relu }
  output a -> concat -> linear(2)
}
"""
    assert len(compose(loads(read).graph, 9, once=True).boxes) == len(compose(loads(read).graph, 9).boxes)


def test_paths_keep_their_wiring_when_drawn_once() -> None:
    text = """archlang 1
network N {
  let gate = cross_connection(hidden = 4)
  input x: [8]
  a = x -> fork(2, gate) -> 3 * (each { linear(8) -> relu } -> route(gate))
  output a -> mean -> linear(2)
}
"""
    picture = compose(loads(text).graph, 9, once=True)
    assert any("× 3" in cluster.label for cluster in picture.clusters)
    assert labels(picture).count("linear 8|relu") + sum("linear 8|relu" in t for t in labels(picture)) >= 2
    single = compose(loads(text.replace("3 * (", "1 * (")).graph, 9)
    assert len(picture.boxes) == len(single.boxes) and len(picture.arrows) == len(single.arrows)


@pytest.mark.parametrize("depth", [1, 9])
def test_sideways_leads_to_the_right_and_nothing_overlaps(depth: int) -> None:
    picture = replace(compose(base_cnn_cc(3), depth), sideways=True)
    done = layout(picture)
    for number, arrow in enumerate(picture.arrows):
        tail, head = done.boxes[arrow.tail], done.boxes[arrow.head]
        assert tail.x + tail.w < head.x
        assert done.routes[number][0] == pytest.approx((tail.x + tail.w, tail.y + tail.h / 2))
        assert done.routes[number][-1] == pytest.approx((head.x, head.y + head.h / 2))
    rects = list(done.boxes.values())
    for i, a in enumerate(rects):
        for b in rects[i + 1 :]:
            assert a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y or b.y + b.h <= a.y
    down = layout(replace(picture, sideways=False))
    assert done.width > done.height and down.height > down.width


def test_paper_has_no_colours() -> None:
    for form in ("svg", "tex"):
        drawn = str(render(base_cnn_cc(), form, engine="builtin", paper=True))
        colours = {c.lower() for c in re.findall(r"#([0-9a-fA-F]{6})|\{HTML\}\{([0-9A-F]{6})\}", drawn) for c in c if c}
        grey = {c for c in colours if max(int(c[i : i + 2], 16) for i in (0, 2, 4))
                - min(int(c[i : i + 2], 16) for i in (0, 2, 4)) <= 0x16}
        assert grey == colours and "000000" in colours
        assert "BaseCNN_CC</text>" not in drawn
    assert "#000000" in str(render(base_cnn_cc(), "dot", paper=True))


def test_graphviz_keeps_members_from_left_to_right() -> None:
    drawn = pygraphviz.AGraph(string=to_dot(compose(base_cnn_cc(4), 9)))
    drawn.layout("dot")
    for stage in ("trunk.loop.0.each", "trunk.loop.1.each"):
        places = []
        for member in range(4):
            wanted = f" {stage}.{member}.unit.conv"
            names = [box.id for box in compose(base_cnn_cc(4), 9).boxes if wanted in f" {box.tip}"]
            places.append(float(drawn.get_node(names[0]).attr["pos"].split(",")[0]))
        assert places == sorted(places)


CODED = """archlang 1
code two = words({words})
network N {{
  input x: [2, 4, 4]
  output x -> branches(two) {{ conv(1x1, 4) }} -> energy_normalize -> sum -> global_avg_pool -> linear({classes})
}}
"""


def test_many_members_share_one_label() -> None:
    words = ", ".join(f'"{i:04b}"' for i in range(1, 16))
    picture = compose(loads(CODED.format(words=words, classes=15)).graph, 9)
    fanned = [arrow for arrow in picture.arrows if arrow.tail == picture.boxes[0].id and arrow.line == "flow"]
    assert len(fanned) == 4 and [bool(arrow.label) for arrow in fanned] == [True, False, False, False]
