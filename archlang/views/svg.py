"""The built-in engine's drawing: a layout as a page of shapes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from archlang.views.arrow_labels import label_places
from archlang.views.beside import codes_beside
from archlang.views.canvas.letters import width_of
from archlang.views.canvas.shapes import (
    Disc,
    Lettering,
    Page,
    Pen,
    Polyline,
    Rectangle,
    Shape,
    Together,
    abreast,
    placed_at,
)
from archlang.views.canvas.svg import svg_of
from archlang.views.coded import code_page, in_appendix
from archlang.views.layered import layout
from archlang.views.layers import Layout, Point, Rect
from archlang.views.measure import SMALL, TEXT
from archlang.views.palette import ATTEND, FAN, FRAME, GATE, GROUND, QUIET, opened
from archlang.views.picture import Arrow, Box, Picture, colours_of

FLOW = "#52606d"
STROKES = {
    "flow": Pen(FLOW, 1.1), "fan": Pen(FAN, 0.9), "gate": Pen(GATE, 0.7, (4.0, 3.0)), "attend": Pen(ATTEND, 1.3),
}
HEAD = 6.0
"""The length of an arrow's head, in points."""


def to_svg(picture: Picture) -> str:
    """Draw the picture as SVG, laid out by ourselves."""
    return svg_of(to_page(picture))


def to_page(picture: Picture) -> Page:
    """Draw the picture as a page, laid out by ourselves."""
    done = layout(picture)
    w, h = done.width, done.height

    # Codes may reach beyond the diagram.
    beside: list[Shape] = []
    for code, x, y in codes_beside(picture, done):
        beside += placed_at(code, x, y)
        w, h = max(w, x + code.width), max(h, y + code.height)

    # Names that have no room beside a diagram stand below it.
    appended = [code_page(code, whole=True) for code in picture.codes if in_appendix(code)]
    if appended:
        appendix = abreast(appended, max(1, int(w // max(page.width for page in appended))), 18.0)
        beside += placed_at(appendix, 0.0, h)
        w, h = max(w, appendix.width), h + appendix.height

    # A title that is wider than a narrow diagram begins at its left edge.
    middle = max(done.width / 2, width_of(picture.name, 13.0) / 2 + 4)
    w = max(w, 2 * middle)
    # A figure has its title in the caption.
    titles: list[Shape] = [Lettering(middle, 15, picture.name, 13.0, QUIET, "middle")]
    if picture.paper:
        titles = []
    shapes = [
        *titles,
        *_frames(picture, done),
        *(part for i, arrow in enumerate(picture.arrows) if i in done.routes
          for part in _arrow(arrow, done.routes[i], picture)),
        *(_box(box, done.boxes[box.id], picture.paper) for box in picture.boxes),
        *(part for i, place in label_places(picture, done).items()
          for part in _label(picture.arrows[i].label, place)),
        *_titles(picture, done),
        *beside,
    ]
    return Page(w, h, tuple(shapes), picture.name)


def _frames(picture: Picture, done: Layout) -> Iterator[Shape]:
    depth: dict[str | None, int] = {None: 0}
    for cluster in picture.clusters:
        # Clusters come outer first, so the parent's depth is known.
        depth[cluster.id] = depth[cluster.parent] + 1
        r = done.frames[cluster.id]
        fill = "#ffffff"
        if depth[cluster.id] % 2 and not picture.paper:
            fill = GROUND

        yield Together((Rectangle(r.x, r.y, r.w, r.h, fill, Pen(FRAME, 0.8), 9.0),), "cluster", cluster.id)


def _titles(picture: Picture, done: Layout) -> Iterator[Shape]:
    """The titles of frames, above the arrows that run into them."""
    for cluster in picture.clusters:
        r = done.frames[cluster.id]
        ground = Rectangle(r.x + 7, r.y + 5, width_of(cluster.label, 10.0) + 4, 12, "#ffffff", None, 2.0, 0.75)
        yield Together((ground, Lettering(r.x + 9, r.y + 14, cluster.label, 10.0, QUIET)), "title", cluster.id)


def _box(box: Box, r: Rect, paper: bool) -> Together:
    colours = colours_of(box, paper)
    pen = Pen(colours.border, 1.1)
    middle = r.x + r.w / 2
    shapes: list[Shape] = []

    if box.look in ("sum", "gate"):
        shapes.append(Disc(middle, r.y + r.h / 2, r.w / 2, r.h / 2, colours.fill, pen))
    else:
        corner = 7.0
        if box.look == "end":
            corner = 0.0
        shapes.append(Rectangle(r.x, r.y, r.w, r.h, colours.fill, pen, corner))
    if box.look == "scope":
        shapes.append(Rectangle(r.x + 3, r.y + 3, r.w - 6, r.h - 6, None, Pen(colours.border, 0.6), 5.0))

    size = TEXT
    if box.look == "gate":
        size = SMALL

    # Lines are 14 points apart and centred; letters reach about 0.36 of their size below the middle.
    top = r.y + r.h / 2 - 7.0 * (len(box.lines) - 1) + size * 0.36
    for i, line in enumerate(box.lines):
        shapes.append(Lettering(middle, top + 14.0 * i, line, size, colours.text, "middle"))
    return Together(tuple(shapes), "node", box.id, box.tip)


def _arrow(arrow: Arrow, points: Sequence[Point], picture: Picture) -> list[Shape]:
    pen, sideways = STROKES[arrow.line], picture.sideways
    if picture.paper:
        pen = replace(pen, colour="#000000")
    # A known strength replaces the colour and width of the kind of arrow.
    if arrow.strength is not None:
        colour, wide = opened(arrow.strength)
        pen = Pen(colour, round(wide, 2))

    *before, (x, y) = points
    long = HEAD * max(1.0, pen.width / 2)
    ahead = (0.0, 1.0)
    if sideways:
        ahead = (1.0, 0.0)

    # A straight line between two places points its own way; curves arrive along the layout.
    straight = len(points) == 2 and (y < points[0][1] or (sideways and x < points[0][0]))
    if straight:
        length = math.hypot(x - points[0][0], y - points[0][1]) or 1.0
        ahead = ((x - points[0][0]) / length, (y - points[0][1]) / length)

    # The line ends inside the head, whose point would else be hidden by a wide line.
    neck = (x - 0.8 * long * ahead[0], y - 0.8 * long * ahead[1])
    back = (x - long * ahead[0], y - long * ahead[1])
    across = (0.4 * long * ahead[1], 0.4 * long * ahead[0])
    head = ((x, y), (back[0] + across[0], back[1] - across[1]), (back[0] - across[0], back[1] + across[1]))

    line = Polyline((points[0], neck), pen)
    if not straight:
        line = Polyline(_curve([*before, neck], sideways), pen, smooth=True)
    return [line, Polyline(head, None, pen.colour, closed=True)]


def _curve(points: Sequence[Point], sideways: bool) -> tuple[Point, ...]:
    """A smooth line through points that leaves and enters each of them along the layout."""
    found = [points[0]]
    for (x, y), (x1, y1) in pairwise(points):
        if sideways:
            middle = (x + x1) / 2
            found += [(middle, y), (middle, y1), (x1, y1)]
        else:
            middle = (y + y1) / 2
            found += [(x, middle), (x1, middle), (x1, y1)]
    return tuple(found)


def _label(text: str, place: Point) -> Iterator[Shape]:
    x, y = place
    # A ground of its own, so that a line that runs there does not run through the letters.
    yield Rectangle(x - 1, y - SMALL * 0.8, width_of(text, SMALL) + 2, SMALL, "#ffffff")
    yield Lettering(x, y, text, SMALL, QUIET)
