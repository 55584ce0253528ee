"""The places of a network where experts are chosen, by name: what losses, cuts and pictures go by."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.graph.coded import block_name
from archlang.graph.ir import Graph, Node, Port

ROUTED = {"cosine": 1, "sparse_gates": 1}
"""Operations that filter weights, and which of their results holds the weights before that."""


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
    """Every stage of experts, in program order."""
    return tuple(_site(graph, node) for node in graph if node.op.name == "dispatch")


def _site(graph: Graph, dispatch: Node) -> ExpertSite:
    weights, rows = dispatch.inputs
    router = graph.node(weights.node)
    before = Port(router.id, ROUTED[router.op.name]) if router.op.name in ROUTED else weights
    region = dispatch.path[:-1]
    return ExpertSite(block_name(region), region, weights, before, dispatch.args["experts"], _cut(graph, rows))


def _cut(graph: Graph, port: Port) -> Node | None:
    """The node that cut the patches which are rows here; None behind a stage that puts patches back, or without any."""
    node = graph.node(port.node)
    while node.inputs:
        if node.op.name == "cut_patches":
            return node
        if node.op.name == "put_back":
            return None
        node = graph.node(node.inputs[-1 if node.op.name == "join_experts" else 0].node)
    return None
