"""Images beside the same images under a map of the places that matter (PBConv, figure 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.views.canvas.letters import fitted, width_of
from archlang.views.canvas.plot import colour_bar
from archlang.views.canvas.shapes import Lettering, Page, Raster, Shape, abreast, margin
from archlang.views.elements import shade
from archlang.views.palette import QUIET
from archlang.views.sheet import Tile, raster

SIDE, GAP, LINE = 120.0, 14.0, 16.0
STRONGEST, FADED = 0.85, 0.45
"""The share of the image that the largest place of a map hides, and the darkness of the image below."""


@dataclass(frozen=True)
class MappedImage:
    """An image, and for each model a title, what it says of the image, and a map of the image's size from 0 to 1."""

    image: Tile
    maps: list[tuple[str, str, Sequence[Sequence[float]]]]


def mapped(rows: Sequence[MappedImage]) -> Page:
    """Draw a row for each image: the image, then for each model the image under its map, from light to dark blue."""
    shapes: list[Shape] = []
    # Captions say the true and the predicted class, and may be wider than an image.
    texts = [text for row in rows for _, text, _ in row.maps]
    step = max([SIDE + GAP, *(width_of(text, 9.5) + GAP for text in texts)])

    top = 0.0
    for row in rows:
        shapes += [Lettering(0, top + 11, row.image.caption), raster(row.image, 0, top + LINE, SIDE)]
        for place, (title, text, values) in enumerate(row.maps, 1):
            left = SIDE + GAP + (place - 1) * step
            shapes.append(Lettering(left, top + 11, fitted(title, step - GAP, 9.5), 9.5, QUIET))
            shapes.append(blended(row.image, values, left, top + LINE))
            shapes.append(Lettering(left, top + LINE + SIDE + 11, text, 9.5))
        top += LINE + SIDE + 2 * LINE

    wide = SIDE + GAP + step * max((len(row.maps) for row in rows), default=0)
    return margin(abreast([Page(wide, top, tuple(shapes)), colour_bar(0.0, 1.0, "share of the largest place")], 2))


def blended(image: Tile, values: Sequence[Sequence[float]], x: float, y: float) -> Raster:
    """An image in light grey under a map: the larger a place, the more it is dark blue, and the less of the image."""
    channels = len(image.pixels) // (image.width * image.height)
    pixels = bytearray()
    for r, row in enumerate(values):
        for c, value in enumerate(row):
            at = (r * image.width + c) * channels
            # Faded, so that a dark place of the image is not taken for one of the map.
            grey = 255 - FADED * (255 - sum(image.pixels[at : at + channels]) / channels)
            colour = shade(value)
            hidden = STRONGEST * min(max(value, 0.0), 1.0)
            pixels += bytes(round(grey * (1 - hidden) + int(colour[i : i + 2], 16) * hidden) for i in (1, 3, 5))
    return Raster(x, y, SIDE, SIDE, image.width, image.height, bytes(pixels))
