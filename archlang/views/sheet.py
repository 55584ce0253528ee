"""Contact sheets: rows of small images with a caption under each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.views.canvas.letters import fitted, width_of
from archlang.views.canvas.pixels import png_bytes
from archlang.views.canvas.shapes import Lettering, Page, Raster, Shape
from archlang.views.palette import QUIET

SIDE, GAP, LINE = 56.0, 8.0, 16.0


@dataclass(frozen=True)
class Tile:
    """An image: its width and height, its bytes row by row (1 or 3 a pixel), and the caption below it."""

    width: int
    height: int
    pixels: bytes
    caption: str = ""


def sheet(rows: Sequence[tuple[str, Sequence[Tile]]], side: float = SIDE) -> Page:
    """Draw rows of tiles, each row under its title; captions are as wide as their tile, or cut."""
    shapes: list[Shape] = []
    top = GAP
    for title, tiles in rows:
        shapes.append(Lettering(GAP, top + 11, title))
        top += LINE
        for place, tile in enumerate(tiles):
            shapes += _tile(tile, GAP + place * (side + GAP), top, side)
        top += side + LINE + GAP

    wide = max([GAP + (side + GAP) * len(tiles) for _, tiles in rows]
               + [2 * GAP + width_of(title) for title, _ in rows])
    return Page(wide, top, tuple(shapes))


def tile_grid(tiles: Sequence[tuple[str, Tile]], across: int, side: float = 84.0) -> Page:
    """Draw tiles in rows of so many, each with a title above it and its caption below.

    Titles may be paths: where one is too long, its end is shown.
    """
    shapes: list[Shape] = []
    for place, (title, tile) in enumerate(tiles):
        x, y = GAP + place % across * (side + GAP), GAP + place // across * (side + 2 * LINE + GAP)
        shown = title
        while width_of(shown, 8.5) > side:
            shown = "…" + shown.lstrip("…")[1:]
        shapes += [Lettering(x, y + 10, shown, 8.5), *_tile(tile, x, y + LINE, side)]

    rows = -(-len(tiles) // across)
    return Page(GAP + min(len(tiles), across) * (side + GAP), GAP + rows * (side + 2 * LINE + GAP), tuple(shapes))


def png(tile: Tile) -> bytes:
    """Encode a tile as a PNG file.

    >>> png(Tile(2, 1, bytes([0, 255])))[:4]
    b'\\x89PNG'
    """
    return png_bytes(tile.width, tile.height, tile.pixels)


def raster(tile: Tile, x: float, y: float, side: float) -> Raster:
    """A tile's pixels in a square at a place."""
    return Raster(x, y, side, side, tile.width, tile.height, tile.pixels)


def _tile(tile: Tile, x: float, y: float, side: float) -> list[Shape]:
    caption = fitted(tile.caption, side + GAP - 2, 9.5)
    return [raster(tile, x, y, side), Lettering(x + side / 2, y + side + 11, caption, 9.5, QUIET, "middle")]
