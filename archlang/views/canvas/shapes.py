"""Shapes on a page, in points from its top left corner; what every writer of files knows how to draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from archlang.dataclass import dataclass, unguarded
from archlang.views.palette import INK

Anchor = Literal["start", "middle", "end"]
Spot = tuple[float, float]


@dataclass(frozen=True)
class Pen:
    """A line's colour, its width in points, and the lengths of its dashes and gaps (none: a solid line)."""

    colour: str = INK
    width: float = 1.0
    dashes: tuple[float, ...] = ()


@unguarded
@dataclass(frozen=True)
class Rectangle:
    """A rectangle: left, top, width, height; filled, framed or both. `tip` shows where a reader points at it."""

    x: float
    y: float
    w: float
    h: float
    fill: str | None = None
    pen: Pen | None = None
    corner: float = 0.0
    opacity: float = 1.0
    tip: str = ""


@unguarded
@dataclass(frozen=True)
class Polyline:
    """A line through points; `closed` and filled it is an area, `smooth` it is drawn by cubic curves: the start, then
    two handles and an end for each.
    """

    points: tuple[Spot, ...]
    pen: Pen | None = None
    fill: str | None = None
    closed: bool = False
    smooth: bool = False
    opacity: float = 1.0
    tip: str = ""


@unguarded
@dataclass(frozen=True)
class Disc:
    """An ellipse around a middle, with its two radii."""

    x: float
    y: float
    rx: float
    ry: float
    fill: str | None = None
    pen: Pen | None = None
    tip: str = ""


@unguarded
@dataclass(frozen=True)
class Lettering:
    """A line of text on its baseline, which begins, ends or has its middle at a place; `upright` it reads upwards."""

    x: float
    y: float
    text: str
    size: float = 11.0
    colour: str = INK
    anchor: Anchor = "start"
    upright: bool = False
    bold: bool = False
    tip: str = ""


@dataclass(frozen=True)
class Raster:
    """An image of pixels [height, width] as bytes row by row, one (grey) or three (colour) a pixel, at a place."""

    x: float
    y: float
    w: float
    h: float
    columns: int
    rows: int
    pixels: bytes


@unguarded
@dataclass(frozen=True)
class Together:
    """Shapes that are one thing: a box of a diagram (`node`), a frame (`cluster`) or its title; its name, its tip."""

    shapes: tuple[Shape, ...]
    kind: Literal["node", "cluster", "title"]
    name: str
    tip: str = ""


Shape = Rectangle | Polyline | Disc | Lettering | Raster | Together


@dataclass(frozen=True)
class Page:
    """A drawing: its size in points, its shapes in the order in which they are drawn, and what it is called."""

    width: float
    height: float
    shapes: tuple[Shape, ...]
    title: str = ""


def moved(shape: Shape, right: float, down: float) -> Shape:
    """Return a shape so far to the right and down.

    >>> moved(Rectangle(1, 2, 3, 4), 10, 20).x
    11
    """
    # A group and a line have no place of their own: their parts have.
    if isinstance(shape, Together):
        return replace(shape, shapes=tuple(moved(one, right, down) for one in shape.shapes))
    if isinstance(shape, Polyline):
        return replace(shape, points=tuple((x + right, y + down) for x, y in shape.points))
    return replace(shape, x=shape.x + right, y=shape.y + down)


def placed_at(page: Page, right: float, down: float) -> list[Shape]:
    """Return the shapes of a page where they stand on a larger one."""
    return [moved(shape, right, down) for shape in page.shapes]


def stacked(pages: Sequence[Page], gap: float = 14.0) -> Page:
    """Put pages below one another on one page.

    >>> stacked([Page(10, 20, ()), Page(30, 5, ())], 5).height
    30.0
    """
    shapes: list[Shape] = []
    top = 0.0
    for page in pages:
        shapes += placed_at(page, 0.0, top)
        top += page.height + gap
    return Page(max((page.width for page in pages), default=0.0), max(top - gap, 0.0), tuple(shapes), _title(pages))


def abreast(pages: Sequence[Page], across: int, gap: float = 14.0) -> Page:
    """Put pages side by side, so many in a row, each column as wide as its widest page.

    >>> abreast([Page(10, 20, ()), Page(30, 5, ()), Page(20, 5, ())], 2, 0).width
    50
    """
    columns = [max((page.width for page in pages[i::across]), default=0.0) for i in range(min(across, len(pages)))]
    lefts = [sum(columns[:i]) + gap * i for i in range(len(columns))]

    rows = []
    for start in range(0, len(pages), across):
        row = pages[start : start + across]
        shapes = [shape for page, left in zip(row, lefts, strict=False) for shape in placed_at(page, left, 0.0)]
        rows.append(Page(sum(columns) + gap * max(len(columns) - 1, 0), max(p.height for p in row), tuple(shapes)))
    whole = stacked(rows, gap)
    return replace(whole, title=_title(pages))


def margin(page: Page, around: float = 12.0) -> Page:
    """Return a page with room on all sides."""
    shapes = placed_at(page, around, around)
    return Page(page.width + 2 * around, page.height + 2 * around, tuple(shapes), page.title)


def _title(pages: Iterable[Page]) -> str:
    return next((page.title for page in pages if page.title), "")
