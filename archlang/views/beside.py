"""The places of code matrices beside what they govern, in the built-in engine's drawing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from archlang.views.canvas.shapes import Page
from archlang.views.coded import code_page
from archlang.views.layers import Layout, Rect
from archlang.views.picture import Picture

GAP = 6.0
"""Points between a frame and the matrix beside it."""

TOP = 20.0
"""The first place in the column right of a diagram, below the line of its title."""


def codes_beside(picture: Picture, done: Layout) -> Iterator[tuple[Page, float, float]]:
    """Give each code as a page with its place: right of its frame where that is free, else right of the diagram.

    There it stands at the height of its frame, or below the code before it.
    """
    below, shown = TOP, list[Rect]()
    for code in picture.codes:
        page = code_page(code)
        y = TOP
        if code.cluster is not None:
            frame = done.frames[code.cluster]
            near = Rect(frame.x + frame.w + GAP, frame.y, page.width, page.height)
            if _is_free(near, done) and not any(_overlap(near, other) for other in shown):
                shown.append(near)
                yield page, near.x, near.y
                continue
            y = frame.y

        y = max(y, below)
        below = y + page.height
        yield page, done.width, y


def _is_free(place: Rect, done: Layout) -> bool:
    """Tell whether no box, no line of a frame and no arrow runs through a place."""
    if any(_overlap(place, box) for box in done.boxes.values()):
        return False

    # A frame around the place is no obstacle, only its line would be one.
    if any(_overlap(place, frame) and not _holds(frame, place) for frame in done.frames.values()):
        return False

    # Between two points an arrow stays in the rectangle of which they are corners.
    return not any(
        _overlap(place, Rect(min(x, x1), min(y, y1), abs(x1 - x), abs(y1 - y)))
        for points in done.routes.values() for (x, y), (x1, y1) in pairwise(points)
    )


def _overlap(one: Rect, other: Rect) -> bool:
    across = one.x <= other.x + other.w and other.x <= one.x + one.w
    return across and one.y <= other.y + other.h and other.y <= one.y + one.h


def _holds(outer: Rect, inner: Rect) -> bool:
    across = outer.x <= inner.x and inner.x + inner.w <= outer.x + outer.w
    return across and outer.y <= inner.y and inner.y + inner.h <= outer.y + outer.h
