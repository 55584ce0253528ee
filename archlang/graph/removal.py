"""Branches taken out of a graph: those that work for none of some classes; or by a mask that is given from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Literal

from archlang.dataclass import dataclass
from archlang.diagnostics import ArchError, error
from archlang.graph.coded import CodedBlock
from archlang.graph.ir import CodedSite, Graph, InputSpec, Member, Node, Port
from archlang.ops.catalogue import CATALOGUE
from archlang.ops.rules import replaced
from archlang.shapes import Dim, Tensor

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
    """The dense layer that makes the main output, one number a class; None where it is something else, or is used
    elsewhere too.
    """
    output = next((output for output in graph.outputs if output.name is None), graph.outputs[0])
    if output.member is not None:
        return None  # a bundle has no one member that tells classes apart
    node = graph.node(output.port.node)

    # Other readers of the scores would get fewer numbers than they were built for.
    mixes = node.op.mixes(graph.call(node)) is not None
    if not mixes or graph.consumers(output.port) or node.outputs[0].rank != 1:
        return None

    # A layer of another width makes something else than classes, such as an embedding.
    classes = {site.code.classes for site in graph.coded.values()}
    if classes != {node.outputs[0].dims[0]}:
        return None

    # A layer that is used elsewhere needs all its rows there.
    if sum(other.path == node.path for other in graph) > 1:
        return None
    return node


def _refused(message: str) -> ArchError:
    return ArchError(error("pass-does-not-apply", message))


def _shared_reader(node: Node) -> ArchError:
    return _refused(f"`{'.'.join(node.path)}` reads branches that lie end to end and is used elsewhere too: its weight "
                    "would lose parts for one of its uses alone")


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
    narrowed_uses: dict[tuple[str, ...], list[str]] = field(default_factory=dict)  # by path, the nodes that run it

    def __post_init__(self) -> None:
        self.kept = {region: self._working(site) for region, site in self.graph.coded.items()}
        self.head = head_node(self.graph)

    def _working(self, site: CodedSite) -> tuple[int, ...]:
        """The branches that work for one of the classes at least."""
        columns = enumerate(site.code.columns)
        return tuple(branch for branch, column in columns if any(column[label] == "1" for label in self.classes))

    def run(self) -> Removal:
        """The smaller graph. Raises ArchError (pass-does-not-apply)."""
        old = self.graph
        new = Graph(old.name, old.doc, old.dials, old.symbols, old.inputs)
        for node in old:
            smaller = self._node(node)
            if smaller is not None:
                new.add(smaller)

        self._uses_agree()
        outputs = tuple((output, self._at(output.port)) for output in old.outputs)
        if any(port is None for _, port in outputs):
            raise _refused("nothing is left of an output without the other branches")
        new.outputs = tuple(replace(output, port=port) for output, port in outputs if port is not None)

        # Whoever reads such an output goes by the indices of the whole network.
        if any(output.port in self.gaps for output in old.outputs):
            raise _refused("branches that lie end to end leave the network as they are")
        return Removal(new, self.narrowed)

    def _at(self, port: Port) -> Port | None:
        return self.moved.get(port, port)

    def _node(self, node: Node) -> Node | None:
        """The node as it stands in the smaller graph; None where it is gone."""
        ports = [Port(node.id, i) for i in range(len(node.outputs))]

        # Masks leave branches out in training alone: at inference they are all 1.
        if node.op.piece == "branch mask" or any(self._out(member) for member in node.members):
            self.moved.update(dict.fromkeys(ports))
            return None

        inputs = [self._at(port) for port in node.inputs]
        alive = tuple(port for port in inputs if port is not None)
        if node.op.piece == "weighed":
            return self._weigh(node, ports, inputs)

        # What reads removed branches alone goes with them. A node without inputs, such as `input`, stays.
        if node.inputs and not alive:
            self.moved.update(dict.fromkeys(ports))
            return None

        outputs = node.outputs
        if node.op.piece == "energies":
            outputs = (Tensor((len(alive),)), Tensor((len(alive),)))
        if len(alive) < len(inputs) and not node.op.remains:
            outputs = (self._end_to_end(node, inputs),)
        self._read_gaps(node)

        smaller = replace(node, inputs=alive, outputs=outputs, members=tuple(map(self._member, node.members)))
        if self.head is not None and node.id == self.head.id:
            smaller = replace(smaller, args={**node.args, "features": len(self.classes)},
                              outputs=(Tensor((len(self.classes),)),))
        return smaller

    def _end_to_end(self, node: Node, inputs: Sequence[Port | None]) -> Tensor:
        """The type of what is left where branches are laid end to end; notes which indices these are."""
        axis = node.op.joins(self.graph.call(node))
        sizes: list[Dim] = []
        if axis is not None:
            sizes = [self.graph.type(port).dims[axis] for port in node.inputs]
        # Of a symbolic size nobody can say where a branch's indices begin.
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

        # Only convolutions and linear layers mix an axis, and they read one tensor: the others are refused below.
        axis, kept = gaps[0]
        mixed = node.op.mixes(self.graph.call(node))
        if mixed is None or mixed[0] != axis:
            raise _refused("branches that lie end to end can be taken out where one convolution or linear layer reads "
                           f"all of them, not before `{node.op.name}`")

        narrowed = Narrowed(mixed[1], kept)
        uses = self.narrowed_uses.setdefault(node.path, [])
        uses.append(node.id)
        if self.narrowed.setdefault((node.path, "weight"), narrowed) != narrowed:
            raise _shared_reader(node)

    def _uses_agree(self) -> None:
        """Refuse a weight that loses parts in one of its uses and is needed whole in another."""
        for path, uses in self.narrowed_uses.items():
            others = [node for node in self.graph if node.path == path and node.id not in uses]
            if others:
                raise _shared_reader(others[0])

    def _weigh(self, node: Node, ports: list[Port], inputs: list[Port | None]) -> Node | None:
        """Keep the branches that are left of those weighed by energies; pass on as it is what a mask weighs."""
        # The first input is the weights; a mask is gone, and each branch moves on without it.
        if inputs[0] is None:
            self.moved.update(zip(ports, inputs[1:], strict=True))
            return None

        left = [(port, entering) for port, entering in zip(ports, inputs[1:], strict=True) if entering is not None]
        self.moved.update(dict.fromkeys(ports))
        # The results that are left close ranks: their indices count from 0 again.
        self.moved.update({port: Port(node.id, i) for i, (port, _) in enumerate(left)})
        outputs = tuple(node.outputs[port.index] for port, _ in left)
        return replace(node, inputs=(inputs[0], *(entering for _, entering in left)), outputs=outputs)

    def _kept_at(self, member: Member) -> tuple[int, ...] | None:
        """The branches that are left at the stage of a member; None where the stage has no code."""
        if member.kind != "branches":
            return None
        return self.kept.get(member.region)

    def _out(self, member: Member) -> bool:
        """Tell whether a member is a branch that is taken out."""
        kept = self._kept_at(member)
        return kept is not None and member.index not in kept

    def _member(self, member: Member) -> Member:
        """The member with its index among the branches that are left."""
        kept = self._kept_at(member)
        if kept is None:
            return member
        return replace(member, index=kept.index(member.index), count=len(kept))


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
    weights = Port(energies.id, 1)  # result 0 is the energies, result 1 the weights that normalise them
    weighed = next(node for node, slot in graph.consumers(weights) if slot == 0)
    moved: dict[Port, Port] = {}

    # The multiplication of branches by their weights does for the mask as well, at a path of its own.
    def add_masked(members: Sequence[Port]) -> None:
        path = (*weighed.path[:-1], "masked")
        masked = replace(weighed, id=f"{weighed.id}_masked", inputs=(mask, *members), path=path)
        new.add(masked)
        moved.update({port: Port(masked.id, i) for i, port in enumerate(members)})

    # Nodes come in program order, so that all who read a branch after this point read the masked one.
    for node in graph:
        if node.id == energies.id and at == "before":
            add_masked(energies.inputs)
        new.add(replace(node, inputs=tuple(moved.get(port, port) for port in node.inputs)))
        if node.id == weighed.id and at == "after":
            add_masked([Port(node.id, i) for i in range(len(node.outputs))])
    return new
