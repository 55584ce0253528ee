"""All that a page says of the boxes and frames of a drawing: types, counts, operations, the place in the text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from archlang.editor.hover import bytes_shown, count_shown
from archlang.editor.text import OpenText, TextPlace
from archlang.graph.ir import Graph, Node, Port
from archlang.graph.outline import Cost, arguments, by_use, costs
from archlang.source import Source, Span
from archlang.views.folds import key_of
from archlang.views.picture import Box, Cluster, Picture

MOST = 12
"""Operations and types that are listed of one box."""


class BoxFacts:
    """Facts about the parts of a picture.

    Args:
        graph: the network.
        source: the text that the page shows; places in other files are none.
        text: the same with its places.
    """

    def __init__(self, graph: Graph, source: Source, text: OpenText) -> None:
        self.graph, self.source, self.text = graph, source, text
        self.cost = costs(graph)

    def boxes(self, picture: Picture) -> dict[str, dict[str, Any]]:
        """Facts about each box, by its id."""
        found = {}
        for box in picture.boxes:
            nodes = [self.graph.node(node) for node in box.nodes]
            if nodes:
                # Of a closed scope the counts, its second line, are told anyway.
                title = " ".join(box.lines)
                if box.scopes:
                    title = box.lines[0]
                found[box.id] = {**self._facts(nodes, box.scopes), "title": title, "kind": box.look}
            else:
                found[box.id] = self._output(box)
        return found

    def frames(self, picture: Picture) -> dict[str, dict[str, Any]]:
        """Facts about each frame, by its id."""
        found = {}
        for cluster in picture.clusters:
            ids = _inside(picture, cluster)
            nodes = [self.graph.node(node) for node in ids]
            facts = self._facts(nodes, cluster.scopes)
            # A frame's boxes say which operations they show.
            found[cluster.id] = {**facts, "title": cluster.label, "kind": "frame", "names": [], "operations": []}
        return found

    def _facts(self, nodes: Sequence[Node], scopes: Sequence[str]) -> dict[str, Any]:
        """Facts about some nodes together."""
        inside = {node.id for node in nodes}
        entering = dict.fromkeys(port for node in nodes for port in node.inputs if port.node not in inside)
        leaving = [port for node in nodes for port in self._ports(node) if self._is_read_outside(port, inside)]
        total = sum((self.cost[node.id] for node in nodes), Cost())
        return {
            "names": [node.name for node in nodes],
            "operations": [f"{node.op.name}({arguments(node)})" for node in nodes[:MOST]],
            "count": len(nodes),
            "entering": self._types(entering),
            "leaving": self._types(leaving),
            "parameters": count_shown(total.parameters),
            "flops": count_shown(total.flops),
            "results": bytes_shown(total.activation_bytes),
            "scopes": list(scopes),
            "place": self._place(nodes, scopes),
        }

    def _output(self, box: Box) -> dict[str, Any]:
        """Facts about an output of the network, whose box is called `out3`."""
        output = self.graph.outputs[int(box.id.removeprefix("out"))]
        return {
            "title": " ".join(box.lines), "kind": "end", "names": [output.label], "operations": [], "count": 0,
            "entering": self._types([output.port]), "leaving": [], "parameters": "0", "flops": "0", "results": "0 B",
            "scopes": [], "place": self._within(output.span),
        }

    def _ports(self, node: Node) -> list[Port]:
        return [Port(node.id, index) for index in range(len(node.outputs))]

    def _is_read_outside(self, port: Port, inside: set[str]) -> bool:
        readers = self.graph.readers[port.node]
        return self.graph.is_output(port) or any(i == port.index and to not in inside for to, _, i in readers)

    def _types(self, ports: Iterable[Port]) -> list[str]:
        """The types of ports, equal ones in a row together."""
        texts: list[str] = []
        for port in ports:
            text = str(self.graph.type(port))
            rows = self.graph.node(port.node).rows
            if rows != 1:
                text = f"{rows} × {text}"
            texts.append(text)

        counted: dict[str, int] = {}
        for text in texts:
            counted[text] = counted.get(text, 0) + 1
        shown = []
        for text, times in list(counted.items())[:MOST]:
            if times > 1:
                text = f"{times} * {text}"
            shown.append(text)
        return shown

    # --- places ------------------------------------------------------------------------------------------------------

    def _place(self, nodes: Sequence[Node], scopes: Sequence[str]) -> dict[str, Any] | None:
        """The place of nodes in the text: their own, else that of the use of the block that they come from."""
        for node in nodes:
            # Of a block it is the use that is meant, not its first operation.
            spans = [frame.span for frame in node.frames]
            if not scopes:
                spans = [*spans, node.span]
            elif spans:
                spans = self._around(node, scopes[0]) or spans[:1]
            for span in [*reversed(spans), node.span]:
                found = self._within(span)
                if found is not None:
                    return found
        return None

    def _around(self, node: Node, scope: str) -> list[Span]:
        """The uses of blocks that lie around a scope or make it, from the outermost on."""
        steps = by_use(node)
        parts = next((n for n in range(len(steps)) if key_of(steps[:n]) == scope), len(steps))
        # A level takes up several parts of the path where indices stand behind it.
        length = sum(step.split(" ")[0].count(".") + 1 for step in steps[:parts])
        return [frame.span for frame in node.frames if frame.depth <= length]

    def _within(self, span: Span) -> dict[str, Any] | None:
        """A span as the page has it; None for one in another text."""
        if span.source is not self.source:
            return None
        return stretch(self.text, span.start, span.end)


def stretch(text: OpenText, start: int, end: int) -> dict[str, Any]:
    """Two places of a text as a page has them: lines from 0, and UTF-16 units in the line."""
    return {"start": _pair(text.place(start)), "end": _pair(text.place(end))}


def _pair(place: TextPlace) -> list[int]:
    return [place.line, place.unit]


def _inside(picture: Picture, cluster: Cluster) -> list[str]:
    """The nodes of all boxes in a frame, at any depth."""
    boxes, inner = picture.inside(cluster.id)
    found = [node for box in boxes for node in box.nodes]
    for one in inner:
        found += _inside(picture, one)
    return list(dict.fromkeys(found))
