"""Contact sheets: rows of small images with a caption under each, the images inside the SVG as PNG."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from archlang.views.elements import page, words
from archlang.views.palette import INK, QUIET

SIDE, GAP, LINE = 56, 8, 16


@dataclass(frozen=True)
class Tile:
    """An image: its width and height, its bytes row by row (1 or 3 a pixel), and the caption below it."""

    width: int
    height: int
    pixels: bytes
    caption: str = ""


def sheet(rows: Sequence[tuple[str, Sequence[Tile]]]) -> str:
    """Draw rows of tiles, each under its title.

    >>> sheet([("a row", [Tile(2, 1, bytes([0, 255]), "0.50")])]).count("<image")
    1
    """
    parts: list[str] = []
    top = GAP
    for title, tiles in rows:
        parts.append(words(GAP, top + 11, title, INK))
        top += LINE
        for place, tile in enumerate(tiles):
            parts += _tile(tile, GAP + place * (SIDE + GAP), top)
        top += SIDE + LINE + GAP

    # Seven points a letter, so that no title is cut off.
    wide = max([GAP + (SIDE + GAP) * len(tiles) for _, tiles in rows] + [2 * GAP + 7 * len(t) for t, _ in rows])
    return page(wide, top, parts)


def png(tile: Tile) -> bytes:
    """Encode a tile as a PNG file (ISO/IEC 15948), 8 bits a sample.

    >>> png(Tile(2, 1, bytes([0, 255])))[:4]
    b'\\x89PNG'
    """
    channels = len(tile.pixels) // (tile.width * tile.height)
    grey, colour = 0, 2
    kind = grey
    if channels == 3:
        kind = colour

    # Each row starts with the number of its filter; 0 leaves the bytes as they are.
    stride = tile.width * channels
    rows = b"".join(b"\0" + tile.pixels[y * stride : (y + 1) * stride] for y in range(tile.height))

    head = struct.pack(">IIBBBBB", tile.width, tile.height, 8, kind, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _tile(tile: Tile, x: int, y: int) -> list[str]:
    held = b64encode(png(tile)).decode()
    return [
        f'<image x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{held}"/>',
        words(x + SIDE / 2, y + SIDE + 12, tile.caption, QUIET, "middle"),
    ]
