"""The view in a notebook: one page in a frame of its own, with the drawings of all depths in it; no server, no network.

The frame is closed off (`sandbox`): the page cannot reach the notebook, and the notebook's looks do not change it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from typing import Any

from archlang.editor import words
from archlang.editor.hover import bytes_shown, count_shown
from archlang.editor.text import OpenText
from archlang.elaborate.network import Network
from archlang.graph.ir import Graph
from archlang.graph.outline import by_use
from archlang.page.boxes import BoxFacts
from archlang.page.looking import Asked, Viewer
from archlang.source import Source
from archlang.views.compose import compose
from archlang.views.files import draw
from archlang.views.picture import Picture

MOST = 2 << 20
"""Letters of all drawings of one view; what is deeper is left out."""

LEVELS = 8
"""Drawings of one view."""

TALLEST, SHORTEST, LINE = 640, 160, 19
"""Heights of the frame and of a line of text, in pixels."""

SCRIPTS = ("elements.js", "words.js", "editor.js", "problems.js", "drawing.js", "notebook.js")
"""The parts of the page that the view is made of, each behind those that it uses."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<style>{style}</style></head>
<body><div id="bar"></div><div id="both"><div id="text"></div><div id="canvas"></div></div>
<section id="problems" aria-label="Mistakes" hidden><h2></h2><ul></ul></section>
<script type="application/json" id="data">{data}</script>
<script type="module">{script}</script></body></html>
"""


@dataclass(frozen=True)
class NotebookView:
    """A view that a notebook shows where it is evaluated.

    page    the whole page
    height  of the frame, in pixels
    said    the same in one line, where no page can be shown
    """

    page: str = field(repr=False)
    height: int
    said: str

    def __repr__(self) -> str:
        return self.said

    def _repr_html_(self) -> str:
        """The page in a frame."""
        style = "width: 100%; border: 0; display: block"
        return (
            f'<iframe sandbox="allow-scripts" title="{escape(self.said)}" height="{self.height}" style="{style}"'
            f' srcdoc="{escape(self.page)}"></iframe>'
        )


def view(network: Network, *, text: bool = True) -> NotebookView:
    """Make the view of a network for a notebook: its text, and a drawing whose blocks fold and unfold.

    Hovering over a box shows types, parameters, FLOPs and its lines of the text. `text=False` shows the drawing alone.

    >>> from archlang.elaborate import loads
    >>> view(loads("archlang 1\\nnetwork N { input x: [3, 8, 8]\\n output x -> conv(3x3, 4) }"))
    <view of N, 2 nodes>
    """
    source = network.project.main.source
    shown = None
    if text:
        shown = source.text
    return _page(network.graph, source, shown, {"marks": [], "hints": []})


def view_of_mistakes(asked: Asked, viewer: Viewer) -> NotebookView:
    """Make the view of a text that is wrong: each mistake in its place, and below with its mends."""
    found = viewer.look(asked)
    source = Source(asked.place.name, asked.text)
    # A cell is changed by its notebook alone: mends are told, and have no buttons.
    marks = [{**mark, "fixes": []} for mark in found["marks"]]
    return _page(None, source, asked.text, {"marks": marks, "hints": found["hints"]})


def _page(graph: Graph | None, source: Source, text: str | None, found: Mapping[str, Any]) -> NotebookView:
    levels: list[dict[str, Any]] = []
    level, totals, said = 0, "", "<view of a text with mistakes>"
    if graph is not None:
        levels, level = drawings(graph, source)
        totals = (f"{graph.name}: {count_shown(graph.parameters)} parameters, {count_shown(graph.flops)} FLOPs, "
                  f"{bytes_shown(graph.activation_bytes)} of results")
        said = f"<view of {graph.name}, {len(graph)} nodes>"

    data = {
        "text": text, "levels": levels, "level": level, "totals": totals, **found,
        "words": {
            "keyword": [*words.DECLARING, *words.FLOW, *words.OPERATORS], "constant": list(words.CONSTANTS),
            "stage": list(words.STAGES), "structure": [*words.STRUCTURES, *words.FUNCTIONS],
            "setting": list(words.SETTINGS),
        },
    }
    # Inside a script, `</script>` in a text would end it.
    written = json.dumps(data).replace("<", "\\u003c")
    page = PAGE.format(title=escape(said), style=_style(), data=written, script=_script())
    return NotebookView(page, _height(text, levels, level, found["marks"]), said)


def drawings(graph: Graph, source: Source) -> tuple[list[dict[str, Any]], int]:
    """The drawings of a network from all folded to all unfolded, each once, and the number of the readable one."""
    facts = BoxFacts(graph, source, OpenText(source.text))
    readable = compose(graph)
    levels: list[dict[str, Any]] = []
    pictures: list[Picture] = []
    letters = 0
    for depth in range(max(len(by_use(node)) for node in graph) + 1):
        picture = compose(graph, depth)
        if pictures and picture == pictures[-1]:
            continue
        # The readable one always comes along.
        is_past = len(pictures) >= LEVELS or letters > MOST
        if is_past and readable in pictures:
            break
        svg = str(draw(picture, "svg"))
        letters += len(svg)
        pictures.append(picture)
        levels.append({"svg": svg, "boxes": facts.boxes(picture), "frames": facts.frames(picture)})
    return levels, pictures.index(readable)


def _height(text: str | None, levels: Sequence[Mapping[str, Any]], level: int, marks: Sequence[object]) -> int:
    """The height of the frame: enough for the drawing or the text, within bounds."""
    tall = 60
    if text is not None:
        tall += LINE * (text.count("\n") + 2)
    if levels:
        # Graphviz says its unit, our own drawings have none.
        size = re.search(r'<svg[^>]* height="([\d.]+)(?:pt)?"', levels[level]["svg"])
        assert size is not None
        tall = max(tall, 90 + int(1.25 * float(size[1])))
    return max(SHORTEST, min(TALLEST, tall + 70 * len(marks)))


def _asset(name: str) -> str:
    return resources.files("archlang.page").joinpath("assets", name).read_text(encoding="utf-8")


def _script() -> str:
    """All scripts as one: without imports, as each stands behind those that it uses."""
    lines = [line for name in SCRIPTS for line in _asset(name).splitlines() if not line.startswith("import ")]
    return "\n".join(line.removeprefix("export ") for line in lines)


def _style() -> str:
    return _asset("common.css") + _asset("notebook.css")
