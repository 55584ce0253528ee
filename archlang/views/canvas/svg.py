"""A page as SVG: shapes and escaped text, nothing that a reader would have to load."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from archlang.views.canvas.letters import one_row
from archlang.views.canvas.pixels import png_bytes
from archlang.views.canvas.shapes import Disc, Lettering, Page, Pen, Polyline, Raster, Rectangle, Shape, Together
from archlang.views.palette import FONT


def svg_of(page: Page) -> str:
    """Write a page as SVG text."""
    wide, high = f"{page.width:.0f}", f"{page.height:.0f}"
    title = ""
    if page.title:
        title = f"<title>{escape(one_row(page.title))}</title>"

    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
        f"font-family={quoteattr(FONT)}>{title}"
    )
    ground = f'<rect width="{wide}" height="{high}" fill="#ffffff"/>'
    return "\n".join([head, ground, *map(_element, page.shapes), "</svg>", ""])


def _element(shape: Shape) -> str:
    return _WRITERS[type(shape)](shape)


@lru_cache(maxsize=1 << 12)  # the texts of a picture are few, and stand in it often
def _safe(text: str) -> str:
    """A text as it may stand between the tags of SVG."""
    return escape(one_row(text))


def _ellipse(shape: Disc) -> str:
    inner = (f'<ellipse cx="{shape.x:.2f}" cy="{shape.y:.2f}" rx="{shape.rx:.2f}" ry="{shape.ry:.2f}"'
             f"{_ink(shape.fill, shape.pen)}")
    return _with_tip("ellipse", inner, shape.tip)


def _image(shape: Raster) -> str:
    held = b64encode(png_bytes(shape.columns, shape.rows, shape.pixels)).decode()
    # Without smoothing: a pixel of a small image is a square.
    return (f'<image x="{shape.x:.2f}" y="{shape.y:.2f}" width="{shape.w:.2f}" height="{shape.h:.2f}" '
            f'preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,{held}"/>')


def _together(shape: Together) -> str:
    """A group with its class and its name, by which a page finds it."""
    # A title lies over its frame, and lets through what is meant for that.
    if shape.kind == "title":
        return f'<g class="title" pointer-events="none">{"".join(map(_element, shape.shapes))}</g>'

    attribute = {"node": "data-box", "cluster": "data-frame"}[shape.kind]
    tip = ""
    if shape.tip:
        tip = f"<title>{_safe(shape.tip)}</title>"
    inner = "".join([_element(one) for one in shape.shapes])
    return f'<g class="{shape.kind}" {attribute}={quoteattr(shape.name)}>{tip}{inner}</g>'


def _block(shape: Rectangle) -> str:
    corner = opacity = ""
    if shape.corner:
        corner = f' rx="{shape.corner:.1f}"'
    if shape.opacity < 1:
        opacity = f' fill-opacity="{shape.opacity:.2f}"'

    inner = (f'<rect x="{shape.x:.2f}" y="{shape.y:.2f}" width="{shape.w:.2f}" height="{shape.h:.2f}"{corner}'
             f"{_ink(shape.fill, shape.pen)}{opacity}")
    return _with_tip("rect", inner, shape.tip)


def _trace(shape: Polyline) -> str:
    (x, y), *rest = shape.points
    if shape.smooth:
        # Two handles and an end a curve.
        curves = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
        steps = [f"C{a:.2f} {b:.2f} {c:.2f} {d:.2f} {e:.2f} {f:.2f}" for (a, b), (c, d), (e, f) in curves]
    else:
        steps = [f"L{a:.2f} {b:.2f}" for a, b in rest]

    end = opacity = ""
    if shape.closed:
        end = " Z"
    if shape.opacity < 1:
        opacity = f' fill-opacity="{shape.opacity:.2f}"'
    inner = f'<path d="M{x:.2f} {y:.2f} {" ".join(steps)}{end}"{_ink(shape.fill, shape.pen)}{opacity}'
    return _with_tip("path", inner, shape.tip)


def _words(shape: Lettering) -> str:
    turn = bold = anchor = ""
    if shape.upright:
        turn = f' transform="rotate(-90 {shape.x:.2f} {shape.y:.2f})"'
    if shape.bold:
        bold = ' font-weight="bold"'
    if shape.anchor != "start":
        anchor = f' text-anchor="{shape.anchor}"'

    text = (f'<text x="{shape.x:.2f}" y="{shape.y:.2f}" font-size="{shape.size:g}" fill="{shape.colour}"{anchor}{bold}'
            f"{turn}>{_safe(shape.text)}</text>")
    if not shape.tip:
        return text
    # Around the text, not in it: what reads texts out of the file would read the tip too.
    return f"<g><title>{_safe(shape.tip)}</title>{text}</g>"


@lru_cache(maxsize=1 << 10)  # a picture has few pens
def _ink(fill: str | None, pen: Pen | None) -> str:
    shown = f' fill="{fill or "none"}"'
    if pen is None:
        return shown

    shown += f' stroke="{pen.colour}" stroke-width="{pen.width:g}"'
    if pen.dashes:
        shown += f' stroke-dasharray="{" ".join(f"{d:g}" for d in pen.dashes)}"'
    return shown


def _with_tip(name: str, inner: str, tip: str) -> str:
    if not tip:
        return f"{inner}/>"
    return f"{inner}><title>{_safe(tip)}</title></{name}>"


_WRITERS: dict[type, Callable[[Any], str]] = {
    Rectangle: _block, Polyline: _trace, Disc: _ellipse, Lettering: _words, Together: _together, Raster: _image,
}
