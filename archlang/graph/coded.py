"""The blocks of a network whose branches follow a code, by name: what losses, extraction and pictures go by."""

from __future__ import annotations

from archlang.dataclass import dataclass
from archlang.graph.ir import CodedSite, Graph, Node, Port


@dataclass(frozen=True)
class CodedBlock:
    """A block of coded branches with normalised energies: its name, its energies [branches], and its code."""

    name: str
    energies: Port
    coded: CodedSite


def coded_blocks(graph: Graph) -> tuple[CodedBlock, ...]:
    """Every block in which energies are normalised, in program order; run twice, a block is there twice."""
    blocks = []
    for node in graph:
        if node.op.piece != "energies":
            continue

        region = region_of(graph, node)
        if region is not None:
            blocks.append(CodedBlock(block_name(region), Port(node.id), graph.coded[region]))
    return tuple(blocks)


def region_of(graph: Graph, energies: Node) -> tuple[str, ...] | None:
    """The stage whose branches an `energies` node reads."""
    # Members run from the outermost stage inwards: with branches inside branches, the last one is meant.
    for member in reversed(graph.node(energies.inputs[0].node).members):
        if member.kind == "branches" and member.region in graph.coded:
            return member.region
    return None


def block_name(region: tuple[str, ...]) -> str:
    """The name of a block: the module path without the words that every block has at its end.

    >>> block_name(("layer2", "coded", "1", "body", "branches"))
    'layer2.coded.1'
    """
    path = list(region)
    # A network may be nothing but one block: its name stays `branches`, never empty.
    while len(path) > 1 and path[-1] in ("branches", "body"):
        path.pop()
    return ".".join(path)


def within(name: str, region: tuple[str, ...]) -> bool:
    """Tell whether a dotted name stands for a region or for something around it.

    >>> within("layer2", ("layer2", "coded")), within("layer", ("layer2", "coded"))
    (True, False)
    """
    parts = tuple(name.split("."))
    return region[: len(parts)] == parts
