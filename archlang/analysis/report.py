"""What a network costs: in all, node by node, scope by scope, path by path. Plain data that any format can carry."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from archlang.codes.code import Code
from archlang.graph.coded import block_name
from archlang.graph.ir import CodedSite, Graph, Member, Node
from archlang.graph.outline import Cost, HasGraph, arguments, costs, graph_of, outline
from archlang.ops.values import show
from archlang.shapes import Dim
from archlang.source import NOWHERE

FORMAT_VERSION = 1

Count = int | str
"""A number, or the text of one that depends on symbols such as `H`."""

Plain = int | float | bool | str | None
"""An argument's value: a number, a truth value, null for one that is worked out, else its text."""


@dataclass(frozen=True)
class NodeRow:
    """One operation; `call` is how a file would write it. Weights that several nodes share count at the first."""

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
    """A scope and all inside it; `depth` is 1 for the network's own names."""

    name: str
    depth: int
    ops: int
    parameters: Count
    buffers: Count
    flops: Count
    activation_bytes: Count


@dataclass(frozen=True)
class PathRow:
    """One member of something parallel: a path, branch or layer of the stage at `region`."""

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
    """A code that the network's branches follow: `histogram` is distance to pairs of words, `columns` classes a branch.

    `blocks` are the stages whose branches follow it.
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
    """A place where rows (patches, or samples) go to experts: how many of each a sample has, and FLOPs.

    `pair_flops` are those of one expert on one row, `router_flops` those of the router on one row; `active_flops[k]`
    those of the place for a sample when each row goes to k + 1 experts, the last of them the dense form.
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

    `peak_bytes` is the most that is alive at once when nodes run in order and a result goes after its last reader; None
    where a size is symbolic.
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

    def json(self) -> str:
        """The report as one JSON document, the same bytes every time."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode() + "\n"


def report(network: HasGraph | Graph) -> Report:
    """Counts everything in a network."""
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
        [_block(scope.path, len(scope.levels), scope.cost) for scope in tree.walk() if scope.levels],
        _paths(graph, cost),
        _codes(graph),
        [_experts(graph, node) for node in graph if node.op.name == "dispatch"],
    )


def _experts(graph: Graph, dispatch: Node) -> ExpertsRow:
    """One place of experts, which its dispatch stands for."""
    region, number = dispatch.path[:-1], int(dispatch.args["experts"])
    router: Dim = 0
    pair: Dim = 0
    for node in graph:
        flops = node.op.flops(graph.call(node))
        if any((m.region, m.kind, m.index) == (region, "experts", 0) for m in node.members):
            pair += flops * _times(node.rows, dispatch.rows)
        elif node.path[: len(region) + 1] == (*region, "router"):
            router += flops * _times(node.rows, dispatch.rows)
    active = [count(dispatch.rows * (router + k * pair)) for k in range(1, number + 1)]
    return ExpertsRow(".".join(region), count(dispatch.rows), number, count(pair), count(router), active)


def _times(inner: Dim, outer: Dim) -> Dim:
    """How often something inside runs for each row outside: more than once where patches are cut of patches."""
    return inner // outer if isinstance(outer, int) and inner != outer else 1


def _codes(graph: Graph) -> list[CodeRow]:
    """Each code once, in the order in which the network uses them."""
    sites: dict[tuple[str, ...], list[CodedSite]] = {}
    for site in graph.coded.values():
        sites.setdefault(site.code.words, []).append(site)
    rows = []
    for words, at in sites.items():
        code = Code(words)
        blocks = [block_name(site.region) for site in at]
        rows.append(CodeRow(at[0].code.name, code.classes, code.branches, code.distance, code.active, code.histogram,
                            list(code.columns), blocks))
    return rows


def count(size: Dim) -> Count:
    """The number, or the text of what is symbolic."""
    return size if isinstance(size, int) else str(size)


def plain(value: object) -> Plain:
    """A static value as JSON can carry it.

    >>> plain(3), plain("same"), plain((1, 2))
    (3, 'same', '[1, 2]')
    """
    return value if isinstance(value, int | float | str) or value is None else show(value)


def peak_bytes(graph: Graph) -> int | None:
    """The most bytes of results alive at once in float32 for one sample; None where a size is symbolic."""
    order = {node.id: i for i, node in enumerate(graph)}
    last = {node.id: i for node, i in zip(graph, order.values(), strict=True)}
    for node in graph:
        for port in node.inputs:
            last[port.node] = max(last[port.node], order[node.id])
    for output in graph.outputs:
        last[output.port.node] = len(order)
    ending: dict[int, list[str]] = {}
    for id, when in last.items():
        ending.setdefault(when, []).append(id)
    sizes: dict[str, int] = {}
    alive = most = 0
    for node in graph:
        size = sum((node.rows * t.elements * 4 for t in node.outputs), 0)
        if not isinstance(size, int):
            return None
        sizes[node.id] = size
        alive += size
        most = max(most, alive)
        alive -= sum(sizes[id] for id in ending.get(order[node.id], []))
    return most


def _node(graph: Graph, node: Node, cost: Cost) -> NodeRow:
    nowhere = node.span is NOWHERE or not node.span.source.text
    given = arguments(node)
    call = f"{node.op.name}({given})" if given else node.op.name
    return NodeRow(
        node.id,
        node.name,
        node.op.name,
        call,
        {name: plain(value) for name, value in node.args.items()},
        [str(graph.type(port)) for port in node.inputs],
        [str(t) for t in node.outputs],
        *_counts(cost),
        None if nowhere else node.span.source.name,
        None if nowhere else node.span.line,
    )


def _block(name: str, depth: int, cost: Cost) -> BlockRow:
    return BlockRow(name, depth, cost.ops, *_counts(cost))


def _counts(cost: Cost) -> tuple[Count, Count, Count, Count]:
    return count(cost.parameters), count(cost.buffers), count(cost.flops), count(cost.activation_bytes)


def _paths(graph: Graph, cost: dict[str, Cost]) -> list[PathRow]:
    found: dict[Member, Cost] = {}
    for node in graph:
        for member in node.members:
            found[member] = found.get(member, Cost()) + cost[node.id]
    return [PathRow(m.kind, ".".join(m.region), m.index, m.count, c.ops, *_counts(c)) for m, c in found.items()]
