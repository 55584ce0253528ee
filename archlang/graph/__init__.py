"""The checked graph: `load` and `loads` make a `Network`, `check` only says what is wrong."""

from archlang.graph.ir import Graph, Node, Port
from archlang.graph.network import Network, check, check_text, load, loads

__all__ = ["Graph", "Network", "Node", "Port", "check", "check_text", "load", "loads"]
