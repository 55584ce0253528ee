"""Two networks side by side on one page, with what changed between them above."""

from __future__ import annotations

from html import escape

from archlang.graph.ir import Graph
from archlang.graph.outline import HasGraph, graph_of
from archlang.views.files import render

STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5em; color: #222 }
pre { background: #f6f6f4; padding: 1em; overflow: auto }
main { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5em }
section { overflow: auto; border-top: 2px solid #ccc }
"""


def side_by_side(before: HasGraph | Graph, after: HasGraph | Graph, changes: str, names: tuple[str, str]) -> str:
    """The page, in HTML that needs nothing else.

    Args:
        before, after: the networks.
        changes: what changed, as text.
        names: what the two are called, such as their files.
    """
    sides = []
    for network, name in zip((before, after), names, strict=True):
        title = f"{escape(graph_of(network).name)} ({escape(name)})"
        picture = str(render(network, "svg"))
        sides.append(f"<section><h2>{title}</h2>{picture}</section>")

    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(' and '.join(names))}</title>"
    return f"{head}<style>{STYLE}</style><pre>{escape(changes)}</pre><main>{''.join(sides)}</main></html>\n"
