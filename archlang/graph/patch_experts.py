"""The places of a network where experts are chosen, by name: what losses, cuts and pictures go by."""

from __future__ import annotations

from archlang.dataclass import dataclass
from archlang.graph.coded import block_name
from archlang.graph.ir import Graph, Member, Node, Port
from archlang.graph.uses import named


@dataclass(frozen=True)
class ExpertSite:
    """A stage of experts: its name and module path, the weights [rows, experts] that count, those before the filter.

    `cut` is the node that cut the patches which come in; None where whole samples are the rows.
    """

    name: str
    region: tuple[str, ...]
    weights: Port
    before: Port
    experts: int
    cut: Node | None


def expert_sites(graph: Graph) -> tuple[ExpertSite, ...]:
    """Every stage of experts, in program order; of a stage that is used twice the second use is `NAME_2`."""
    return tuple(_site(graph, node, name) for name, node in named(dispatching(graph), _stage_name).items())


def dispatching(graph: Graph) -> tuple[Node, ...]:
    """The nodes that hand rows to experts, one for each of `expert_sites`."""
    return tuple(node for node in graph if node.op.piece == "dispatch")


def held(experts: int, process: int, processes: int) -> range:
    """The experts of a stage that one of several processes holds; runs of the first ones may be shorter by one.

    >>> [list(held(5, process, 2)) for process in (0, 1)]
    [[0, 1], [2, 3, 4]]
    """
    return range(process * experts // processes, (process + 1) * experts // processes)


def expert_of(node: Node) -> Member | None:
    """The expert that a node is in, the outermost one of several; None outside experts."""
    return next((member for member in node.members if member.kind == "experts"), None)


def holder_of(node: Node, processes: int) -> int | None:
    """The process that holds the expert which a node is in; None outside experts."""
    member = expert_of(node)
    if member is None:
        return None
    return next(p for p in range(processes) if member.index in held(member.count, p, processes))


def router_of(graph: Graph, dispatch: Node) -> tuple[Node, ...]:
    """The nodes that work out the weights of a stage of experts from the rows that enter it."""
    weights, rows = dispatch.inputs
    found: dict[str, Node] = {}
    waiting = [weights.node]

    # Back from the weights: a router sees the rows and nothing else.
    while waiting:
        node = graph.node(waiting.pop())
        if node.id != rows.node and node.id not in found:
            found[node.id] = node
            waiting.extend(port.node for port in node.inputs)
    return tuple(found.values())


def _stage_name(dispatch: Node) -> str:
    return block_name(dispatch.path[:-1])


def _site(graph: Graph, dispatch: Node, name: str) -> ExpertSite:
    weights, rows = dispatch.inputs
    router = graph.node(weights.node)

    # A router that filters hands out the weights before the filter too; one that does not has them all in `weights`.
    before = weights
    if router.op.before is not None:
        before = Port(router.id, router.op.before)

    region = dispatch.path[:-1]
    return ExpertSite(name, region, weights, before, dispatch.args["experts"], _cut(graph, rows))


def _cut(graph: Graph, port: Port) -> Node | None:
    """The node that cut the patches which are rows here; None behind a stage that puts patches back, or without any."""
    node = graph.node(port.node)
    while node.inputs:
        if node.op.piece == "cut patches":
            return node
        if node.op.piece == "put back":
            return None

        # The first input of a sum of experts is where their rows came from, not the rows themselves.
        rows_at = 0
        if node.op.piece == "joined experts":
            rows_at = -1
        node = graph.node(node.inputs[rows_at].node)
    return None
