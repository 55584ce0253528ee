"""A page as a standalone LaTeX document: TikZ paths, text in the document's sans-serif font."""

from __future__ import annotations

import re

from archlang.diagnostics import ArchError, error
from archlang.views.canvas.letters import one_row
from archlang.views.canvas.shapes import Disc, Lettering, Page, Pen, Polyline, Raster, Rectangle, Shape, Spot, Together

MOST = 20_000
"""Pixels of images that a document holds, each a small square."""

SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "%": r"\%", "&": r"\&", "#": r"\#", "_": r"\_", "$": r"\$",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "·": r"\textperiodcentered{}", "×": r"\texttimes{}", "…": r"\ldots{}",
    "→": r"$\to$", "←": r"$\leftarrow$", "≥": r"$\geq$", "≤": r"$\leq$", "≠": r"$\neq$", "≈": r"$\approx$",
    "±": r"\textpm{}", "−": r"\textminus{}", "–": "--", "°": r"\textdegree{}", "√": r"$\surd$", "∞": r"$\infty$",
    "α": r"$\alpha$", "β": r"$\beta$", "γ": r"$\gamma$", "δ": r"$\delta$", "ε": r"$\varepsilon$", "θ": r"$\theta$",
    "λ": r"$\lambda$", "μ": r"$\mu$", "µ": r"$\mu$", "π": r"$\pi$", "ρ": r"$\rho$", "σ": r"$\sigma$", "τ": r"$\tau$",
    "φ": r"$\varphi$", "ω": r"$\omega$", "Δ": r"$\Delta$", "Σ": r"$\Sigma$", "Ω": r"$\Omega$", "∂": r"$\partial$",
}
"""Letters that mean something to LaTeX, or that its fonts have as commands."""


def tikz_of(page: Page) -> str:
    """Write a page as a LaTeX document that needs the packages `standalone` and `tikz`.

    Raises `ArchError` (usage) for letters that LaTeX's usual fonts lack, and for images of many pixels.
    """
    pixels = sum(shape.columns * shape.rows for shape in page.shapes if isinstance(shape, Raster))
    if pixels > MOST:
        raise ArchError(error("usage", f"images of {pixels:,} pixels are too large for TikZ",
                              help="PDF holds images of any size: `-o NAME.pdf`"))

    colours = sorted(set(re.findall(r"#([0-9a-f]{6})", "\n".join(map(repr, page.shapes)))))
    body = [line for shape in page.shapes for line in _lines(shape)]
    used = sorted(set(re.findall(r"c([0-9a-f]{6})\b", "\n".join(body))) | set(colours))
    return "\n".join([
        r"\documentclass[tikz]{standalone}",
        r"\usepackage[T1]{fontenc}", r"\usepackage[utf8]{inputenc}", r"\usepackage{textcomp}",
        # Letters as outlines, where the font is installed: without it T1 comes as bitmaps.
        r"\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}",
        *(rf"\definecolor{{c{name}}}{{HTML}}{{{name.upper()}}}" for name in used),
        r"\begin{document}",
        r"\begin{tikzpicture}[x=1bp, y=-1bp, line width=1bp, every node/.style={inner sep=0pt, outer sep=0pt}]",
        rf"\path[use as bounding box] (0,0) rectangle ({page.width:.2f},{page.height:.2f});",
        *body,
        r"\end{tikzpicture}",
        r"\end{document}",
        "",
    ])


def escaped(text: str) -> str:
    r"""Escape text for LaTeX. Raises `ArchError` (usage) for letters that its usual fonts lack.

    >>> print(escaped("50 % of a_b → Σ"))
    50 \% of a\_b $\to$ $\Sigma$
    """
    parts = []
    for letter in one_row(text):
        # T1 fonts have the letters of western and central Europe.
        if letter not in SIGNS and ord(letter) > 0x17F:
            raise ArchError(error("usage", f"LaTeX's usual fonts have no letter `{letter}`",
                                  help="write .svg, whose letters come from the reader's fonts"))
        parts.append(SIGNS.get(letter, letter))
    return "".join(parts)


def _lines(shape: Shape) -> list[str]:
    match shape:
        case Rectangle(x, y, w, h, fill, pen, corner, opacity):
            options = _options(fill, pen, opacity)
            if corner:
                options.append(f"rounded corners={corner:.1f}bp")
            return [rf"\path[{', '.join(options)}] {_at((x, y))} rectangle {_at((x + w, y + h))};"]
        case Polyline():
            return [rf"\path[{', '.join(_options(shape.fill, shape.pen, shape.opacity))}] {_route(shape)};"]
        case Disc(x, y, rx, ry, fill, pen):
            options = _options(fill, pen, 1.0)
            return [rf"\path[{', '.join(options)}] {_at((x, y))} ellipse [x radius={rx:.2f}bp, y radius={ry:.2f}bp];"]
        case Lettering():
            return [_words(shape)]
        case Together(shapes):
            return [line for one in shapes for line in _lines(one)]
        case Raster():
            return _squares(shape)


def _at(spot: Spot) -> str:
    return f"({spot[0]:.2f},{spot[1]:.2f})"


def _route(shape: Polyline) -> str:
    places = [_at(spot) for spot in shape.points]
    if shape.smooth:
        curves = [places[i : i + 3] for i in range(1, len(places), 3)]
        route = places[0] + "".join(f" .. controls {one} and {two} .. {end}" for one, two, end in curves)
    else:
        route = " -- ".join(places)
    if shape.closed:
        route += " -- cycle"
    return route


def _options(fill: str | None, pen: Pen | None, opacity: float) -> list[str]:
    options = []
    if fill:
        options.append(f"fill=c{fill[1:]}")
    if opacity < 1:
        options.append(f"fill opacity={opacity:.2f}")
    if pen:
        options += [f"draw=c{pen.colour[1:]}", f"line width={pen.width:g}bp"]
        if pen.dashes:
            # TikZ wants dashes and gaps by turns, by name.
            words = [f"{('on', 'off')[i % 2]} {length:g}bp" for i, length in enumerate(pen.dashes)]
            options.append(f"dash pattern={' '.join(words)}")
    return options


def _words(shape: Lettering) -> str:
    side = {"start": "base west", "middle": "base", "end": "base east"}[shape.anchor]
    options = [f"anchor={side}", f"text=c{shape.colour[1:]}"]
    if shape.upright:
        options.append("rotate=90")
    bold = ""
    if shape.bold:
        bold = r"\bfseries"
    font = rf"\fontsize{{{shape.size:g}bp}}{{{1.2 * shape.size:g}bp}}\selectfont\sffamily{bold}"
    return rf"\node[{', '.join(options)}] at {_at((shape.x, shape.y))} {{{font} {escaped(shape.text)}}};"


def _squares(shape: Raster) -> list[str]:
    """An image as squares, each of its pixel's grey or colour."""
    wide, high = shape.w / shape.columns, shape.h / shape.rows
    each = len(shape.pixels) // (shape.columns * shape.rows)
    lines = []
    for place in range(shape.columns * shape.rows):
        channels = [*shape.pixels[place * each : (place + 1) * each]]
        if each == 1:
            channels *= 3
        x, y = shape.x + place % shape.columns * wide, shape.y + place // shape.columns * high
        colour = "".join(f"{value:02x}" for value in channels)
        lines.append(rf"\path[fill=c{colour}] {_at((x, y))} rectangle {_at((x + wide, y + high))};")
    return lines
