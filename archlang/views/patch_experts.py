"""Images with their patches in the colours of the experts that took them, as SVG."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from colorsys import hls_to_rgb
from dataclasses import dataclass

from archlang.views.elements import page, words
from archlang.views.palette import INK, QUIET
from archlang.views.sheet import Tile, png

SIDE, GAP, LINE = 120, 14, 18
STRONGEST = 0.75
"""How much of the image the colour of an expert with all the weight hides."""
NAMED = 64
"""Up to so many patches an image are numbered by their expert."""


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


def colour(expert: int, of: int) -> str:
    """Return a colour for each expert, evenly around the wheel.

    >>> colour(0, 4), colour(1, 4)
    ('#d93636', '#87d936')
    """
    red, green, blue = (round(255 * part) for part in hls_to_rgb(expert / max(of, 1), 0.53, 0.68))
    return f"#{red:02x}{green:02x}{blue:02x}"


def patched(rows: Sequence[PatchedImage]) -> str:
    """Draw a row for each image: the image, then for each stage the image under its patches' colours, experts from 1.

    >>> cell = PatchCell(0.0, 0.0, 1.0, 1.0, (0.25, 0.75))
    >>> patched([PatchedImage(Tile(1, 1, bytes([9])), [("layer1", [cell])])]).count("<rect")
    4
    """
    parts: list[str] = []
    top = GAP
    for row in rows:
        parts += [words(GAP, top + 11, row.image.caption, INK), _image(row.image, GAP, top + LINE)]
        for place, (title, cells) in enumerate(row.stages, 1):
            left = GAP + place * (SIDE + GAP)
            parts += [words(left, top + 11, title, INK), _image(row.image, left, top + LINE)]
            parts += [shape for cell in cells for shape in _cell(cell, left, top + LINE, len(cells) <= NAMED)]
        top += LINE + SIDE + GAP

    experts = max((len(cell.weights) for row in rows for _, cells in row.stages for cell in cells), default=0)
    parts += _legend(experts, top)

    wide = GAP + max((1 + len(row.stages) for row in rows), default=1) * (SIDE + GAP)
    wide = max(wide, 2 * GAP + 64 * min(experts, 8))
    return page(wide, top + LINE * (1 + experts // 9), parts)


def _cell(cell: PatchCell, left: float, top: float, named: bool) -> list[str]:
    x, y = left + SIDE * cell.left, top + SIDE * cell.top
    w, h = SIDE * (cell.right - cell.left), SIDE * (cell.bottom - cell.top)
    share = max(cell.weights)

    told = ", ".join(f"{i} {weight:.2f}" for i, weight in enumerate(cell.weights, 1))
    shapes = [
        f'<g><title>{told}</title><rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" '
        f'fill="{colour(cell.expert, len(cell.weights))}" fill-opacity="{STRONGEST * share:.2f}" stroke="white" '
        'stroke-width="0.6"/></g>'
    ]


    if named:
        shapes.append(words(x + w / 2, y + h / 2 + 4, str(cell.expert + 1), "white", "middle"))
    return shapes


def _legend(experts: int, top: float) -> list[str]:
    parts = []
    for i in range(experts):
        x, y = GAP + 64 * (i % 8), top + LINE * (i // 8)
        parts.append(f'<rect x="{x}" y="{y - 4}" width="10" height="10" fill="{colour(i, experts)}"/>')
        parts.append(words(x + 14, y + 5, f"expert {i + 1}", QUIET))
    return parts


def _image(tile: Tile, x: float, y: float) -> str:
    held = b64encode(png(tile)).decode()
    return (f'<image x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" preserveAspectRatio="none" '
            f'style="image-rendering:pixelated" href="data:image/png;base64,{held}"/>')
