"""Titles of frames above the arrows that run into them, in what Graphviz has drawn: it draws arrows last."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CLUSTER = re.compile(r'<g id="[^"]*" class="cluster">.*?</g>', re.DOTALL)
_TITLE = re.compile(r'<text text-anchor="middle" x="[-.\d]+" y="[-.\d]+"[^>]*>[^<]*</text>')

END = "</g>\n</svg>"
"""The end of what Graphviz draws: that of the graph, in whose coordinates titles stand, and that of the picture."""


def titles_above(drawing: str) -> str:
    """Write the title of each frame once more, on a ground of its own, above all arrows.

    The first stays where it was, in its frame's group: pages find it there, and get the clicks.
    """
    body, end, rest = drawing.rpartition(END)
    # Another version of Graphviz may end otherwise; the drawing is whole without this too.
    if not end:
        return drawing
    above = "\n".join(_titles(body))
    if not above:
        return drawing
    return f'{body}<g class="titles" pointer-events="none" aria-hidden="true">\n{above}\n</g>\n{end}{rest}'


def _titles(body: str) -> Iterator[str]:
    for cluster in _CLUSTER.findall(body):
        title = _TITLE.search(cluster)
        if title is None:
            continue
        # A white line around the letters, below them, is a ground of just their width in every font. It is a text of
        # its own: some readers of SVG draw lines of letters last, whatever `paint-order` says.
        yield title[0].replace("<text ", '<text stroke="#ffffff" stroke-width="3" stroke-linejoin="round" ', 1)
        yield title[0]
