"""The graph: a flat, typed, directed acyclic graph of operations on tensors. Every word of it stands on this page.

A bundle is no value here: its members are ports of their own, and a node knows by its `members` which path, branch or
layer it belongs to. Nodes that share weights have the same `path`; a node's `path` is its module's name.

networkx sees it through `Graph.nx`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from archlang.dataclass import dataclass, unguarded
from archlang.graph.known_uses import use_key
from archlang.ops.model import Op, OpCall, Weight
from archlang.ops.values import CodeValue
from archlang.shapes import Dim, Symbol, Tensor
from archlang.source import NOWHERE, Span

if TYPE_CHECKING:
    import networkx

    from archlang.graph.plan import Plan


@unguarded
@dataclass(frozen=True, slots=True)
class Port:
    """One output of a node: an edge's beginning."""

    node: str
    index: int = 0

    def __hash__(self) -> int:
        return hash(self.node) + self.index  # ports are what most tables of a network go by


@unguarded
@dataclass(frozen=True)
class Frame:
    """One step of the way from the network to a node: the block, where it was used, what it was given.

    `depth` is the length of the module path that the block's own modules stand below; `known` its parameters with those
    of their values that are numbers, sizes, words and truth values, defaults too.
    """

    block: str
    span: Span
    values: tuple[tuple[str, str], ...] = ()  # (("width", "64"),)
    depth: int = field(default=0, compare=False)
    doc: str | None = field(default=None, compare=False, repr=False)
    known: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)


@unguarded
@dataclass(frozen=True)
class Member:
    """A node's place in something parallel: the `index`-th of `count` members of the stage at module path `region`."""

    kind: str  # each, shared, parallel, layers, route, branches, experts; layer: which use of it
    region: tuple[str, ...]
    index: int
    count: int


@unguarded
@dataclass(frozen=True)
class Node:
    """One operation. `id` is made by the compiler (`n0`, `n1`, ... in program order); `op` is a name of the catalogue.

    `args` are checked, defaults filled in; `outputs` are the types of its ports. A network's input has the op `input`.
    `rows`: how many of these types a sample has, more than one where patches are what flows.
    """

    id: str
    op: Op
    args: Mapping[str, Any]
    inputs: tuple[Port, ...]
    outputs: tuple[Tensor, ...]
    path: tuple[str, ...]
    span: Span = NOWHERE
    frames: tuple[Frame, ...] = ()
    members: tuple[Member, ...] = ()
    rows: Dim = 1

    @property
    def name(self) -> str:
        """The module path as one dotted name."""
        return ".".join(self.path)

    @property
    def convolves(self) -> int:
        """The axes that a learned kernel slides over; 0 for one that is calculated (`weights`), and for all else."""
        # What works on a kernel part by part must not take what a kernel is calculated from for it.
        if self.args.get("weights") is not None:
            return 0
        return self.op.convolves


@dataclass(frozen=True)
class CodedSite:
    """The site of the branches of a code: the module path of the stage, which `Member.region` repeats, and the code."""

    region: tuple[str, ...]
    code: CodeValue
    drop: float = 0.0
    span: Span = NOWHERE

    @property
    def name(self) -> str:
        """The module path as one dotted name."""
        return ".".join(self.region)


@dataclass(frozen=True)
class InputSpec:
    """A network's input: its name, type, the node that stands for it, and the data's mean and deviation if declared."""

    name: str
    type: Tensor
    node: str
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


@dataclass(frozen=True)
class OutputSpec:
    """A tensor that a network hands out. `name` is None for the main output.

    An output that is a bundle has one of these for each tensor, all of one name, with `member` counted from 0.
    """

    name: str | None
    port: Port
    span: Span = NOWHERE
    member: int | None = None

    @property
    def label(self) -> str:
        """The name in lists of outputs: `aux`, `levels[1]`, and `output` for the main one."""
        called = self.name or "output"
        if self.member is None:
            return called
        return f"{called}[{self.member}]"


@dataclass
class Graph:
    """A checked network. Nodes stand in program order, which is a topological order."""

    name: str
    doc: str | None = None
    dials: Mapping[str, object] = field(default_factory=dict)
    symbols: tuple[Symbol, ...] = ()
    inputs: tuple[InputSpec, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    plan: Plan | None = None
    bound: Mapping[str, tuple[Port, ...]] = field(default_factory=dict)  # the network's names: their tensors
    coded: Mapping[tuple[str, ...], CodedSite] = field(default_factory=dict)  # region -> branches of a code
    nodes: dict[str, Node] = field(default_factory=dict)
    readers: dict[str, list[tuple[str, int, int]]] = field(default_factory=dict)  # node -> (reader, its slot, our port)
    edges: int = 0

    @property
    def output_groups(self) -> tuple[tuple[OutputSpec, ...], ...]:
        """The outputs as the file writes them: of a bundle all members together, else one tensor each."""
        groups: dict[str | None, tuple[OutputSpec, ...]] = {}
        for output in self.outputs:
            groups[output.name] = (*groups.get(output.name, ()), output)
        return tuple(groups.values())

    def add(self, node: Node) -> None:
        """Append a node; all its inputs must be there already."""
        self.nodes[node.id] = node
        self.readers[node.id] = []
        self.edges += len(node.inputs)

        # Readers are kept as nodes come: a search for them would make every walk over the graph quadratic.
        for slot, port in enumerate(node.inputs):
            self.readers[port.node].append((node.id, slot, port.index))

    def keep(self, ids: Iterable[str]) -> None:
        """Remove all nodes but these, which read nothing of those removed."""
        kept = set(ids)
        self.nodes = {id: node for id, node in self.nodes.items() if id in kept}
        self.readers = {id: [r for r in self.readers[id] if r[0] in kept] for id in self.nodes}
        self.edges = sum(map(len, self.readers.values()))

    @property
    def nx(self) -> networkx.MultiDiGraph[str]:
        """The same as a networkx graph, for its algorithms: nodes carry `node`, edges the `slot` and `port` they join.

        Made anew at each use: networkx takes longer to import than a file takes to check.
        """
        import networkx

        # Several edges may join two nodes: `x -> add(x)` reads one port twice.
        digraph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
        digraph.add_nodes_from((node.id, {"node": node}) for node in self)
        for node in self:
            for slot, port in enumerate(node.inputs):
                digraph.add_edge(port.node, node.id, slot=slot, port=port.index)
        return digraph

    def node(self, id: str) -> Node:
        """The node of this id."""
        return self.nodes[id]

    def update(self, id: str, **changes: Any) -> None:
        """Change fields of a node that are neither its id nor its inputs."""
        self.nodes[id] = replace(self.nodes[id], **changes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def type(self, port: Port) -> Tensor:
        """The type of a port."""
        return self.nodes[port.node].outputs[port.index]

    def consumers(self, port: Port) -> list[tuple[Node, int]]:
        """List the readers of a port: nodes, and the index among their inputs. Outputs of the network are no nodes."""
        return [(self.nodes[to], slot) for to, slot, index in self.readers[port.node] if index == port.index]

    def is_output(self, port: Port) -> bool:
        """Tell whether the network hands this port out."""
        return any(output.port == port for output in self.outputs)

    def call(self, node: Node) -> OpCall:
        """The node as its op's rules see it."""
        return OpCall(tuple([self.type(p) for p in node.inputs]), node.args, node.outputs)

    def weights(self, node: Node) -> tuple[Weight, ...]:
        """Parameters and buffers of the node's module; nodes of one path share them."""
        return node.op.weights(self.call(node))

    def modules(self) -> dict[tuple[str, ...], Node]:
        """The first node of each module path that holds weights, in program order: count these and nothing twice."""
        return {node.path: node for node, _ in self._holders()}

    def _holders(self) -> Iterator[tuple[Node, tuple[Weight, ...]]]:
        """The first node of each module path that holds weights, with them."""
        owned: set[tuple[str, ...]] = set()
        # A network repeats few uses many times: what equal ones hold is worked out once.
        known: dict[tuple[object, ...], tuple[Weight, ...]] = {}
        for node in self:
            if node.path in owned:
                continue

            call = self.call(node)
            use = use_key(node.op, call)
            key = (id(node.op), use, node.outputs)
            if use is None or key not in known:
                known[key] = node.op.weights(call)
            if known[key]:
                owned.add(node.path)
                yield node, known[key]

    def total(self, trained: bool) -> Dim:
        """Numbers in all parameters (`trained`) or all buffers."""
        # Over modules, not nodes: weights that several nodes share are there once.
        numbers: Dim = 0
        for _, weights in self._holders():
            for weight in weights:
                if weight.trained is trained:
                    numbers = numbers + weight.numel
        return numbers

    @property
    def parameters(self) -> Dim:
        """Numbers in all parameters."""
        return self.total(True)

    @property
    def buffers(self) -> Dim:
        """Numbers in all buffers: running statistics and their counters."""
        return self.total(False)

    @property
    def flops(self) -> Dim:
        """Floating-point operations for one sample, a multiply-add as two."""
        # Over nodes, not modules: a shared module runs once for each node. Every patch of a sample is a row of its own.
        return sum((node.rows * node.op.flops(self.call(node)) for node in self), 0)

    @property
    def activation_bytes(self) -> Dim:
        """Bytes of every node's result for one sample in float32."""
        # Most results are of few types, and symbolic sizes take long to multiply: each is done once.
        equal = Counter((node.rows, t) for node in self for t in node.outputs)
        return sum((count * rows * t.elements * 4 for (rows, t), count in equal.items()), 0)
