"""Blocks of coded branches that run as one: dense maps of branches, their energies, their weights, and the sum.

`conv(1x1) of each branch -> energies -> weigh (-> drop) -> sum  -->  one convolution of scaled inputs`: the branches
themselves, as many times the channels of the sum as there are branches, are never made.
"""

from __future__ import annotations

from dataclasses import dataclass

from archlang.emit.targets import CONVOLUTION, TOTAL, target_of
from archlang.graph.ir import Graph, Node, Port
from archlang.ops.coded import ENERGIES, WEIGH

NORMALISING = 1
"""The output of energies that holds the weights which normalise the branches; 0 holds the energies."""


@dataclass(frozen=True)
class CodedTail:
    """The nodes of such a block.

    Args:
        convolutions: the last convolution of each branch, in the branches' order.
        energies: the node that calculates the branches' energies.
        steps: what weighs the branches, one after the other, and the sum at the end.
    """

    convolutions: tuple[Node, ...]
    energies: Node
    steps: tuple[Node, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, the sum last."""
        return (*self.convolutions, self.energies, *self.steps)

    @property
    def sum(self) -> Node:
        """The sum of the branches."""
        return self.steps[-1]

    @property
    def masks(self) -> list[Port]:
        """The weights of the branches beside those that normalise them."""
        weights = [step.inputs[0] for step in self.steps if step.op is WEIGH]
        return [port for port in weights if port.node != self.energies.id]


def coded_tails(graph: Graph) -> list[CodedTail]:
    """Every such block of a graph, in program order."""
    tails = [_tail(graph, node) for node in graph if node.op is ENERGIES]
    return [tail for tail in tails if tail is not None]


def _tail(graph: Graph, energies: Node) -> CodedTail | None:
    """The block around a node that calculates energies; None where it cannot run as one."""
    convolutions = tuple(graph.node(port.node) for port in energies.inputs)
    if not all(_is_dense(graph, node) for node in convolutions):
        return None

    # Branches that share weights are not branches of their own.
    if len({node.path for node in convolutions}) < len(convolutions):
        return None

    # Step by step, one node must read all branches and nothing else may read any, down to the sum.
    steps: list[Node] = []
    members = energies.inputs
    while not steps or steps[-1].op is WEIGH:
        reader = _sole_reader(graph, members, apart=energies.id)
        if reader is None:
            return None
        steps.append(reader)
        members = tuple(Port(reader.id, i) for i in range(len(reader.outputs)))

    if not _normalises_once(graph, energies, steps):
        return None
    return CodedTail(convolutions, energies, tuple(steps))


def _normalises_once(graph: Graph, energies: Node, steps: list[Node]) -> bool:
    """True if the weights that normalise the branches weigh them, once, and nothing else reads them.

    The block that runs as one does not give them to anybody.
    """
    weights = Port(energies.id, NORMALISING)
    uses = sum(step.inputs[0] == weights for step in steps)
    return uses == 1 and len(graph.consumers(weights)) == 1 and not graph.is_output(weights)


def _is_dense(graph: Graph, node: Node) -> bool:
    """True for a 1x1 convolution without bias over all channels."""
    args = node.args
    if target_of(graph, node) != CONVOLUTION or args["bias"] is not False:
        return False

    # A depthwise convolution has the same target, and no argument for its groups.
    if args.get("groups") != 1:
        return False

    # A size that is not given is worked out, and is then the usual one.
    usual = {"kernel": 1, "stride": 1, "dilation": 1, "padding": 0}
    return all(set(args[name] or (size,)) == {size} for name, size in usual.items())


def _sole_reader(graph: Graph, members: tuple[Port, ...], apart: str) -> Node | None:
    """The one node, beside that set apart, that reads all members: it weighs or sums them, and reads nothing else."""
    if any(graph.is_output(port) for port in members):
        return None

    readers = {node.id: node for port in members for node, _ in graph.consumers(port) if node.id != apart}
    if len(readers) != 1:
        return None
    (reader,) = readers.values()

    if reader.op is WEIGH and reader.inputs[1:] == members:
        return reader
    if target_of(graph, reader) == TOTAL and reader.inputs == members:
        return reader
    return None
