"""Every engine and format, hostile texts, and machines where nothing is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import pygraphviz
import pytest

import archlang.views.files as engine_room
from archlang.diagnostics import ArchError
from archlang.elaborate import loads
from archlang.views import draw, engines, format_of, render
from archlang.views.compose import compose
from archlang.views.dot import to_dot
from archlang.views.html import to_html
from archlang.views.layered import layout
from archlang.views.layers import Rect
from archlang.views.mermaid import to_mermaid
from archlang.views.picture import Arrow, Box, Cluster, Picture
from archlang.views.svg import to_svg
from tests.views.networks import base_cnn_cc, resnet50
from tests.views.test_pictures import SMALL

HOSTILE = [
    'say "hi"', "ends in \\", "\\N \\G", "<b>bold</b>", "a:b", "two\nlines", "&amp; &lt;", "]]>", "esc\x1b[31m",
    "`x` #35;", "--> x; end", "%%{init}%%", "{record|field}", "Ünïcode → ×", "\u202eright to left",
    "</svg><script>alert(1)</script>",
]  # fmt: skip


def hostile(text: str) -> Picture:
    boxes = (Box("n0", (text, text), "plain", "linear", text, "c0"), Box("n1", (text,), "end", "end", text, None))
    return Picture(text, boxes, (Arrow("n0", "n1", text, "flow"),), (Cluster("c0", text, None),))


def texts(svg: str) -> list[str]:
    return ["".join(e.itertext()) for e in ET.fromstring(svg).iter() if e.tag.endswith("}text")]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_dot(text: str) -> None:
    graph = pygraphviz.AGraph(string=to_dot(hostile(text)))
    assert sorted(graph.nodes()) == ["n0", "n1"] and list(graph.edges()) == [("n0", "n1")]
    shown = "".join(texts(graph.draw(format="svg", prog="dot").decode()))
    plain = "".join(c for c in text if c.isprintable())
    assert "".join(shown.split()).count("".join(plain.split())) == 6


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_svg(text: str) -> None:
    svg = to_svg(hostile(text))
    shown = "".join(c if c.isprintable() else " " for c in text)
    assert texts(svg).count(shown) == 6
    assert {e.tag.split("}")[1] for e in ET.fromstring(svg).iter()} <= {
        "svg", "title", "defs", "marker", "path", "rect", "text", "g", "ellipse",
    }  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_mermaid(text: str) -> None:
    made = to_mermaid(hostile(text))
    lines = made.splitlines()
    assert len(lines) == len(to_mermaid(hostile("x")).splitlines())
    for line in lines:
        assert line.count('"') in (0, 2)
        inner = line.split('"')[1] if '"' in line else ""
        assert not set(inner.replace("<br/>", "")) & set('<>"`\\|{}&%\x1b')


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.titles: list[str] = []

    def handle_data(self, data: str) -> None:
        if self.lasttag == "title":
            self.titles.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        assert not any(key in ("src", "href") or key.startswith("on") for key, _ in attrs)


def test_the_page_holds_everything_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_room, "engines", lambda: ("builtin",))
    page = str(render(base_cnn_cc(), "html"))
    tags = Tags()
    tags.feed(page)
    assert tags.found.count("script") == tags.found.count("svg") == 1
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_in_html(text: str) -> None:
    plain, tags = Tags(), Tags()
    plain.feed(to_html(to_svg(hostile("x")), "x"))
    tags.feed(to_html(to_svg(hostile(text)), text))
    assert tags.found == plain.found
    assert tags.titles[0] == text


@pytest.mark.parametrize("depth", [None, 0, 1, 9])
@pytest.mark.parametrize("make", [base_cnn_cc, resnet50, lambda: loads(SMALL).graph])
def test_the_built_in_drawing_shows_every_label(make: object, depth: int | None) -> None:
    graph = make()  # type: ignore[operator]
    picture = compose(graph, depth)
    svg = to_svg(picture)
    shown = texts(svg)
    for text in [line for box in picture.boxes for line in box.lines] + [c.label for c in picture.clusters]:
        assert text in shown
    assert svg.count("<path d=") == 2 * len(picture.arrows)  # each has its head
    assert svg == to_svg(compose(graph, depth))


def apart(a: Rect, b: Rect) -> bool:
    return a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y or b.y + b.h <= a.y


@pytest.mark.parametrize("make", [lambda: base_cnn_cc(4), resnet50, lambda: loads(SMALL).graph])
def test_nothing_in_the_built_in_drawing_overlaps(make: object) -> None:
    picture = compose(make(), 9)  # type: ignore[operator]
    done = layout(picture)
    for a, b in combinations(picture.boxes, 2):
        assert apart(done.boxes[a.id], done.boxes[b.id])
    for cluster in picture.clusters:
        frame = done.frames[cluster.id]
        inside, frames = picture.inside(cluster.id)
        for r in [*(done.boxes[b.id] for b in inside), *(done.frames[c.id] for c in frames)]:
            assert frame.x <= r.x and r.x + r.w <= frame.x + frame.w
            assert frame.y <= r.y and r.y + r.h <= frame.y + frame.h
    for number, arrow in enumerate(picture.arrows):
        assert done.routes[number][0][1] == pytest.approx(done.boxes[arrow.tail].y + done.boxes[arrow.tail].h)
        assert done.routes[number][-1][1] == pytest.approx(done.boxes[arrow.head].y)


def test_frames_that_read_each_other_are_still_drawn() -> None:
    """`a` reads `b` and `b` reads `a`, through different boxes: no order of frames follows all arrows."""
    boxes = tuple(Box(f"n{i}", (f"n{i}",), "plain", "linear", "", f"c{i % 2}") for i in range(4))
    chain = tuple(Arrow(f"n{i}", f"n{i + 1}", "", "flow") for i in range(3))
    svg = to_svg(Picture("p", boxes, chain, (Cluster("c0", "a", None), Cluster("c1", "b", None))))
    assert svg.count("<path d=") == 2 * 3


@pytest.mark.parametrize("engine", ["dot", "pygraphviz"])
@pytest.mark.parametrize(("form", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_graphviz_engines_draw(engine: str, form: str, begins: bytes) -> None:
    if engine == "dot" and shutil.which("dot") is None:
        with pytest.raises(ArchError, match="Graphviz"):
            render(base_cnn_cc(), form, engine=engine)
        return
    made = render(base_cnn_cc(), form, engine=engine)
    assert (made.encode() if isinstance(made, str) else made).startswith(begins)


def test_without_graphviz_svg_and_html_still_come_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(engine_room.importlib.util, "find_spec", lambda name: None)
    assert engines() == ("builtin",)
    assert "conv 3, 32" in str(render(base_cnn_cc(), "x.svg"))
    assert "conv 3, 32" in str(render(base_cnn_cc(), "x.html"))
    for form, begins in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        assert bytes(render(base_cnn_cc(), form)).startswith(begins)
    with pytest.raises(ArchError) as caught:
        render(base_cnn_cc(), "png", engine="dot")
    (found,) = caught.value.diagnostics
    assert (found.name, caught.value.status) == ("missing-tool", 4)
    assert any("pygraphviz" in line for line in found.help)


def test_a_broken_engine_gives_way_to_the_next(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bytes(render(base_cnn_cc(), "png")).startswith(b"\x89PNG")


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ArchError) as caught:
        format_of("net.pgn")
    known = "the formats are .svg, .png, .pdf, .tex, .dot, .mmd, .html"
    assert caught.value.diagnostics[0].help == ("did you mean `png`?", known)


def test_a_drawing_shows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_room, "engines", lambda: ("builtin",))
    drawing = draw(base_cnn_cc(), depth=1)
    assert drawing._repr_svg_().startswith("<?xml")
    assert set(drawing._repr_mimebundle_(include=None, exclude=None)) == {"image/svg+xml", "text/plain"}
    assert repr(drawing) == "<drawing of BaseCNN_CC, 64 nodes>"
    assert drawing.dot.startswith("digraph") and "flowchart TB" in drawing.mermaid


def test_a_drawing_saves_itself_whole_or_not_at_all(tmp_path: Path) -> None:
    draw(base_cnn_cc()).save(tmp_path / "net.mmd")
    assert (tmp_path / "net.mmd").read_text().startswith("---")
    assert [p.name for p in tmp_path.iterdir()] == ["net.mmd"]
    with pytest.raises(ArchError, match="cannot be written"):
        draw(base_cnn_cc()).save(tmp_path / "missing" / "net.dot")


def test_pictures_and_counts_need_no_torch() -> None:
    code = "import sys, archlang.views, archlang.analysis; sys.exit(bool({'torch', 'pygraphviz'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
