"""Pixels as a PNG file (ISO/IEC 15948), written by ourselves: images inside SVG need no library."""

from __future__ import annotations

import struct
import zlib


def png_bytes(columns: int, rows: int, pixels: bytes) -> bytes:
    """Encode pixels, row by row, 1 or 3 bytes each, as a PNG file of 8 bits a sample.

    >>> png_bytes(2, 1, bytes([0, 255]))[:4]
    b'\\x89PNG'
    """
    channels = len(pixels) // (columns * rows)
    grey, colour = 0, 2
    kind = grey
    if channels == 3:
        kind = colour

    # Each row starts with the number of its filter; 0 leaves the bytes as they are.
    stride = columns * channels
    body = b"".join(b"\0" + pixels[y * stride : (y + 1) * stride] for y in range(rows))

    head = struct.pack(">IIBBBBB", columns, rows, 8, kind, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(body, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
