"""Pictures as files: which format, which engine, and the way on where an engine is missing.

`dot` on the path comes first, then pygraphviz, then the built-in layout. This alone writes LaTeX and keeps members
that stand side by side in the order of the file, so it draws these wherever no engine is asked for.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePath

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.graph.ir import Graph
from archlang.graph.outline import HasGraph, graph_of
from archlang.views.canvas.files import page_bytes
from archlang.views.compose import compose
from archlang.views.dot import to_dot
from archlang.views.html import to_html
from archlang.views.mermaid import to_mermaid
from archlang.views.picture import Picture
from archlang.views.svg import to_page, to_svg
from archlang.views.titled import titles_above
from archlang.views.turns import stand_beside

FORMATS = ("svg", "png", "pdf", "tex", "dot", "mmd", "html")
ENGINES = ("dot", "pygraphviz", "builtin")
SECONDS = 60
"""How long `dot` may take; then the next engine tries."""
LARGE = 500
"""Arrows beyond which Graphviz, which takes minutes for thousands, is asked only by name.

pygraphviz is not asked at all then: it runs inside our process, where nothing could stop it.
"""

# Graphviz inside our process keeps global state, and several `dot` at once would only slow each other down.
_one_at_a_time = threading.Lock()


def render(
    network: HasGraph | Graph, target: str = "svg", depth: int | None = None, engine: str | None = None, *,
    sideways: bool = False, paper: bool = False, once: bool = False, classes: Sequence[str] | None = None,
) -> str | bytes:
    """Draw a network: returns text for svg, tex, dot, mmd and html, bytes for png and pdf.

    `target` is a format or a path that ends in one. `depth` opens so many levels of scopes; without it the picture is
    opened as deep as it stays readable. `engine` asks for one of `ENGINES`; without it the first that is there draws.
    `sideways` it reads from left to right, for `paper` it has black lines and greys, with `once` equal scopes in a row
    are drawn once, with their number. `classes` are the names of classes beside codes, where they are known from
    elsewhere than the file; those of a model are its own. Raises `ArchError`: `missing-tool`, `usage` for another
    format.
    """
    picture = compose(graph_of(network), depth, once=once)
    # A model was trained on classes that have these names; the file may name none.
    trained_on = classes or getattr(getattr(network, "archlang", None), "labels", None)
    if trained_on:
        picture = replace(picture, codes=tuple(replace(code, classes=tuple(trained_on)) for code in picture.codes))
    return draw(replace(picture, sideways=sideways, paper=paper), target, engine)


def draw(picture: Picture, target: str = "svg", engine: str | None = None) -> str | bytes:
    """Draw a picture in a format, as `render` does."""
    kind = format_of(target)
    if kind == "dot":
        return to_dot(picture)
    if kind == "mmd":
        return to_mermaid(picture)
    if kind == "html":
        return to_html(_drawn(picture, "svg", engine).decode(), picture.name)

    drawing = _drawn(picture, kind, engine)
    if kind in ("svg", "tex"):
        return drawing.decode()
    return drawing


def format_of(target: str) -> str:
    """Return the format that a path or a bare format name asks for.

    >>> format_of("out/net.SVG"), format_of("png")
    ('svg', 'png')
    """
    kind = (PurePath(target).suffix or target).lstrip(".").lower()
    if kind in FORMATS:
        return kind

    message = f"there is no picture format `{kind[:20]}`"
    known = f"the formats are {', '.join('.' + name for name in FORMATS)}"
    raise ArchError(error("usage", message, help=[*did_you_mean(kind, FORMATS), known]))


def engines() -> tuple[str, ...]:
    """List the engines that are there, the preferred one first."""
    present = []
    if shutil.which("dot"):
        present.append("dot")
    if importlib.util.find_spec("pygraphviz"):
        present.append("pygraphviz")
    return (*present, "builtin")


def _drawn(picture: Picture, kind: str, engine: str | None) -> bytes:
    # An engine that was asked for is the only one: its absence is an error, not a reason for another.
    wanted = (engine,) if engine else engines()
    # Graphviz knows no LaTeX, takes minutes over pictures that we lay out in a second, and orders members (branches,
    # experts, layers that another attends to) by the crossings of arrows, whatever order it is told.
    ours = len(picture.arrows) > LARGE or picture.sideways or bool(picture.codes) or stand_beside(picture)
    if kind == "tex" or (engine is None and ours):
        wanted = ("builtin",)

    with _one_at_a_time:
        for name in wanted:
            drawing = _DRAW[name](picture, kind)
            if drawing is not None and kind == "svg" and name != "builtin":
                drawing = titles_above(drawing.decode()).encode()
            if drawing is not None:
                return drawing

    # The built-in engine draws every form, so only a wish for another can fail here.
    raise ArchError(error(
        "missing-tool", f"drawing {kind.upper()} with `{engine}` needs Graphviz, and none that works is here",
        help=["`pip install pygraphviz` brings one along, or install the package graphviz of your system",
              "the built-in engine draws every form"],
    ))


def _by_dot(picture: Picture, kind: str) -> bytes | None:
    if shutil.which("dot") is None:
        return None

    command = ["dot", f"-T{kind}"]
    try:
        done = subprocess.run(command, input=to_dot(picture).encode(), capture_output=True, timeout=SECONDS, check=True)
    # Also after `SECONDS`: Graphviz may take hours over a dense graph.
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _by_pygraphviz(picture: Picture, kind: str) -> bytes | None:
    if importlib.util.find_spec("pygraphviz") is None or len(picture.arrows) > LARGE:
        return None
    # Imported where it is used: it takes as long as all of this package.
    import pygraphviz

    try:
        with _without_remarks():
            drawing = pygraphviz.AGraph(string=to_dot(picture)).draw(format=kind, prog="dot")
    except (OSError, ValueError, RuntimeError):
        return None

    # An engine that fails quietly hands out nothing.
    if not drawing:
        return None
    return bytes(drawing)


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Keep off standard error what libraries in C write there: Fontconfig remarks on fonts that a system lacks."""
    try:
        kept = os.dup(2)
    except OSError:  # standard error is closed, so nothing reaches it
        yield
        return

    silent = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silent, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silent)


def _by_ourselves(picture: Picture, kind: str) -> bytes | None:
    if kind == "svg":
        return to_svg(picture).encode()
    return page_bytes(to_page(picture), f"net.{kind}")


_DRAW: dict[str, Callable[[Picture, str], bytes | None]] = {
    "dot": _by_dot, "pygraphviz": _by_pygraphviz, "builtin": _by_ourselves,
}
