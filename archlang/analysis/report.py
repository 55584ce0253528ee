"""The cost of a network: in all, node by node, scope by scope, path by path. Plain data that any format can carry."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from archlang.codes.code import Code
from archlang.graph.coded import block_name
from archlang.graph.ir import CodedSite, Graph, Member, Node
from archlang.graph.outline import Cost, HasGraph, arguments, costs, graph_of, outline
from archlang.graph.patch_experts import router_of
from archlang.ops.patch_experts import DISPATCH
from archlang.ops.values import show
from archlang.shapes import Dim
from archlang.source import NOWHERE

FORMAT_VERSION = 1

FLOAT_BYTES = 4
"""Bytes of a number in float32."""

Count = int | str
"""A number, or the text of one that depends on symbols such as `H`."""

Plain = int | float | bool | str | None
"""An argument's value: a number, a truth value, null for one that is worked out, else its text."""


@dataclass(frozen=True)
class NodeRow:
    """One operation.

    Args:
        id: the node's id in the graph.
        name: its module path, with dots.
        op: the name of its operation.
        call: the text that a file would have for it.
        args: its arguments by name.
        inputs: the types of its inputs.
        outputs: the types of its outputs.
        parameters: trained numbers; those that several nodes share count at the first.
        buffers: other numbers of its state.
        flops: floating-point operations of one sample.
        activation_bytes: bytes of its results of one sample.
        file: the file that it stems from; None if none did.
        line: the line there.
    """

    id: str
    name: str
    op: str
    call: str
    args: dict[str, Plain]
    inputs: list[str]
    outputs: list[str]
    parameters: Count
    buffers: Count
    flops: Count
    activation_bytes: Count
    file: str | None
    line: int | None


@dataclass(frozen=True)
class BlockRow:
    """A scope and all inside it; `depth` is 1 for the names at the top of the network."""

    name: str
    depth: int
    ops: int
    parameters: Count
    buffers: Count
    flops: Count
    activation_bytes: Count


@dataclass(frozen=True)
class PathRow:
    """One member of a parallel part: path, branch or layer number `index` of the stage at `region`, `of` in all.

    Of the kind `layer` it is one use of the layer at `region`.
    """

    kind: str
    region: str
    index: int
    of: int
    ops: int
    parameters: Count
    buffers: Count
    flops: Count
    activation_bytes: Count


@dataclass(frozen=True)
class CodeRow:
    """A code that the network's branches follow.

    Args:
        name: the code's name in the file.
        classes: the number of words.
        branches: the length of a word.
        distance: the minimum distance of two words.
        active: the weight of the words; None if they differ.
        histogram: the number of pairs of words at each distance.
        columns: the number of classes of each branch.
        blocks: the stages whose branches follow the code.
    """

    name: str
    classes: int
    branches: int
    distance: int
    active: int | None
    histogram: dict[int, int]
    columns: list[int]
    blocks: list[str]


@dataclass(frozen=True)
class ExpertsRow:
    """A place where rows (patches, or samples) go to experts.

    Args:
        name: the place's module path.
        rows: the rows of a sample.
        experts: the number of experts.
        pair_flops: FLOPs of one expert on one row.
        router_flops: FLOPs of the router on one row.
        active_flops: FLOPs of the place for a sample when each row goes to k + 1 experts; the last is the dense form.
    """

    name: str
    rows: Count
    experts: int
    pair_flops: Count
    router_flops: Count
    active_flops: list[Count]


@dataclass(frozen=True)
class Report:
    """Counts of a network. FLOPs are of one sample, a multiply-add as two; bytes are of float32 results of one sample.

    `peak_bytes` is the most that is alive at once when nodes run in order and a result is freed after its last reader;
    None where a size is symbolic.
    """

    format_version: int
    network: str
    dials: dict[str, Plain]
    parameters: Count
    buffers: Count
    flops: Count
    activation_bytes: Count
    peak_bytes: int | None
    nodes: list[NodeRow]
    blocks: list[BlockRow]
    paths: list[PathRow]
    codes: list[CodeRow]
    experts: list[ExpertsRow]

    def json(self, **more: object) -> str:
        """The report as one JSON document, the same bytes every time; `more` stands at its end."""
        document = {**msgspec.to_builtins(self), **more}
        return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def report(network: HasGraph | Graph) -> Report:
    """Count everything in a network."""
    graph = graph_of(network)
    cost = costs(graph)
    tree = outline(graph, cost)

    return Report(
        FORMAT_VERSION,
        graph.name,
        {name: plain(value) for name, value in graph.dials.items()},
        *_counts(tree.cost),
        peak_bytes(graph),
        [_node(graph, node, cost[node.id]) for node in graph],
        # The outermost scope, with no level, is the network itself, whose counts stand above.
        [_block(scope.path, len(scope.levels), scope.cost) for scope in tree.walk() if scope.levels],
        _paths(graph, cost),
        _codes(graph),
        [_experts(graph, node) for node in graph if node.op is DISPATCH],
    )


def _experts(graph: Graph, dispatch: Node) -> ExpertsRow:
    """The row of a place of experts, which its dispatch stands for."""
    region, experts = dispatch.path[:-1], int(dispatch.args["experts"])

    # The router may lie in a layer, which other stages ask too.
    asked = {node.id for node in router_of(graph, dispatch)}

    router: Dim = 0
    pair: Dim = 0
    around = len(dispatch.members)
    for node in graph:
        # What shares its weights with this place, as another use of a layer does, has costs of its own.
        if node.members[:around] != dispatch.members:
            continue
        flops = node.op.flops(graph.call(node)) * _repeats(node.rows, dispatch.rows)

        # All experts cost the same: the first one stands for them.
        if any((m.region, m.kind, m.index) == (region, "experts", 0) for m in node.members[around:]):
            pair += flops
        elif node.id in asked:
            router += flops

    # The router works on each row once, however many experts work on it then.
    active = [count(dispatch.rows * (router + k * pair)) for k in range(1, experts + 1)]
    return ExpertsRow(".".join(region), count(dispatch.rows), experts, count(pair), count(router), active)


def _repeats(inner: Dim, outer: Dim) -> Dim:
    """The runs of something inside for each row outside: more than one where patches are cut of patches."""
    # Symbolic rows cannot be divided; cut only once, both are the same polynomial.
    if isinstance(outer, int) and inner != outer:
        return inner // outer
    return 1


def _codes(graph: Graph) -> list[CodeRow]:
    """A row for each code, in the order in which the network uses them."""
    # By the words, not the name: two names for one code would be two rows of the same figures.
    sites_of: dict[tuple[str, ...], list[CodedSite]] = {}
    for site in graph.coded.values():
        sites_of.setdefault(site.code.words, []).append(site)

    rows = []
    for words, sites in sites_of.items():
        code = Code(words)
        rows.append(
            CodeRow(
                sites[0].code.name, code.classes, code.branches, code.distance, code.active, code.histogram,
                list(code.columns), [block_name(site.region) for site in sites],
            )
        )  # fmt: skip
    return rows


def count(size: Dim) -> Count:
    """The number, or the text of a symbolic one."""
    if isinstance(size, int):
        return size
    return str(size)


def plain(value: object) -> Plain:
    """A static value as JSON can carry it.

    >>> plain(3), plain("same"), plain((1, 2))
    (3, 'same', '[1, 2]')
    """
    if value is None or isinstance(value, int | float | str):
        return value
    return show(value)


def call_text(node: Node) -> str:
    """The call of an operation as a file would have it."""
    given = arguments(node)
    if given:
        return f"{node.op.name}({given})"
    return node.op.name


def peak_bytes(graph: Graph) -> int | None:
    """The most bytes of results alive at once in float32 for one sample; None where a size is symbolic."""
    nodes = list(graph)
    position = {node.id: i for i, node in enumerate(nodes)}

    # A result that nobody reads is freed at once, an output never.
    last_use = dict(position)
    for node in nodes:
        for port in node.inputs:
            last_use[port.node] = max(last_use[port.node], position[node.id])
    for output in graph.outputs:
        last_use[output.port.node] = len(nodes)

    freed_at: dict[int, list[str]] = {}
    for id, use in last_use.items():
        freed_at.setdefault(use, []).append(id)

    sizes: dict[str, int] = {}
    alive = most = 0
    # While a node runs, its inputs and its results are all alive.
    for i, node in enumerate(nodes):
        size = sum((node.rows * t.elements * FLOAT_BYTES for t in node.outputs), 0)
        if not isinstance(size, int):
            return None

        sizes[node.id] = size
        alive += size
        most = max(most, alive)
        alive -= sum(sizes[id] for id in freed_at.get(i, []))
    return most


def _node(graph: Graph, node: Node, cost: Cost) -> NodeRow:
    """The row of an operation."""
    # A network that was made from Python, or read from torch, stands in no text.
    file = line = None
    if node.span is not NOWHERE and node.span.source.text:
        file, line = node.span.source.name, node.span.line

    return NodeRow(
        node.id,
        node.name,
        node.op.name,
        call_text(node),
        {name: plain(value) for name, value in node.args.items()},
        [str(graph.type(port)) for port in node.inputs],
        [str(t) for t in node.outputs],
        *_counts(cost),
        file,
        line,
    )


def _block(name: str, depth: int, cost: Cost) -> BlockRow:
    """The row of a scope."""
    return BlockRow(name, depth, cost.ops, *_counts(cost))


def _counts(cost: Cost) -> tuple[Count, Count, Count, Count]:
    """Parameters, buffers, FLOPs and activation bytes."""
    return count(cost.parameters), count(cost.buffers), count(cost.flops), count(cost.activation_bytes)


def _paths(graph: Graph, cost: dict[str, Cost]) -> list[PathRow]:
    """A row for each member of each parallel part and each use of a layer; a node inside several counts in each."""
    cost_of: dict[Member, Cost] = {}
    for node in graph:
        for member in node.members:
            cost_of[member] = cost_of.get(member, Cost()) + cost[node.id]
    return [PathRow(m.kind, ".".join(m.region), m.index, m.count, c.ops, *_counts(c)) for m, c in cost_of.items()]
