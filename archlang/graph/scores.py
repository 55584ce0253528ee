"""Scores of classes in a graph: the axis that classes lie on, and what was applied to them last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archlang.diagnostics import ArchError, error
from archlang.graph.ir import Graph, Node, Port
from archlang.graph.plan import Loss
from archlang.ops.facts import Result

LABEL = "label"
"""The word for what is right, among the tensors that a loss reads."""

_ELEMENTWISE = ("activation", "normalisation", "regularisation", "pooling")
"""Families that leave every axis where it was."""

_REARRANGING = ("reshaping", "regularisation", "pooling")
"""Families that leave probabilities probabilities: they move, drop or average them."""


def reads_label(loss: Loss) -> bool:
    """Tell whether a loss reads what is right: `label`, or one of several labels by its name, such as `label.heat`."""
    return any(isinstance(read, str) for read in loss.reads)


def class_axis(graph: Graph, port: Port) -> int:
    """The axis of classes among the sizes of one sample: the features of a vector or sequence, else the channels.

    A line [channels, length], which a 1d convolution makes, has as many sizes as a sequence [positions, features].
    """
    if len(graph.type(port).dims) != 2:
        return 0
    # Sizes do not tell a line from a sequence; the operation that made it does.
    if any("line" in node.op.gives for node in _back(graph, port, _ELEMENTWISE)):
        return 0
    return 1


def scores_port(graph: Graph, losses: Sequence[Loss]) -> Port:
    """The output whose largest number is the class: what the first loss with labels reads, else the main one."""
    for loss in losses:
        ports = [read for read in loss.reads if isinstance(read, Port)]
        if reads_label(loss) and ports and graph.is_output(ports[0]):
            return ports[0]
    return main_output(graph)


def main_output(graph: Graph) -> Port:
    """The network's main output: the one without a name, else the first.

    Raises `ArchError` (unsupported-module) where that is a bundle, of which no member is the main one.
    """
    output = next((output for output in graph.outputs if output.name is None), graph.outputs[0])
    if output.member is None:
        return output.port

    message = f"nothing says which member of the bundle `{output.name or 'output'}` holds the scores"
    help = "a loss that reads a member and the label says so, `cross_entropy(levels[0], label)`; or hand out one tensor"
    raise ArchError(error("unsupported-module", message, help=help))


def applied(graph: Graph, port: Port) -> tuple[Result, Node] | None:
    """The function that a tensor has been through last, as `Op.gives` says, and its node; None for no such function."""
    for node in _back(graph, port, _REARRANGING):
        # Further back only first results are followed: the others of a split or a router are other tensors.
        index = 0
        if node.id == port.node:
            index = port.index
        if node.op.gives and node.op.gives[index] not in ("", "line"):
            return node.op.gives[index], node
    return None


def _back(graph: Graph, port: Port, families: tuple[str, ...]) -> Iterator[Node]:
    """The nodes from a port back along their first inputs, as far as operations are of these families, and one more."""
    node = graph.node(port.node)
    yield node
    while node.op.family in families and node.inputs:
        node = graph.node(node.inputs[0].node)
        yield node
