"""The way of an input through a network: its diagram with arrows as wide as gates are open, and boxes as red as active.

After Tissera 2023, figure 3.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from archlang.graph.ir import Graph, Node
from archlang.views.compose import compose
from archlang.views.picture import Arrow, Box, Picture

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
    """Compose the picture of a graph, all scopes open; `routers` has the strengths by the id of each weighted sum."""
    deepest = max(len(node.path) for node in graph) + 1
    # One level more than the deepest path: nothing is closed.
    picture = compose(graph, deepest)

    gates = {graph.node(id).inputs[0].node: (graph.node(id), held) for id, held in routers.items()}
    arrows = tuple(_arrow(graph, arrow, routers) for arrow in picture.arrows)
    # An output of a router that another router reads keeps its colour as an output.
    shades = _entering(graph, picture, gates) | _leaving(graph, routers)
    boxes = tuple(_shaded(box, shades) for box in picture.boxes)

    name = picture.name
    if title:
        name = f"{name}: {title}"
    return Picture(name, boxes, arrows, picture.clusters)


def _shaded(box: Box, shades: Mapping[str, float]) -> Box:
    if box.id not in shades or box.look == "end":
        return box
    return replace(box, shade=shades[box.id])


def _arrow(graph: Graph, arrow: Arrow, routers: Mapping[str, Strengths]) -> Arrow:
    # The circle of an output is called by its sum and its number.
    id, _, index = arrow.head.rpartition("_")
    if arrow.line != "fan" or id not in routers:
        return arrow

    node, held = graph.node(id), routers[id]
    column = _column(node, int(index))
    # One arrow may carry several of the router's inputs, from one closed box.
    gate = sum(held.gates[i][column] for i, port in enumerate(node.inputs[1:]) if port in arrow.ports)

    label = ""
    if len(held.inputs) * len(held.outputs) <= FEW:
        label = f"{gate:.2f}"
    return replace(arrow, strength=gate, label=label)


def _column(node: Node, index: int) -> int:
    """The output of the router that a sum's circle stands for: a sum of one output alone names it."""
    column = node.args.get("column")
    if column is None:
        return index
    return int(column)


def _leaving(graph: Graph, routers: Mapping[str, Strengths]) -> dict[str, float]:
    return {
        f"{id}_{index}": held.outputs[_column(graph.node(id), index)]
        for id, held in routers.items() for index in range(len(graph.node(id).outputs))
    }


def _entering(graph: Graph, picture: Picture, gates: Mapping[str, tuple[Node, Strengths]]) -> dict[str, float]:
    """The shares of the boxes whose tensors the gates read, or weigh."""
    shares: dict[str, float] = {}
    sums = {f"{node.id}_0": (node, held) for node, held in gates.values() if held.weighs_results}
    for arrow in picture.arrows:
        if arrow.line == "gate" and arrow.head in gates:
            ports = graph.node(arrow.head).inputs
            held = gates[arrow.head][1]
            shares[arrow.tail] = sum(held.inputs[ports.index(p)] for p in arrow.ports if p in ports)
        elif arrow.line == "fan" and arrow.head in sums:
            node, held = sums[arrow.head]
            results = zip(node.inputs[1:], held.inputs, strict=True)
            shares[arrow.tail] = sum(share for port, share in results if port in arrow.ports)
    return shares
