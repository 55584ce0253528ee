"""A page as PNG: drawn by Pillow at several times its size and made smaller, so that edges are smooth."""

from __future__ import annotations

import io
import math
from itertools import pairwise
from typing import Any

from archlang.diagnostics import ArchError, error
from archlang.views.canvas.letters import one_row
from archlang.views.canvas.shapes import Disc, Lettering, Page, Pen, Polyline, Raster, Rectangle, Shape, Spot, Together

SIZES = ((2, 2), (2, 1), (1, 1))
"""Pixels a point, and how many times finer a page is drawn before it is made smaller: the first that is affordable."""

LARGEST = 60_000_000
"""Pixels that are drawn at most: a few hundred megabytes of memory."""

FONTS: tuple[str, ...] = ("Helvetica.ttc", "LiberationSans-Regular.ttf", "Arial.ttf", "arial.ttf", "DejaVuSans.ttf")
BOLD: tuple[str, ...] = ("LiberationSans-Bold.ttf", "Arial_Bold.ttf", "arialbd.ttf", "DejaVuSans-Bold.ttf")
"""Fonts that systems have, the likest to Helvetica first; where there is none, Pillow's own."""


def png_of(page: Page) -> bytes:
    """Draw a page as a PNG file of two pixels a point, a very large one of one.

    Raises `ArchError`: missing-tool without Pillow; usage for a page that is too large, or letters that no font has.
    """
    try:
        from PIL import Image, ImageDraw
    except ImportError:
        raise ArchError(error("missing-tool", "drawing PNG needs Pillow, which is not installed",
                              help=['pip install "archlang[torch]"', "SVG and PDF need nothing: `-o NAME.svg`"],
                              )) from None

    area = page.width * page.height
    affordable = [(scale, finer) for scale, finer in SIZES if area * (scale * finer) ** 2 <= LARGEST]
    # A page of many panels would take more memory than a machine has, and no viewer would show it.
    if not affordable:
        raise ArchError(error("usage", f"a page of {page.width:.0f} x {page.height:.0f} points is too large for PNG",
                              help="SVG and PDF have no such limit: `-o NAME.svg`"))

    scale, finer = affordable[0]
    fine = scale * finer
    whole = Image.new("RGB", (math.ceil(page.width * fine), math.ceil(page.height * fine)), "#ffffff")
    painter = _Painter(whole, ImageDraw.Draw(whole, "RGBA"), fine)
    for shape in page.shapes:
        painter.paint(shape)

    size = math.ceil(page.width * scale), math.ceil(page.height * scale)
    held = io.BytesIO()
    whole.resize(size, Image.Resampling.LANCZOS).save(held, "PNG", dpi=(72 * scale, 72 * scale))
    return held.getvalue()


class _Painter:
    """Draws shapes on a large image, in its pixels."""

    def __init__(self, whole: Any, draw: Any, fine: int) -> None:
        self.whole, self.draw, self.fine = whole, draw, fine
        self.fonts: dict[tuple[float, bool], Any] = {}
        self.known: dict[tuple[float, bool], set[str]] = {}  # letters that each font has

    def paint(self, shape: Shape) -> None:
        """Draw one shape."""
        f = self.fine
        match shape:
            case Rectangle(x, y, w, h, fill, pen, corner, opacity):
                box = (x * f, y * f, (x + w) * f, (y + h) * f)
                wide = 0
                if pen is not None:
                    wide = max(round(pen.width * f), 1)
                outline = None
                if pen is not None:
                    outline = pen.colour
                self.draw.rounded_rectangle(box, corner * f, _clear(fill, opacity), outline, wide)
            case Polyline():
                self._trace(shape)
            case Disc(x, y, rx, ry, fill, pen):
                box = ((x - rx) * f, (y - ry) * f, (x + rx) * f, (y + ry) * f)
                if pen is None:
                    self.draw.ellipse(box, fill)
                else:
                    self.draw.ellipse(box, fill, pen.colour, max(round(pen.width * f), 1))
            case Lettering():
                self._words(shape)
            case Together(shapes):
                for one in shapes:
                    self.paint(one)
            case Raster():
                self._raster(shape)

    def _trace(self, shape: Polyline) -> None:
        points = [(x * self.fine, y * self.fine) for x, y in shape.points]
        if shape.smooth:
            points = _flattened(points)
        if shape.fill:
            self.draw.polygon(points, _clear(shape.fill, shape.opacity))

        if shape.pen:
            if shape.closed:
                points = [*points, points[0]]
            wide = max(round(shape.pen.width * self.fine), 1)
            for piece in _dashed(points, shape.pen, self.fine):
                self.draw.line(piece, shape.pen.colour, wide, joint="curve")

    def _words(self, shape: Lettering) -> None:
        font = self._font(shape.size, shape.bold)
        text = one_row(shape.text)
        # What a font lacks it draws as a box, and all boxes look the same.
        key = (shape.size, shape.bold)
        for letter in set(text) - self.known.setdefault(key, {" "}):
            self.known[key].add(letter)
            if bytes(font.getmask(letter)) == bytes(font.getmask("\uffff")):
                raise ArchError(error("usage", f"no font here has the letter `{letter}`, which a PNG would lack",
                                      help="write .svg, whose letters come from the reader's fonts"))

        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
        if not shape.upright:
            self.draw.text((shape.x * self.fine, shape.y * self.fine), text, shape.colour, font, anchor)
            return

        # Drawn lying on a strip of its own, which is then turned.
        from PIL import Image, ImageDraw

        long, high = math.ceil(font.getlength(text)) + 4, math.ceil(2 * shape.size * self.fine)
        strip = Image.new("L", (long, high), 0)
        ImageDraw.Draw(strip).text((2, high // 2), text, 255, font, "ls")
        turned = strip.transpose(Image.Transpose.ROTATE_90)
        up = {"start": long, "middle": long / 2, "end": 0}[shape.anchor]
        place = (round(shape.x * self.fine - high // 2), round(shape.y * self.fine - up))
        self.whole.paste(Image.new("RGB", turned.size, shape.colour), place, turned)

    def _font(self, size: float, bold: bool) -> Any:
        from PIL import ImageFont

        known = self.fonts.get((size, bold))
        if known is not None:
            return known

        found = ImageFont.load_default(size * self.fine)
        names = FONTS
        if bold:
            names = (*BOLD, *FONTS)
        for name in names:
            try:
                found = ImageFont.truetype(name, size * self.fine)
            except OSError:
                continue
            break
        self.fonts[size, bold] = found
        return found

    def _raster(self, shape: Raster) -> None:
        from PIL import Image

        kind = "L"
        if len(shape.pixels) == 3 * shape.columns * shape.rows:
            kind = "RGB"
        image = Image.frombytes(kind, (shape.columns, shape.rows), shape.pixels)
        left, top = round(shape.x * self.fine), round(shape.y * self.fine)
        size = (max(round(shape.w * self.fine), 1), max(round(shape.h * self.fine), 1))
        self.whole.paste(image.convert("RGB").resize(size, Image.Resampling.NEAREST), (left, top))


def _clear(fill: str | None, opacity: float) -> Any:
    """A colour with its opacity as Pillow writes it."""
    if fill is None or opacity >= 1:
        return fill
    return (*(int(fill[i : i + 2], 16) for i in (1, 3, 5)), round(255 * opacity))


def _flattened(points: list[Spot], steps: int = 24) -> list[Spot]:
    """A row of cubic curves as short straight lines."""
    found = [points[0]]
    for i in range(1, len(points), 3):
        start = points[i - 1]
        one, two, end = points[i : i + 3]
        for step in range(1, steps + 1):
            t = step / steps
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            corners = (start, one, two, end)
            found.append((sum(w * p[0] for w, p in zip(weights, corners, strict=True)),
                          sum(w * p[1] for w, p in zip(weights, corners, strict=True))))
    return found


def _dashed(points: list[Spot], pen: Pen, fine: int) -> list[list[Spot]]:
    """The pieces of a line that are drawn: all of it, or its dashes."""
    if not pen.dashes:
        return [points]

    lengths = [d * fine for d in pen.dashes]
    pieces: list[list[Spot]] = []
    place, left, drawn = 0, lengths[0], True
    for (x0, y0), (x1, y1) in pairwise(points):
        length = math.hypot(x1 - x0, y1 - y0)
        at = 0.0
        while length - at > 1e-9:
            step = min(left, length - at)
            if drawn:
                ends = [(x0 + (x1 - x0) * t / length, y0 + (y1 - y0) * t / length) for t in (at, at + step)]
                pieces.append(ends)
            at, left = at + step, left - step

            # The next length begins where this one is used up, also across a corner.
            if left <= 1e-9:
                place, drawn = (place + 1) % len(lengths), not drawn
                left = lengths[place]
    return pieces
