"""Parts of boosted convolutions that run in another form: kernels in one convolution, channels each by itself."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.emit.targets import CONVOLUTION, MEAN, NORM, target_of
from archlang.graph.ir import Graph, Node, Port
from archlang.ops.pbconv import BOOSTED, CROP, PAD


@dataclass(frozen=True)
class OneKernel:
    """The large kernel and the small ones of a boosted convolution, which run as one convolution.

    Args:
        convolutions: the large kernel's, then those of the small ones.
        places: the rows and columns of the small kernels' top left corners, from (1, 1) on.
        sides: what pads and crops the map before small kernels; it does not run.
    """

    convolutions: tuple[Node, ...]
    places: tuple[tuple[int, int], ...]
    sides: tuple[Node, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, the large kernel first."""
        return (*self.convolutions, *self.sides)


@dataclass(frozen=True)
class Channelwise:
    """An operation of a chain that runs in a form of its own.

    Args:
        node: a convolution without bias and padding, or a mean of windows.
        pad: what pads the map before a 1x1 convolution: it runs behind it, where it reads fewer cells.
    """

    node: Node
    pad: Node | None = None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Its nodes, in program order."""
        if self.pad is None:
            return (self.node,)
        return self.pad, self.node


def one_kernels(graph: Graph) -> list[OneKernel]:
    """Every boosted convolution of a graph whose kernels can run as one, in program order."""
    found = [_one_kernel(graph, node) for node in graph if node.op is BOOSTED]
    return [unit for unit in found if unit is not None]


def _one_kernel(graph: Graph, total: Node) -> OneKernel | None:
    """The kernels that a sum is over; None where there are too few, or they cannot run as one."""
    places = tuple((placed.place[0], placed.place[1]) for placed in total.args["kernels"])
    behind = [_convolution(graph, port) for port in total.inputs[: 1 + len(places)]]
    # The sum lists the large kernel's branch first; branches of other kinds, such as the identity, stand behind.
    main = behind[0]
    if not places or not _takes_others(graph, main):
        return None

    sides: list[Node] = []
    for node in behind[1:]:
        x = node.inputs[0]
        # A place off the middle is a small kernel over a map that is padded on one side and cut on the other.
        while graph.node(x.node).op in (PAD, CROP):
            sides.append(graph.node(x.node))
            x = sides[-1].inputs[0]
        # A map that a small kernel reads before it is cropped is another one than the large kernel's.
        if x != main.inputs[0]:
            return None
    return OneKernel(tuple(behind), places, tuple(sides))


def _convolution(graph: Graph, port: Port) -> Node:
    """The convolution of a branch, behind which a batch norm may stand."""
    node = graph.node(port.node)
    if target_of(graph, node) == NORM:
        node = graph.node(node.inputs[0].node)
    return node


def _takes_others(graph: Graph, main: Node) -> bool:
    """True for a large kernel into which small ones can be put: over all channels, padded with zeros."""
    plain = target_of(graph, main) == CONVOLUTION and main.args["padding_mode"] == "zeros"
    return plain and main.args["groups"] == 1


def channelwise_nodes(graph: Graph) -> list[Channelwise]:
    """Every operation in a branch of a boosted convolution that has a faster form, in program order."""
    units = []
    for node in graph:
        if not any(member.kind == "pbconv" for member in node.members):
            continue

        pad = _before(graph, node)
        if target_of(graph, node) == MEAN or _by_channels(graph, node) or pad is not None:
            units.append(Channelwise(node, pad))
    return units


def _before(graph: Graph, node: Node) -> Node | None:
    """The padding that a 1x1 convolution may run before: it reads one cell at a time, and gives 0 for 0."""
    if not _bare(graph, node) or set(graph.weights(node)[0].shape[2:]) != {1} or set(node.args["stride"]) != {1}:
        return None

    # A padded map that is read elsewhere too has to be there in any case.
    pad = graph.node(node.inputs[0].node)
    if pad.op is not PAD or len(graph.consumers(node.inputs[0])) != 1 or graph.is_output(node.inputs[0]):
        return None
    return pad


def _by_channels(graph: Graph, node: Node) -> bool:
    """True for a convolution whose groups hold one channel, at 1x1, or two that give one."""
    if not _bare(graph, node):
        return False

    # With one channel in all, torch's own form is as fast.
    channels = graph.call(node).x.dims[0]
    leaving, entering, *kernel = graph.weights(node)[0].shape
    single = entering == 1 and set(kernel) == {1} and set(node.args["stride"]) == {1}
    return channels != 1 and (single or (entering == 2 and channels == 2 * leaving))


def _bare(graph: Graph, node: Node) -> bool:
    """True for a convolution over maps without bias, padding and dilation."""
    if target_of(graph, node) != CONVOLUTION or node.args["bias"] is not False:
        return False
    if set(node.args["dilation"]) != {1}:
        return False
    return node.op.pad is None or (node.op.pad(graph.call(node)) is None and set(node.args["padding"] or (1,)) == {0})
