"""Images with their patches in the colours of the experts that took them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlang.views.canvas.letters import width_of
from archlang.views.canvas.shapes import Lettering, Page, Pen, Rectangle, Shape
from archlang.views.palette import QUIET, hue
from archlang.views.sheet import Tile, raster

SIDE, GAP, LINE = 120.0, 14.0, 18.0
STRONGEST = 0.75
"""How much of the image the colour of an expert with all the weight hides."""
NAMED = 64
"""Up to so many patches an image are numbered by their expert."""

LEGEND = 64.0
"""Points from one expert's name below the images to the next."""


@dataclass(frozen=True)
class PatchCell:
    """A patch as a part of its image, edges from 0 to 1, with the weight of each expert."""

    left: float
    top: float
    right: float
    bottom: float
    weights: tuple[float, ...]

    @property
    def expert(self) -> int:
        """The expert with the largest weight; the first of equals."""
        return self.weights.index(max(self.weights))


@dataclass(frozen=True)
class PatchedImage:
    """An image and what stages of experts did with it: a title and the patches of each."""

    image: Tile
    stages: Sequence[tuple[str, Sequence[PatchCell]]]


def patched(rows: Sequence[PatchedImage]) -> Page:
    """Draw a row for each image: the image, then the image under its patches' colours by stage; experts from 1."""
    shapes: list[Shape] = []
    top = GAP
    step = SIDE + GAP
    # Titles of stages are paths, which may be wider than their image.
    titles = [title for row in rows for title in (row.image.caption, *(title for title, _ in row.stages))]
    step = max([step, *(width_of(title) + GAP for title in titles)])

    for row in rows:
        shapes += [Lettering(GAP, top + 11, row.image.caption), raster(row.image, GAP, top + LINE, SIDE)]
        for place, (title, cells) in enumerate(row.stages, 1):
            left = GAP + place * step
            shapes += [Lettering(left, top + 11, title), raster(row.image, left, top + LINE, SIDE)]
            shapes += [shape for cell in cells for shape in _cell(cell, left, top + LINE, len(cells) <= NAMED)]
        top += LINE + SIDE + GAP

    experts = max((len(cell.weights) for row in rows for _, cells in row.stages for cell in cells), default=0)
    shapes += _legend(experts, top)

    wide = GAP + max((1 + len(row.stages) for row in rows), default=1) * step
    wide = max(wide, 2 * GAP + LEGEND * min(experts, 8))
    return Page(wide, top + LINE * (1 + experts // 9), tuple(shapes))


def _cell(cell: PatchCell, left: float, top: float, named: bool) -> list[Shape]:
    x, y = left + SIDE * cell.left, top + SIDE * cell.top
    w, h = SIDE * (cell.right - cell.left), SIDE * (cell.bottom - cell.top)
    share = max(cell.weights)

    told = ", ".join(f"{i} {weight:.2f}" for i, weight in enumerate(cell.weights, 1))
    edge = Pen("#ffffff", 0.6)
    shapes: list[Shape] = [Rectangle(x, y, w, h, hue(cell.expert), edge, opacity=STRONGEST * share, tip=told)]
    if named:  # a number tells experts apart where colours do not
        shapes.append(Lettering(x + w / 2, y + h / 2 + 4, str(cell.expert + 1), 11.0, "#ffffff", "middle", bold=True))
    return shapes


def _legend(experts: int, top: float) -> list[Shape]:
    shapes: list[Shape] = []
    for i in range(experts):
        x, y = GAP + LEGEND * (i % 8), top + LINE * (i // 8)
        shapes += [Rectangle(x, y - 4, 10, 10, hue(i)), Lettering(x + 14, y + 5, f"expert {i + 1}", 11.0, QUIET)]
    return shapes
