"""One drawing in four forms: the places and texts of each file, read back by something else than what wrote them."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import pytest
from PIL import Image

from archlang.diagnostics import ArchError
from archlang.views.canvas.files import PLOTS, page_bytes
from archlang.views.canvas.letters import WIDTH, width_of
from archlang.views.canvas.shapes import (
    Disc,
    Lettering,
    Page,
    Pen,
    Polyline,
    Raster,
    Rectangle,
    Shape,
    abreast,
    stacked,
)

RED, BLUE = "#cc2222", "#2244cc"
PAGE = Page(100, 60, (
    Rectangle(10, 5, 20, 10, RED), Disc(70, 40, 8, 8, BLUE), Polyline(((10, 50), (40, 50)), Pen("#00aa00", 4.0)),
    Polyline(((50, 5), (60, 5), (60, 15), (70, 15)), Pen(), smooth=True), Polyline(((80, 5), (95, 5), (95, 20)), None,
    "#aa00aa", closed=True), Raster(10, 20, 8, 8, 2, 1, bytes([0, 255])), Lettering(50, 30, "50 % (a\\b) → β", 8.0),
), "title")  # fmt: skip


def content(data: bytes) -> str:
    """The operators of a PDF's page."""
    found = re.search(rb"/Filter /FlateDecode /Length \d+ >>\nstream\n(.*?)\nendstream", data, re.DOTALL)
    assert found is not None
    return zlib.decompress(found[1]).decode("latin-1")


def test_png_has_the_shapes_where_they_are() -> None:
    image = Image.open(io.BytesIO(page_bytes(PAGE, "a.png")))
    assert image.size == (200, 120)
    at = {(20, 10): (0xCC, 0x22, 0x22), (70, 40): (0x22, 0x44, 0xCC), (25, 50): (0, 0xAA, 0), (92, 8): (0xAA, 0, 0xAA),
          (12, 24): (0, 0, 0), (16, 24): (255, 255, 255), (90, 55): (255, 255, 255), (83, 15): (255, 255, 255)}
    for (x, y), colour in at.items():
        assert image.getpixel((2 * x, 2 * y)) == colour, (x, y)


def test_pdf_has_the_shapes_upside_up() -> None:
    data = page_bytes(PAGE, "a.pdf")
    body = content(data)
    assert "10.00 45.00 20.00 10.00 re f" in body and "0.8 0.133 0.133 rg" in body
    assert "10.00 10.00 m 40.00 10.00 l S" in body and "60.00 55.00 60.00 45.00 70.00 45.00 c S" in body
    assert "(50 % \\(a\\\\b\\) ) Tj" in body and "/S 8 Tf (\xae) Tj" in body and "/S 8 Tf (b) Tj" in body
    assert body.count("q ") == body.count(" Q") and b"/MediaBox [0 0 100.00 60.00]" in data
    # The table at the end says where each object begins.
    table = data[data.index(b"xref\n"):]
    places = [int(line.split()[0]) for line in table.split(b"\n")[3:] if line.endswith(b"n ")]
    assert len(places) == 8 and all(data[p:].startswith(b"%d 0 obj" % i) for i, p in enumerate(places, 1))


def test_tikz_is_balanced_and_escapes_what_latex_reads() -> None:
    text = page_bytes(PAGE, "a.tex").decode()
    assert r"50 \% (a\textbackslash{}b) $\to$ $\beta$" in text
    assert r"\path[fill=ccc2222] (10.00,5.00) rectangle (30.00,15.00);" in text
    bare = re.sub(r"\\[{}%$]", "", text)
    assert bare.count("{") == bare.count("}") and bare.count("$") % 2 == 0 and "%" not in bare
    used = set(re.findall(r"(?:fill|draw|text)=(c[0-9a-f]{6})", text))
    assert used <= set(re.findall(r"\\definecolor\{(c[0-9a-f]{6})\}", text)) and len(used) >= 6
    assert all(line.endswith(";") for line in text.splitlines() if line.startswith(("\\path", "\\node")))


def test_svg_is_read_back() -> None:
    root = ET.fromstring(page_bytes(PAGE, "a.svg"))
    tags = [e.tag.split("}")[1] for e in root.iter()]
    assert [tags.count(t) for t in ("rect", "ellipse", "path", "image", "text")] == [2, 1, 3, 1, 1]
    assert ["".join(e.itertext()) for e in root.iter() if e.tag.endswith("text")] == ["50 % (a\\b) → β"]


HOSTILE = ["</svg><script>", "\x1b[31m", "a & b", "$x_1^2$", "\\input{x}", "(unbalanced", "~#%|\"'<>"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    page = Page(100, 20, (Lettering(0, 10, text, tip=text),), text)
    shown = text.replace("\x1b", " ")
    root = ET.fromstring(page_bytes(page, "a.svg"))
    assert {e.tag.split("}")[1] for e in root.iter()} <= {"svg", "title", "rect", "text", "g"}
    assert "".join(root.find(".//{*}text").itertext()) == shown  # type: ignore[union-attr]  # there is one
    (held,) = re.findall(r"\((.*)\) Tj", content(page_bytes(page, "a.pdf")))
    assert re.sub(r"\\(.)", r"\1", held) == shown
    tex = page_bytes(page, "a.tex").decode()
    assert "\\input{" not in tex and len(tex.splitlines()) == len(page_bytes(Page(100, 20, (Lettering(0, 10, "x"),)),
                                                                             "a.tex").splitlines())
    assert page_bytes(page, "a.png").startswith(b"\x89PNG")


@pytest.mark.skipif(not (shutil.which("pdflatex") and shutil.which("pdftotext")), reason="LaTeX reads it, where it is")
def test_latex_reads_what_is_written(tmp_path: Path) -> None:
    """Colours, curves, rasters and letters of every kind, those that LaTeX would obey among them."""
    rows = (Lettering(5, 70 + 10 * i, text, 8.0) for i, text in enumerate((*HOSTILE, "Σ ≤ 3×3 · Δ → β ² –")))
    page = Page(PAGE.width, 160, (*PAGE.shapes, *rows), PAGE.title)
    (tmp_path / "page.tex").write_bytes(page_bytes(page, "page.tex"))
    told = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stdout[-2000:]
    read = subprocess.run(["pdftotext", "page.pdf", "-"], cwd=tmp_path, capture_output=True, text=True, check=True)
    letters = "".join(read.stdout.split())
    assert [t for t in ("50%(a\\b)", "</svg><script>", "a&b", "$x_1^2$", "\\input{x}", "3×3") if t not in letters] == []


@pytest.mark.parametrize("form", [".pdf", ".tex"])
def test_letters_that_would_be_lost_are_refused(form: str) -> None:
    page = Page(100, 20, (Lettering(0, 10, "中"),))
    with pytest.raises(ArchError, match="letter `中`") as caught:
        page_bytes(page, "a" + form)
    assert caught.value.diagnostics[0].name == "usage"
    assert "中" in page_bytes(page, "a.svg").decode()


def test_what_png_cannot_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArchError, match="too large for PNG"):
        page_bytes(Page(1e4, 1e4, ()), "a.png")
    with pytest.raises(ArchError, match="too large for TikZ"):
        page_bytes(Page(9, 9, (Raster(0, 0, 1, 1, 200, 200, bytes(40_000)),)), "a.tex")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ArchError, match="Pillow"):
        page_bytes(PAGE, "a.png")


def test_another_ending_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ArchError) as caught:
        page_bytes(PAGE, "a.gif")
    assert ", ".join(PLOTS) in caught.value.diagnostics[0].help[-1]


def test_widths_are_those_of_the_font() -> None:
    # Published metrics of Helvetica (Adobe, Core14): a few letters of each width.
    assert {c: WIDTH[c] for c in "iItrJzEAwmW@"} == {
        "i": 222, "I": 278, "t": 278, "r": 333, "J": 500, "z": 500, "E": 667, "A": 667, "w": 722, "m": 833, "W": 944,
        "@": 1015,
    }
    assert width_of("ll", 10) == pytest.approx(4.44)


def test_pages_side_by_side_do_not_touch() -> None:
    one: tuple[Shape, ...] = (Rectangle(0, 0, 30, 20, RED),)
    grid = abreast([Page(30, 20, one), Page(10, 40, one), Page(20, 5, one)], 2, 5)
    assert [(s.x, s.y) for s in grid.shapes if isinstance(s, Rectangle)] == [(0, 0), (35, 0), (0, 45)]
    assert (grid.width, grid.height) == (45, 50)
    assert stacked([], 5).height == 0
