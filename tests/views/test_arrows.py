"""Arrows of the built-in layout run through no box, their labels cover nothing, and members stand in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import pytest

from archlang.elaborate import load
from archlang.views.canvas.letters import width_of
from archlang.views.canvas.shapes import Lettering, Polyline, Shape
from archlang.views.compose import compose
from archlang.views.files import draw
from archlang.views.layered import layout
from archlang.views.layers import Rect
from archlang.views.picture import Picture
from archlang.views.svg import to_page

ROOT = Path(__file__).resolve().parents[2]

BRANCHED = ("examples/05_branches.arch", "examples/networks/googlenet.arch", "specs/pbconv/pspnet.arch",
            "specs/coded_resnext/digits.arch", "specs/pce/pce_tiny.arch", "specs/multipath/base_cnn_cc.arch")
"""Networks whose branches stand side by side, some beside a residual that leaves the same box."""

OTHERS = ("examples/networks/unet.arch", "examples/networks/tabular.arch", "examples/networks/pointnet.arch",
          "specs/layer_attention/digits.arch")

ways = pytest.mark.parametrize("sideways", [False, True], ids=["down", "right"])


@lru_cache
def picture_of(file: str) -> Picture:
    return compose(load(ROOT / file).graph, once=True)


@ways
@pytest.mark.parametrize("file", BRANCHED + OTHERS)
def test_no_arrow_runs_through_a_box(file: str, sideways: bool) -> None:
    picture = replace(picture_of(file), sideways=sideways)
    boxes, page = layout(picture).boxes, to_page(picture)
    lines = [shape for shape in page.shapes if isinstance(shape, Polyline) and shape.pen is not None]
    assert len(lines) == len(picture.arrows)

    for arrow, line in zip(picture.arrows, lines, strict=True):
        others = [rect for key, rect in boxes.items() if key not in (arrow.tail, arrow.head)]
        for x, y in _along(line):
            assert not any(r.x + 1 < x < r.x + r.w - 1 and r.y + 1 < y < r.y + r.h - 1 for r in others), arrow


def _along(line: Polyline) -> Iterator[tuple[float, float]]:
    """Points of a line, those of curves by de Casteljau's construction."""
    if not line.smooth:
        (x, y), (x1, y1) = line.points
        yield from ((x + (x1 - x) * i / 40, y + (y1 - y) * i / 40) for i in range(41))
        return
    for start in range(0, len(line.points) - 1, 3):
        for i in range(21):
            held = list(line.points[start : start + 4])
            while len(held) > 1:
                held = [(a[0] + (b[0] - a[0]) * i / 20, a[1] + (b[1] - a[1]) * i / 20)
                        for a, b in pairwise(held)]
            yield held[0]


@ways
@pytest.mark.parametrize("file", BRANCHED + OTHERS)
def test_labels_cover_neither_each_other_nor_a_box(file: str, sideways: bool) -> None:
    picture = replace(picture_of(file), sideways=sideways)
    boxes, shown = layout(picture).boxes, _labels(to_page(picture).shapes, picture)
    for i, one in enumerate(shown):
        assert not any(_cover(one, other) for other in (*shown[:i], *boxes.values()))

    # What carries a type says it, once for all that leave a box at least.
    said = {arrow.label for arrow in picture.arrows if arrow.label}
    assert {shape.text for shape in to_page(picture).shapes if isinstance(shape, Lettering)} >= said


def _labels(shapes: tuple[Shape, ...], picture: Picture) -> list[Rect]:
    texts = {arrow.label for arrow in picture.arrows if arrow.label}
    found = [shape for shape in shapes if isinstance(shape, Lettering) and shape.text in texts]
    return [Rect(shape.x, shape.y - 0.7 * shape.size, width_of(shape.text, shape.size), 0.7 * shape.size)
            for shape in found]


def _cover(one: Rect, other: Rect) -> bool:
    across = one.x < other.x + other.w and other.x < one.x + one.w
    return across and one.y < other.y + other.h and other.y < one.y + one.h


@ways
@pytest.mark.parametrize("file", BRANCHED)
def test_members_stand_in_the_order_of_the_file(file: str, sideways: bool) -> None:
    picture = replace(picture_of(file), sideways=sideways)
    done = layout(picture)

    rows: dict[tuple[str | None, str], list[tuple[int, Rect]]] = {}
    shown = [(box.cluster, box.lines[0], done.boxes[box.id]) for box in picture.boxes]
    shown += [(cluster.parent, cluster.label, done.frames[cluster.id]) for cluster in picture.clusters]
    for frame, called, place in shown:
        member = re.match(r"(parallel|branches|each|experts)\.(\d+)", called)
        if member:
            rows.setdefault((frame, member[1]), []).append((int(member[2]), place))

    assert rows
    for row in rows.values():
        middles = [(place.x + place.w / 2, place.y + place.h / 2)[sideways] for _, place in sorted(row, key=first)]
        assert middles == sorted(middles)


def first(one: tuple[int, Rect]) -> int:
    return one[0]


@pytest.mark.parametrize("form", ["svg", "html", "tex"])
@pytest.mark.parametrize("file", BRANCHED)
def test_the_engine_that_keeps_their_order_draws_them(file: str, form: str) -> None:
    picture = picture_of(file)
    assert draw(picture, form) == draw(picture, form, "builtin")
