"""Two networks side by side: as one picture, or on one page with what changed between them above."""

from __future__ import annotations

from dataclasses import replace
from html import escape

from archlang.graph.ir import Graph
from archlang.graph.outline import HasGraph, graph_of
from archlang.views.compose import compose
from archlang.views.files import draw, render
from archlang.views.picture import Box, Cluster, Picture, Turn, clean

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


def drawn_side_by_side(before: HasGraph | Graph, after: HasGraph | Graph, target: str, names: tuple[str, str]
                       ) -> str | bytes:
    """Draw two networks in one picture, each in a frame: text for svg, bytes for png and pdf.

    A box whose text no box of the other side has is red. `target` is a format or a path that ends in one. Raises
    `ArchError`: `missing-tool`, `usage` for another format.
    """
    pictures = compose(graph_of(before)), compose(graph_of(after))
    return draw(_joined(pictures, names), target)


def _joined(pictures: tuple[Picture, Picture], names: tuple[str, str]) -> Picture:
    """One picture of two: names of boxes and frames get the letter of their side."""
    boxes: list[Box] = []
    arrows, clusters, codes = [], [], []
    texts = [{box.lines for box in picture.boxes} for picture in pictures]

    for side, (letter, picture) in enumerate(zip("ab", pictures, strict=True)):
        frame = f"{letter}all"
        clusters.append(Cluster(frame, clean(f"{picture.name} ({names[side]})"), None, ("sides", side)))
        for cluster in picture.clusters:
            parent = f"{letter}{cluster.parent}" if cluster.parent is not None else frame
            clusters.append(replace(cluster, id=f"{letter}{cluster.id}", parent=parent,
                                    turn=_turned(cluster.turn, letter)))

        for box in picture.boxes:
            within = f"{letter}{box.cluster}" if box.cluster is not None else frame
            shade = box.shade
            if box.lines not in texts[1 - side]:
                shade = 1.0
            boxes.append(replace(box, id=f"{letter}{box.id}", cluster=within, shade=shade,
                                 turn=_turned(box.turn, letter)))
        arrows += [replace(arrow, tail=f"{letter}{arrow.tail}", head=f"{letter}{arrow.head}")
                   for arrow in picture.arrows]
        codes += [replace(code, cluster=frame if code.cluster is None else f"{letter}{code.cluster}")
                  for code in picture.codes]

    return Picture(clean(" and ".join(names)), tuple(boxes), tuple(arrows), tuple(clusters), tuple(codes))


def _turned(turn: Turn | None, letter: str) -> Turn | None:
    """The place of a member among those of its own side."""
    if turn is None:
        return None
    return f"{letter}{turn[0]}", turn[1]
