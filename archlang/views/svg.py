"""The built-in engine's drawing: a layout as SVG text, nothing in it but shapes and escaped text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from xml.sax.saxutils import quoteattr

from archlang.views.coded import code_parts
from archlang.views.elements import plain
from archlang.views.layered import Layout, Point, Rect, layout
from archlang.views.measure import SMALL, TEXT
from archlang.views.palette import ATTEND, FAN, FONT, FRAME, GATE, GROUND, QUIET, opened
from archlang.views.picture import Arrow, Box, Picture, colours_of

FLOW = "#52606d"
STROKES = {
    "flow": (FLOW, "1.1", ""), "fan": (FAN, "0.9", ""), "gate": (GATE, "0.7", ' stroke-dasharray="4 3"'),
    "attend": (ATTEND, "1.3", ""),
}


def to_svg(picture: Picture) -> str:
    """Draw the picture as a page of SVG, laid out by ourselves."""
    done = layout(picture)
    w, h = done.width, done.height
    middle = f"{w / 2:.1f}"

    # Codes stand to the right of the diagram and may be longer than it.
    beside: list[str] = []
    if picture.codes:
        across, down, codes = code_parts(picture.codes)
        beside = [f'<g transform="translate({w:.1f} 20)" font-size="10">', *codes, "</g>"]
        w, h = w + across, max(h, 20 + down)

    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w:.0f}pt" height="{h:.0f}pt" viewBox="0 0 {w:.1f} {h:.1f}"'
        f' font-family={quoteattr(FONT)} font-size="{TEXT:.0f}">',
        f"<title>{plain(picture.name)}</title>",
        _heads(),
        f'<rect width="{w:.1f}" height="{h:.1f}" fill="white"/>',
        f'<text x="{middle}" y="15" font-size="13" fill="{QUIET}" text-anchor="middle">{plain(picture.name)}</text>',
        *_frames(picture, done),
        *(_arrow(arrow, done.routes[i]) for i, arrow in enumerate(picture.arrows) if i in done.routes),
        *(_box(box, done.boxes[box.id]) for box in picture.boxes),
        *(_label(arrow, done.routes[i]) for i, arrow in enumerate(picture.arrows) if arrow.label and i in done.routes),
        *beside,
    ]
    return "\n".join([*parts, "</svg>", ""])


def _heads() -> str:
    heads = "".join(
        f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path d="M0 1 L10 5 L0 9 z" fill="{colour}"/></marker>'
        for name, (colour, _, _) in STROKES.items()
    )
    return f"<defs>{heads}</defs>"


def _frames(picture: Picture, done: Layout) -> Iterator[str]:
    depth: dict[str | None, int] = {None: 0}
    for cluster in picture.clusters:
        # Clusters come outer first, so the parent's depth is known.
        depth[cluster.id] = depth[cluster.parent] + 1
        r = done.frames[cluster.id]
        fill = "white"
        if depth[cluster.id] % 2:
            fill = GROUND

        yield (
            f'<g class="cluster" data-frame={quoteattr(cluster.id)}>'
            f'<rect {_at(r)} rx="9" fill="{fill}" stroke="{FRAME}" stroke-width="0.8"/>'
            f'<text x="{r.x + 9:.1f}" y="{r.y + 14:.1f}" font-size="10" fill="{QUIET}">{plain(cluster.label)}</text>'
            "</g>"
        )


def _box(box: Box, r: Rect) -> str:
    colours = colours_of(box)
    style = f'fill="{colours.fill}" stroke="{colours.border}" stroke-width="1.1"'
    middle = r.x + r.w / 2

    if box.look in ("sum", "gate"):
        shape = f'<ellipse cx="{middle:.1f}" cy="{r.y + r.h / 2:.1f}" rx="{r.w / 2:.1f}" ry="{r.h / 2:.1f}" {style}/>'
    elif box.look == "end":
        shape = f'<rect {_at(r)} rx="0" {style}/>'
    else:
        shape = f'<rect {_at(r)} rx="7" {style}/>'
    if box.look == "scope":
        inner = Rect(r.x + 3, r.y + 3, r.w - 6, r.h - 6)
        shape += f'<rect {_at(inner)} rx="5" fill="none" stroke="{colours.border}" stroke-width="0.6"/>'

    size = TEXT
    if box.look == "gate":
        size = SMALL

    # Lines are 14 points apart and centred; letters reach about 0.36 of their size below the middle.
    top = r.y + r.h / 2 - 7.0 * (len(box.lines) - 1) + size * 0.36
    lines = "".join(
        f'<text x="{middle:.1f}" y="{top + 14.0 * i:.1f}" font-size="{size:.0f}" fill="{colours.text}"'
        f' text-anchor="middle">{plain(line)}</text>'
        for i, line in enumerate(box.lines)
    )
    tip = f"<title>{plain(box.tip)}</title>"
    return f'<g class="node" data-box={quoteattr(box.id)}>{tip}{shape}{lines}</g>'


def _at(r: Rect) -> str:
    return f'x="{r.x:.1f}" y="{r.y:.1f}" width="{r.w:.1f}" height="{r.h:.1f}"'


def _arrow(arrow: Arrow, points: Sequence[Point]) -> str:
    colour, width, dashes = STROKES[arrow.line]

    # A known strength replaces the colour and width of the kind of arrow.
    if arrow.strength is not None:
        colour, wide = opened(arrow.strength)
        width = f"{wide:.2f}"

    return (
        f'<path d="{_curve(points)}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}'
        f' marker-end="url(#{arrow.line})"/>'
    )


def _curve(points: Sequence[Point]) -> str:
    """A smooth line through points that leaves and enters each of them upright."""
    x, y = points[0]
    parts = [f"M{x:.1f} {y:.1f}"]

    for x1, y1 in points[1:]:
        middle = (y + y1) / 2
        parts.append(f"C{x:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}")
        x, y = x1, y1

    return " ".join(parts)


def _label(arrow: Arrow, points: Sequence[Point]) -> str:
    x, y = _label_place(points)
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{SMALL:.0f}" fill="{QUIET}" stroke="white" stroke-width="2.5"'
        f' paint-order="stroke">{plain(arrow.label)}</text>'
    )


def _label_place(points: Sequence[Point]) -> Point:
    """The place where an arrow's label begins: right of the middle of its first open stretch."""
    (x0, y0), (x1, y1) = max(
        pairwise(points), key=lambda pair: abs(pair[1][1] - pair[0][1]), default=(points[0],) * 2
    )
    return (x0 + x1) / 2 + 4.0, (y0 + y1) / 2 + 3.0
