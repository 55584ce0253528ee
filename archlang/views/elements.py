"""Escaped text and shades, for whoever writes SVG or colours a cell."""

from __future__ import annotations

from xml.sax.saxutils import escape

from archlang.views.palette import between

WHITE = (255, 255, 255)
BLUE = (23, 62, 122)
"""The dark end of shaded cells."""


def plain(text: str) -> str:
    """Escape text for SVG; control characters become spaces.

    >>> plain("a<b\\x1b")
    'a&lt;b '
    """
    return escape("".join(c if c.isprintable() else " " for c in text))


def shade(share: float) -> str:
    """Return white at 0, deep blue at 1.

    >>> shade(0.0), shade(1.0)
    ('#ffffff', '#173e7a')
    """
    return between(WHITE, BLUE, share)
