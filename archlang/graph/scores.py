"""Scores of classes in a graph: the axis that classes lie on, and what was applied to them last."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import ArchError, error
from archlang.graph.forms import back, form_of
from archlang.graph.ir import Graph, Node, Port
from archlang.graph.plan import Loss
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import LossFacts, Result

LABEL = "label"
"""The word for what is right, among the tensors that a loss reads."""

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
    if form_of(graph, port) == "line":
        return 0
    return 1


def scores_port(graph: Graph, losses: Sequence[Loss]) -> Port:
    """The output whose largest number is the class: what the first loss with labels reads, else the main one."""
    for loss in losses:
        ports = [read for read in loss.reads if isinstance(read, Port)]
        if reads_label(loss) and ports and graph.is_output(ports[0]):
            return ports[0]
    return main_output(graph)


def class_scores(graph: Graph, losses: Sequence[Loss]) -> tuple[Port, int] | None:
    """The scores that a loss compares with class numbers in `label`, and their axis of classes; None for no such."""
    for loss in losses:
        ports = [read for read in loss.reads if isinstance(read, Port)]
        if LABEL in loss.reads and ports and facts_of(loss.option, LossFacts).target == "classes":
            return ports[0], class_axis(graph, ports[0])
    return None


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
    for node in back(graph, port, _REARRANGING):
        # Further back only first results are followed: the others of a split or a router are other tensors.
        index = 0
        if node.id == port.node:
            index = port.index
        # A recurrent operation may hand out more tensors than one, all of one kind.
        given = node.op.gives[index : index + 1]
        if given and given[0] not in ("", "line", "sequence", "unnamed"):
            return given[0], node
    return None
