"""The way of an input through a network: its diagram with arrows as wide as gates are open, and boxes as red as active.

After Tissera 2023, figure 3.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from archlang.graph.ir import Graph, Node
from archlang.views.compose import compose
from archlang.views.picture import Arrow, Picture

FEW = 9
"""Up to so many gates of a router have their numbers beside them."""


@dataclass(frozen=True)
class Strengths:
    """A router's gates [inputs][outputs], and the shares of its inputs and outputs in their layer.

    With `weighs_results` the inputs are the results of experts, which the gates weigh but do not read.
    """

    gates: Sequence[Sequence[float]]
    inputs: Sequence[float]
    outputs: Sequence[float]
    weighs_results: bool = False


def route_picture(graph: Graph, routers: Mapping[str, Strengths], title: str = "") -> Picture:
    """The picture of a graph, all scopes open; `routers` has the strengths by the id of every weighted sum."""
    deepest = max(len(node.path) for node in graph) + 1
    picture = compose(graph, deepest)
    gates = {graph.node(id).inputs[0].node: (graph.node(id), held) for id, held in routers.items()}
    arrows = tuple(_arrow(graph, arrow, routers) for arrow in picture.arrows)
    shades = _entering(graph, picture, gates) | _leaving(graph, routers)
    boxes = tuple(replace(box, shade=shades[box.id]) if box.id in shades and box.look != "end" else box
                  for box in picture.boxes)
    return Picture(f"{picture.name}: {title}" if title else picture.name, boxes, arrows, picture.clusters)


def _arrow(graph: Graph, arrow: Arrow, routers: Mapping[str, Strengths]) -> Arrow:
    id, _, index = arrow.head.rpartition("_")
    if arrow.line != "fan" or id not in routers:
        return arrow
    node, held = graph.node(id), routers[id]
    column = _column(node, int(index))
    gate = sum(held.gates[i][column] for i, port in enumerate(node.inputs[1:]) if port in arrow.ports)
    few = len(held.inputs) * len(held.outputs) <= FEW
    return replace(arrow, strength=gate, label=f"{gate:.2f}" if few else "")


def _column(node: Node, index: int) -> int:
    column = node.args.get("column")
    return index if column is None else int(column)


def _leaving(graph: Graph, routers: Mapping[str, Strengths]) -> dict[str, float]:
    return {
        f"{id}_{index}": held.outputs[_column(graph.node(id), index)]
        for id, held in routers.items() for index in range(len(graph.node(id).outputs))
    }


def _entering(graph: Graph, picture: Picture, gates: Mapping[str, tuple[Node, Strengths]]) -> dict[str, float]:
    """The boxes whose tensors the gates read, or weigh; one that is a router's output already keeps that colour."""
    shades: dict[str, float] = {}
    sums = {f"{node.id}_0": (node, held) for node, held in gates.values() if held.weighs_results}
    for arrow in picture.arrows:
        if arrow.line == "gate" and arrow.head in gates:
            ports = graph.node(arrow.head).inputs
            held = gates[arrow.head][1]
            shades[arrow.tail] = sum(held.inputs[ports.index(p)] for p in arrow.ports if p in ports)
        elif arrow.line == "fan" and arrow.head in sums:
            node, held = sums[arrow.head]
            results = zip(node.inputs[1:], held.inputs, strict=True)
            shades[arrow.tail] = sum(share for port, share in results if port in arrow.ports)
    return shades
