"""A page as PDF 1.4 (ISO 32000): vectors, and letters of Helvetica and Symbol, which every reader has."""

from __future__ import annotations

import zlib
from itertools import groupby

from archlang.diagnostics import ArchError, error
from archlang.views.canvas.letters import SYMBOL, one_row, width_of
from archlang.views.canvas.shapes import Disc, Lettering, Page, Pen, Polyline, Raster, Rectangle, Shape, Together

ROUND = 0.5523
"""The distance of the handles of a quarter circle's curve from its ends, as a share of its radius."""


def pdf_of(page: Page) -> bytes:
    """Write a page as a PDF file. Raises `ArchError` (usage) for letters that the fonts of every reader lack."""
    writer = _Writer(page)
    body = "\n".join(writer.shape(shape) for shape in page.shapes).encode("latin-1")
    return _file(page, writer, zlib.compress(body))


class _Writer:
    """Writes shapes as operators of a content stream, and keeps what they refer to."""

    def __init__(self, page: Page) -> None:
        self.height = page.height
        self.opacities: list[float] = []
        self.images: list[Raster] = []

    def shape(self, shape: Shape) -> str:
        """The operators of one shape; `q` and `Q` keep its colours to itself."""
        match shape:
            case Rectangle(x, y, w, h, fill, pen, corner, opacity):
                path = f"{x:.2f} {self.height - y - h:.2f} {w:.2f} {h:.2f} re"
                if corner:
                    path = self._rounded(x, y, w, h, min(corner, w / 2, h / 2))
                return self._painted(path, fill, pen, opacity)
            case Polyline():
                return self._painted(self._path(shape), shape.fill, shape.pen, shape.opacity)
            case Disc(x, y, rx, ry, fill, pen):
                return self._painted(self._ellipse(x, y, rx, ry), fill, pen, 1.0)
            case Lettering():
                return self._words(shape)
            case Together(shapes):
                return "\n".join(map(self.shape, shapes))
            case Raster(x, y, w, h):
                self.images.append(shape)
                return f"q {w:.2f} 0 0 {h:.2f} {x:.2f} {self.height - y - h:.2f} cm /I{len(self.images) - 1} Do Q"

    def _painted(self, path: str, fill: str | None, pen: Pen | None, opacity: float) -> str:
        parts = ["q"]
        if opacity < 1:
            if opacity not in self.opacities:
                self.opacities.append(opacity)
            parts.append(f"/G{self.opacities.index(opacity)} gs")
        if fill:
            parts.append(f"{_colour(fill)} rg")
        if pen:
            dashes = " ".join(f"{d:g}" for d in pen.dashes)
            parts.append(f"{_colour(pen.colour)} RG {pen.width:g} w [{dashes}] 0 d 1 j")

        # Fill and stroke, fill alone, stroke alone, neither.
        operator = {(True, True): "B", (True, False): "f", (False, True): "S", (False, False): "n"}
        return " ".join([*parts, path, operator[bool(fill), bool(pen)], "Q"])

    def _path(self, shape: Polyline) -> str:
        places = [f"{x:.2f} {self.height - y:.2f}" for x, y in shape.points]
        parts = [f"{places[0]} m"]
        if shape.smooth:
            parts += [" ".join(places[i : i + 3]) + " c" for i in range(1, len(places), 3)]
        else:
            parts += [f"{place} l" for place in places[1:]]
        if shape.closed:
            parts.append("h")
        return " ".join(parts)

    def _ellipse(self, x: float, y: float, rx: float, ry: float) -> str:
        return self._rounded(x - rx, y - ry, 2 * rx, 2 * ry, rx, ry)

    def _rounded(self, x: float, y: float, w: float, h: float, rx: float, ry: float | None = None) -> str:
        """A rectangle whose corners are quarter ellipses; with radii of half its sides an ellipse."""
        down = ry or rx
        a, b = rx * (1 - ROUND), down * (1 - ROUND)
        right, bottom = x + w, y + h
        corners = [
            ((right - a, y), (right, y + b), (right, y + down), (right, bottom - down)),
            ((right, bottom - b), (right - a, bottom), (right - rx, bottom), (x + rx, bottom)),
            ((x + a, bottom), (x, bottom - b), (x, bottom - down), (x, y + down)),
            ((x, y + b), (x + a, y), (x + rx, y), (x + rx, y)),
        ]

        parts = [f"{x + rx:.2f} {self.height - y:.2f} m {right - rx:.2f} {self.height - y:.2f} l"]
        for *curve, onward in corners:
            parts.append(" ".join(f"{px:.2f} {self.height - py:.2f}" for px, py in curve) + " c")
            parts.append(f"{onward[0]:.2f} {self.height - onward[1]:.2f} l")
        return " ".join(parts) + " h"

    def _words(self, shape: Lettering) -> str:
        text = one_row(shape.text)
        font = "F"
        if shape.bold:
            font = "B"

        # Neighbouring letters of one font are one string.
        runs = []
        for symbol, letters in groupby(text, lambda letter: letter in SYMBOL):
            held = "".join(letters)
            if symbol:
                runs.append(f"/S {shape.size:g} Tf ({_escaped(''.join(SYMBOL[c] for c in held))}) Tj")
            else:
                runs.append(f"/{font} {shape.size:g} Tf ({_escaped(_encoded(held))}) Tj")

        back = {"start": 0.0, "middle": 0.5, "end": 1.0}[shape.anchor] * width_of(text, shape.size)
        place = f"1 0 0 1 {shape.x - back:.2f} {self.height - shape.y:.2f} Tm"
        if shape.upright:
            place = f"0 1 -1 0 {shape.x:.2f} {self.height - shape.y - back:.2f} Tm"
        return f"BT {_colour(shape.colour)} rg {place} {' '.join(runs)} ET"


def _colour(colour: str) -> str:
    """`#rrggbb` as three numbers from 0 to 1."""
    return " ".join(f"{int(colour[i : i + 2], 16) / 255:.3g}" for i in (1, 3, 5))


def _encoded(text: str) -> str:
    """The text's bytes in the encoding of the fonts, as letters of the same numbers."""
    try:
        return text.encode("cp1252").decode("latin-1")
    except UnicodeEncodeError as problem:
        # Anything in its place would be another text.
        raise ArchError(error(
            "usage", f"a PDF's own fonts have no letter `{problem.object[problem.start]}`",
            help="write .svg, whose letters come from the reader's fonts")) from None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _file(page: Page, writer: _Writer, body: bytes) -> bytes:
    """The objects of the file, then the table of where each begins."""
    states = " ".join(f"/G{i} << /ca {value:.3g} >>" for i, value in enumerate(writer.opacities))
    first = 8  # the number of the first image's object
    images = " ".join(f"/I{i} {first + i} 0 R" for i in range(len(writer.images)))
    used = f"/Font << /F 5 0 R /B 6 0 R /S 7 0 R >> /ExtGState << {states} >> /XObject << {images} >>"

    latin = "/Encoding /WinAnsiEncoding"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {page.width:.2f} {page.height:.2f}] /Contents 4 0 R "
        f"/Resources << {used} >> >>".encode(),
        _stream("/Filter /FlateDecode", body),
        f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica {latin} >>".encode(),
        f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold {latin} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>",
        *map(_image, writer.images),
    ]

    made, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, held in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n".encode() + held + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(made)}\n%%EOF\n"
    return made + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode()


def _stream(entries: str, body: bytes) -> bytes:
    return f"<< {entries} /Length {len(body)} >>\nstream\n".encode() + body + b"\nendstream"


def _image(image: Raster) -> bytes:
    space = "/DeviceGray"
    if len(image.pixels) == 3 * image.columns * image.rows:
        space = "/DeviceRGB"
    entries = (f"/Type /XObject /Subtype /Image /Width {image.columns} /Height {image.rows} /BitsPerComponent 8 "
               f"/ColorSpace {space} /Filter /FlateDecode")
    return _stream(entries, zlib.compress(image.pixels))
