"""Blocks of coded branches that run as one: dense maps of branches, their energies, what weighs them, and the sum.

`conv(1x1) of each branch -> energies -> weigh (-> drop) -> sum  -->  one convolution of scaled inputs`: the branches
themselves, as many times the channels of the sum as there are branches, are never made.
"""

from __future__ import annotations

from archlang.graph.ir import Graph, Node, Port

Unit = tuple[Node, ...]


def tails(graph: Graph) -> list[Unit]:
    """Each such block: its convolutions in the order of the branches, then the other nodes, the sum last."""
    return [tail for node in graph if node.op.name == "energies" and (tail := _tail(graph, node)) is not None]


def convolutions(unit: Unit) -> Unit:
    """The convolutions of a block."""
    return tuple(node for node in unit if node.op.name == "conv")


def is_tail(unit: Unit) -> bool:
    """Whether a unit is such a block."""
    return any(node.op.name == "energies" for node in unit) and len(unit) > 1


def masks(unit: Unit) -> list[Port]:
    """What the branches are weighed by beside their energies."""
    energies = next(node for node in unit if node.op.name == "energies")
    return [node.inputs[0] for node in unit if node.op.name == "weigh" and node.inputs[0].node != energies.id]


def _tail(graph: Graph, energies: Node) -> Unit | None:
    convs = tuple(graph.node(port.node) for port in energies.inputs)
    if not all(_dense(graph, conv) for conv in convs) or len({conv.path for conv in convs}) < len(convs):
        return None
    steps: list[Node] = []
    members = energies.inputs
    while True:
        reader = _reader(graph, members, {energies.id})
        if reader is None:
            return None
        steps.append(reader)
        if reader.op.name == "sum":
            weighed = sum(step.inputs[0] == Port(energies.id, 1) for step in steps)
            return (*convs, energies, *steps) if weighed == 1 == len(graph.consumers(Port(energies.id, 1))) else None
        members = tuple(Port(reader.id, i) for i in range(len(reader.outputs)))


def _dense(graph: Graph, node: Node) -> bool:
    """Whether a node is a 1x1 convolution without bias over all channels."""
    args = node.args
    return node.op.name == "conv" and args["bias"] is False and args["groups"] == 1 and all(
        set(args[name] or (fallback,)) == {fallback}
        for name, fallback in (("kernel", 1), ("stride", 1), ("dilation", 1), ("padding", 0))
    )


def _reader(graph: Graph, members: tuple[Port, ...], apart: set[str]) -> Node | None:
    """The one node, beside those set apart, that reads all members and nothing else of them: a `weigh` or a `sum`."""
    found = {node.id: node for port in members for node, _ in graph.consumers(port) if node.id not in apart}
    if len(found) != 1 or any(graph.is_output(port) for port in members):
        return None
    (reader,) = found.values()
    entering = reader.inputs[1:] if reader.op.name == "weigh" else reader.inputs
    return reader if reader.op.name in ("weigh", "sum") and entering == members else None
