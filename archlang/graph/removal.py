"""Branches taken out of a graph: those that work for none of some classes; or by a mask that is given from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from archlang.diagnostics import ArchError, error
from archlang.graph.coded import CodedBlock
from archlang.graph.ir import Graph, InputSpec, Member, Node, Port
from archlang.ops.catalogue import CATALOGUE
from archlang.shapes import Tensor

MASK = "branch_mask_input"


def removed(graph: Graph, classes: Sequence[int]) -> Graph:
    """The graph without the branches that work for none of the classes, its head reduced to theirs, for inference.

    Branches go before energies are normalised; the mean of energies stays one over all branches, so that the result
    equals that of the whole network with those branches at zero. Modules keep their names.

    Raises ArchError (pass-does-not-apply): no code, or branches brought together otherwise than by a sum.
    """
    if not graph.coded:
        raise _refused("this network has no branches of a code")
    return _Removal(graph, tuple(classes)).run()


def head_node(graph: Graph) -> Node | None:
    """The dense layer that makes the main output, one number a class; None where it is something else."""
    output = next((o for o in graph.outputs if o.name is None), graph.outputs[0])
    node = graph.node(output.port.node)
    classes = {site.code.classes for site in graph.coded.values()}
    dense = node.op.name == "linear" and not graph.consumers(output.port) and node.outputs[0].rank == 1
    return node if dense and classes == {node.outputs[0].dims[0]} else None


def _refused(message: str) -> ArchError:
    return ArchError(error("pass-does-not-apply", message))


@dataclass
class _Removal:
    graph: Graph
    classes: tuple[int, ...]
    moved: dict[Port, Port | None] = field(default_factory=dict)  # None: gone

    def __post_init__(self) -> None:
        self.kept = {
            region: tuple(i for i, column in enumerate(site.code.columns) if "1" in {column[c] for c in self.classes})
            for region, site in self.graph.coded.items()
        }
        self.head = head_node(self.graph)

    def run(self) -> Graph:
        old = self.graph
        new = Graph(old.name, old.doc, old.dials, old.symbols, old.inputs)
        for node in old:
            made = self._node(node)
            if made is not None:
                new.add(made)
        outputs = tuple((output, self._at(output.port)) for output in old.outputs)
        if any(port is None for _, port in outputs):
            raise _refused("nothing is left of an output without the other branches")
        new.outputs = tuple(replace(output, port=port) for output, port in outputs if port is not None)
        return new

    def _at(self, port: Port) -> Port | None:
        return self.moved.get(port, port)

    def _node(self, node: Node) -> Node | None:
        ports = [Port(node.id, i) for i in range(len(node.outputs))]
        if node.op.name == "branch_mask" or any(self._out(m) for m in node.members):
            self.moved.update(dict.fromkeys(ports))
            return None
        inputs = [self._at(port) for port in node.inputs]
        alive = tuple(port for port in inputs if port is not None)
        if node.op.name == "weigh":
            return self._weigh(node, ports, inputs)
        if node.inputs and not alive:
            self.moved.update(dict.fromkeys(ports))
            return None
        if len(alive) < len(inputs) and node.op.name not in ("energies", "sum"):
            raise _refused(f"branches can be taken out before a sum, not before `{node.op.name}`")
        outputs = (Tensor((len(alive),)),) * 2 if node.op.name == "energies" else node.outputs
        made = replace(node, inputs=alive, outputs=outputs, members=tuple(map(self._member, node.members)))
        if self.head is not None and node.id == self.head.id:
            made = replace(made, args={**node.args, "features": len(self.classes)},
                           outputs=(Tensor((len(self.classes),)),))
        return made

    def _weigh(self, node: Node, ports: list[Port], inputs: list[Port | None]) -> Node | None:
        """What is weighed by a mask passes as it is; of what is weighed by energies, the branches that are left."""
        if inputs[0] is None:
            self.moved.update(zip(ports, inputs[1:], strict=True))
            return None
        left = [(port, entering) for port, entering in zip(ports, inputs[1:], strict=True) if entering is not None]
        self.moved.update(dict.fromkeys(ports))
        self.moved.update({port: Port(node.id, i) for i, (port, _) in enumerate(left)})
        outputs = tuple(node.outputs[port.index] for port, _ in left)
        return replace(node, inputs=(inputs[0], *(entering for _, entering in left)), outputs=outputs)

    def _out(self, member: Member) -> bool:
        kept = self.kept.get(member.region) if member.kind == "branches" else None
        return kept is not None and member.index not in kept

    def _member(self, member: Member) -> Member:
        kept = self.kept.get(member.region) if member.kind == "branches" else None
        return member if kept is None else replace(member, index=kept.index(member.index), count=len(kept))


def with_mask(graph: Graph, block: CodedBlock) -> Graph:
    """The graph with a further input [branches] that the branches of a block, once normalised, are multiplied by."""
    count = block.coded.code.branches
    mask = Port(MASK)
    new = Graph(graph.name, graph.doc, graph.dials, graph.symbols,
                (*graph.inputs, InputSpec("mask", Tensor((count,)), MASK)), graph.outputs)
    new.add(Node(MASK, CATALOGUE.ops["input"], {}, (), (Tensor((count,)),), (MASK,)))
    weights = Port(block.energies.node, 1)
    moved: dict[Port, Port] = {}
    for node in graph:
        new.add(replace(node, inputs=tuple(moved.get(port, port) for port in node.inputs)))
        if node.op.name == "weigh" and node.inputs[0] == weights:
            made = [Port(node.id, i) for i in range(len(node.outputs))]
            masked = replace(node, id=f"{node.id}_masked", inputs=(mask, *made), path=(*node.path[:-1], "masked"))
            new.add(masked)
            moved.update({port: Port(masked.id, port.index) for port in made})
    return new
