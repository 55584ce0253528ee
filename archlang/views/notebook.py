"""A picture that shows itself where it is evaluated, and saves itself where it is told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from archlang.diagnostics import ArchError, error
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
        """Writes the picture, whole or not at all, in the format of the path's ending (.svg .png .pdf .dot .mmd .html).

        Raises `ArchError`: `missing-tool`, `usage`, `unwritable-output`.
        """
        made = render(self.network, os.fspath(path), self.depth)
        goal = Path(path)
        try:
            with NamedTemporaryFile(dir=goal.parent, prefix=f".{goal.name[:40]}.", delete=False) as file:
                file.write(made.encode() if isinstance(made, str) else made)
            Path(file.name).chmod(0o666 & ~_umask())
            Path(file.name).replace(goal)
        except OSError as problem:
            with suppress(OSError, UnboundLocalError):
                Path(file.name).unlink()
            message = f"the picture cannot be written: {problem.strerror}"
            raise ArchError(error("unwritable-output", message)) from problem

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_mimebundle_(self, **_: object) -> Mapping[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": repr(self)}

    def __repr__(self) -> str:
        graph = graph_of(self.network)
        return f"<drawing of {graph.name}, {len(graph)} nodes>"


def _umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found


def draw(network: HasGraph | Graph, depth: int | None = None) -> Drawing:
    """The picture of a network: a notebook shows it, `.save("net.png")` writes it, `.svg` or `.dot` is its text.

    `depth` opens so many levels of scopes; without it the picture is opened as deep as it stays readable.
    """
    return Drawing(network, depth)
