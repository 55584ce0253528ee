"""Contact sheets: rows of small images with a caption under each, the images inside the SVG as PNG."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from archlang.views.palette import FONT, INK, QUIET

SIDE, GAP, LINE = 56, 8, 16


@dataclass(frozen=True)
class Tile:
    """An image: its width and height, its bytes row by row (1 or 3 a pixel), and what stands below it."""

    width: int
    height: int
    pixels: bytes
    caption: str = ""


def sheet(rows: Sequence[tuple[str, Sequence[Tile]]]) -> str:
    """Rows of tiles, each under its title.

    >>> sheet([("a row", [Tile(2, 1, bytes([0, 255]), "0.50")])]).count("<image")
    1
    """
    parts: list[str] = []
    top = GAP
    for title, tiles in rows:
        parts.append(_words(GAP, top + 11, title, INK))
        top += LINE
        for place, tile in enumerate(tiles):
            parts += _tile(tile, GAP + place * (SIDE + GAP), top)
        top += SIDE + LINE + GAP
    wide = max([GAP + (SIDE + GAP) * len(tiles) for _, tiles in rows] + [2 * GAP + 7 * len(t) for t, _ in rows])
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{top}" viewBox="0 0 {wide} {top}" '
            f'font-family={quoteattr(FONT)} font-size="11">')
    return "\n".join([head, f'<rect width="{wide}" height="{top}" fill="white"/>', *parts, "</svg>", ""])


def png(tile: Tile) -> bytes:
    """A tile as a PNG file (ISO/IEC 15948), 8 bits a sample.

    >>> png(Tile(2, 1, bytes([0, 255])))[:4]
    b'\\x89PNG'
    """
    deep = len(tile.pixels) // (tile.width * tile.height)
    stride = tile.width * deep
    rows = b"".join(b"\0" + tile.pixels[y * stride : (y + 1) * stride] for y in range(tile.height))
    head = struct.pack(">IIBBBBB", tile.width, tile.height, 8, 2 if deep == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _tile(tile: Tile, x: int, y: int) -> list[str]:
    held = b64encode(png(tile)).decode()
    return [
        f'<image x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{held}"/>',
        _words(x + SIDE / 2, y + SIDE + 12, tile.caption, QUIET, "middle"),
    ]


def _words(x: float, y: float, text: str, colour: str, anchor: str = "start") -> str:
    plain = escape("".join(c if c.isprintable() else " " for c in text))
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{plain}</text>'
