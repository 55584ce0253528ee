"""The graph: what a checked network is, and nothing of the text that it came from."""

from archlang.graph.ir import Graph, Node, Port

__all__ = ["Graph", "Node", "Port"]
