"""A picture that shows itself where it is evaluated, and saves itself where it is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from archlang.atomic import write_whole
from archlang.graph.ir import Graph
from archlang.graph.outline import HasGraph, graph_of
from archlang.views.files import render


@dataclass(frozen=True)
class Drawing:
    """The picture of a network, drawn when somebody looks."""

    network: HasGraph | Graph
    depth: int | None = None

    @property
    def svg(self) -> str:
        """The picture as SVG."""
        return str(render(self.network, "svg", self.depth))

    @property
    def dot(self) -> str:
        """The picture in Graphviz's language."""
        return str(render(self.network, "dot", self.depth))

    @property
    def mermaid(self) -> str:
        """The picture as a Mermaid flowchart."""
        return str(render(self.network, "mmd", self.depth))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture, whole or not at all, in the format of the path's ending (.svg .png .pdf .dot .mmd .html).

        Raises `ArchError`: `missing-tool`, `usage`, `unwritable-output`.
        """
        drawing = render(self.network, os.fspath(path), self.depth)
        if isinstance(drawing, str):
            drawing = drawing.encode()
        write_whole(path, drawing)

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_mimebundle_(self, **_: object) -> Mapping[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": repr(self)}

    def __repr__(self) -> str:
        graph = graph_of(self.network)
        return f"<drawing of {graph.name}, {len(graph)} nodes>"


def draw(network: HasGraph | Graph, depth: int | None = None) -> Drawing:
    """Draw a network: a notebook shows the result, `.save("net.png")` writes it, `.svg` or `.dot` is its text.

    `depth` opens so many levels of scopes; without it the picture is opened as deep as it stays readable.
    """
    return Drawing(network, depth)
