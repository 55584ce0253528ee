"""Branches taken out of a graph: those that work for none of some classes; or by a mask that is given from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from archlang.diagnostics import ArchError, error
from archlang.graph.coded import CodedBlock
from archlang.graph.ir import Graph, InputSpec, Member, Node, Port
from archlang.ops.catalogue import CATALOGUE
from archlang.ops.rules import replaced
from archlang.shapes import Tensor

MASK = "branch_mask_input"


def removed(graph: Graph, classes: Sequence[int]) -> Graph:
    """The graph without the branches that work for none of the classes, its head reduced to theirs, for inference.

    Branches go before energies are normalised; the mean of energies stays one over all branches, so that the result
    equals that of the whole network with those branches at zero. Modules keep their names.

    Raises ArchError (pass-does-not-apply): no code, or branches brought together otherwise than by a sum, or end to end
    before a convolution or a linear layer.
    """
    return removal(graph, classes).graph


def removal(graph: Graph, classes: Sequence[int]) -> Removal:
    """The same, with the parts of weights that are left."""
    if not graph.coded:
        raise _refused("this network has no branches of a code")
    return _Remover(graph, tuple(classes)).run()


@dataclass(frozen=True)
class Narrowed:
    """A dimension of a weight of which some indices are left."""

    dimension: int
    kept: tuple[int, ...]


@dataclass(frozen=True)
class Removal:
    """A graph without some branches, and by (module path, weight) what is left of weights that lose parts."""

    graph: Graph
    narrowed: Mapping[tuple[tuple[str, ...], str], Narrowed]


def head_node(graph: Graph) -> Node | None:
    """The dense layer that makes the main output, one number a class; None where it is something else."""
    output = next((o for o in graph.outputs if o.name is None), graph.outputs[0])
    node = graph.node(output.port.node)
    classes = {site.code.classes for site in graph.coded.values()}
    mixes = node.op.mixes(graph.call(node)) is not None
    dense = mixes and not graph.consumers(output.port) and node.outputs[0].rank == 1
    return node if dense and classes == {node.outputs[0].dims[0]} else None


def _refused(message: str) -> ArchError:
    return ArchError(error("pass-does-not-apply", message))


@dataclass
class _Remover:
    """Goes through a graph once. `moved` says where a port is now, None where it is gone; `gaps` which indices of an
    axis are left of a tensor whose parts lay end to end.
    """

    graph: Graph
    classes: tuple[int, ...]
    moved: dict[Port, Port | None] = field(default_factory=dict)
    gaps: dict[Port, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    narrowed: dict[tuple[tuple[str, ...], str], Narrowed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kept = {
            region: tuple(i for i, column in enumerate(site.code.columns) if "1" in {column[c] for c in self.classes})
            for region, site in self.graph.coded.items()
        }
        self.head = head_node(self.graph)

    def run(self) -> Removal:
        """The smaller graph. Raises ArchError (pass-does-not-apply)."""
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
        if any(output.port in self.gaps for output in old.outputs):
            raise _refused("branches that lie end to end leave the network as they are")
        return Removal(new, self.narrowed)

    def _at(self, port: Port) -> Port | None:
        return self.moved.get(port, port)

    def _node(self, node: Node) -> Node | None:
        ports = [Port(node.id, i) for i in range(len(node.outputs))]
        if node.op.piece == "branch mask" or any(self._out(m) for m in node.members):
            self.moved.update(dict.fromkeys(ports))
            return None
        inputs = [self._at(port) for port in node.inputs]
        alive = tuple(port for port in inputs if port is not None)
        if node.op.piece == "weighed":
            return self._weigh(node, ports, inputs)
        if node.inputs and not alive:
            self.moved.update(dict.fromkeys(ports))
            return None
        outputs = (Tensor((len(alive),)),) * 2 if node.op.piece == "energies" else node.outputs
        if len(alive) < len(inputs) and not node.op.remains:
            outputs = (self._end_to_end(node, inputs),)
        self._read_gaps(node)
        made = replace(node, inputs=alive, outputs=outputs, members=tuple(map(self._member, node.members)))
        if self.head is not None and node.id == self.head.id:
            made = replace(made, args={**node.args, "features": len(self.classes)},
                           outputs=(Tensor((len(self.classes),)),))
        return made

    def _end_to_end(self, node: Node, inputs: Sequence[Port | None]) -> Tensor:
        """The type of what is left where branches are laid end to end; notes which indices these are."""
        axis = node.op.joins(self.graph.call(node))
        sizes = [self.graph.type(port).dims[axis] for port in node.inputs] if axis is not None else []
        if axis is None or not all(isinstance(size, int) for size in sizes):
            raise _refused(f"branches can be taken out before `sum` or `concat`, not before `{node.op.name}`")

        kept: list[int] = []
        start = 0
        for port, size in zip(inputs, sizes, strict=True):
            if port is not None:
                kept += range(start, start + int(str(size)))
            start += int(str(size))
        self.gaps[Port(node.id)] = (axis, tuple(kept))
        return replaced(node.outputs[0], axis, len(kept))

    def _read_gaps(self, node: Node) -> None:
        """Note what is left of a weight that runs over what was laid end to end; refuse what reads it otherwise."""
        gaps = [self.gaps[port] for port in node.inputs if port in self.gaps]
        if not gaps:
            return

        axis, kept = gaps[0]
        mixed = node.op.mixes(self.graph.call(node))
        # A module that another node runs too would need its whole weight there.
        alone = [other.id for other in self.graph if other.path == node.path] == [node.id]
        if mixed is None or mixed[0] != axis or not alone:
            raise _refused("branches that lie end to end can be taken out where one convolution or linear layer reads "
                           f"all of them, not before `{node.op.name}`")
        self.narrowed[node.path, "weight"] = Narrowed(mixed[1], kept)

    def _weigh(self, node: Node, ports: list[Port], inputs: list[Port | None]) -> Node | None:
        """Keep the branches that are left of those weighed by energies; pass on as it is what a mask weighs."""
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


At = Literal["before", "after"]
"""Where branches are multiplied by a mask: before energies are taken and normalised, or after."""


def with_mask(graph: Graph, block: CodedBlock, at: At = "after") -> Graph:
    """The graph with a further input [branches] that the branches of a block are multiplied by.

    `before` normalisation the branches that are left share the energy of those that are gone, as in the authors' code:
    the mean stays one over all branches. `after` it they keep their own.
    """
    count = block.coded.code.branches
    mask = Port(MASK)
    new = Graph(graph.name, graph.doc, graph.dials, graph.symbols,
                (*graph.inputs, InputSpec("mask", Tensor((count,)), MASK)), graph.outputs)
    new.add(Node(MASK, CATALOGUE.ops["input"], {}, (), (Tensor((count,)),), (MASK,)))
    energies = graph.node(block.energies.node)
    weights = Port(energies.id, 1)
    weighed = next(node for node, slot in graph.consumers(weights) if slot == 0)
    moved: dict[Port, Port] = {}

    def add_masked(members: Sequence[Port]) -> None:
        path = (*weighed.path[:-1], "masked")
        masked = replace(weighed, id=f"{weighed.id}_masked", inputs=(mask, *members), path=path)
        new.add(masked)
        moved.update({port: Port(masked.id, i) for i, port in enumerate(members)})

    for node in graph:
        if node.id == energies.id and at == "before":
            add_masked(energies.inputs)
        new.add(replace(node, inputs=tuple(moved.get(port, port) for port in node.inputs)))
        if node.id == weighed.id and at == "after":
            add_masked([Port(node.id, i) for i in range(len(node.outputs))])
    return new
