"""Pages as files: the form is that of the name's ending."""

from __future__ import annotations

from pathlib import PurePath

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.views.canvas.pdf import pdf_of
from archlang.views.canvas.raster import png_of
from archlang.views.canvas.shapes import Page
from archlang.views.canvas.svg import svg_of
from archlang.views.canvas.tikz import tikz_of

PLOTS = (".svg", ".png", ".pdf", ".tex")
"""Endings of the files that a page can become."""


def page_bytes(page: Page, target: str) -> bytes:
    """Write a page in the form of a path's ending; `-` and names without one mean SVG.

    Raises `ArchError`: usage for another ending; what `png_of`, `pdf_of` and `tikz_of` raise.

    >>> page_bytes(Page(10, 10, ()), "a.pdf")[:5]
    b'%PDF-'
    """
    kind = PurePath(target).suffix.lower() or ".svg"
    match kind:
        case ".svg":
            return svg_of(page).encode()
        case ".pdf":
            return pdf_of(page)
        case ".png":
            return png_of(page)
        case ".tex":
            return tikz_of(page).encode()

    help = [*did_you_mean(kind, PLOTS), f"the forms are {', '.join(PLOTS)}"]
    raise ArchError(error("usage", f"there is no picture format `{kind[:20]}`", help=help))
