"""Elements of SVG pages: escaped text, words at a place, the page around them, shades."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from archlang.views.palette import FONT, INK, between

WHITE = (255, 255, 255)
BLUE = (23, 62, 122)
"""The dark end of shaded cells."""


def plain(text: str) -> str:
    """Escape text for SVG; control characters become spaces.

    >>> plain("a<b\\x1b")
    'a&lt;b '
    """
    return escape("".join(c if c.isprintable() else " " for c in text))


def words(x: float, y: float, text: str, colour: str = INK, anchor: str = "start") -> str:
    """Write one line of text whose baseline begins (or ends, or has its middle) at a place in points."""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{plain(text)}</text>'


def page(width: float, height: float, parts: Sequence[str], size: int = 11) -> str:
    """Put a white page of a size in points around parts, in letters of `size` points."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family={quoteattr(FONT)} font-size="{size}">'
    )
    ground = f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>'
    return "\n".join([head, ground, *parts, "</svg>", ""])


def shade(share: float) -> str:
    """Return white at 0, deep blue at 1.

    >>> shade(0.0), shade(1.0)
    ('#ffffff', '#173e7a')
    """
    return between(WHITE, BLUE, share)
