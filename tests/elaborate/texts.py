"""Short ways to write networks and to see what became of them."""

from __future__ import annotations

from collections.abc import Mapping

from archlang.elaborate.network import Network, check_text, loads


def text(body: str, before: str = "", dials: str = "", size: str = "[3, 8, 8]") -> str:
    """A file with one network `N` on an input `x`."""
    return f"archlang 1\n{before}\nnetwork N{dials} {{\n  input x: {size}\n{body}\n}}\n"


def net(body: str, before: str = "", dials: str = "", size: str = "[3, 8, 8]",
        given: Mapping[str, object] | None = None) -> Network:
    """The checked network of such a file."""
    return loads(text(body, before, dials, size), given or {})


def names(network: Network) -> list[str]:
    """The dotted names of all nodes but the inputs."""
    return [node.name for node in network.graph if node.op.name != "input"]


def out(network: Network) -> str:
    """The type of the first output."""
    return str(network.graph.type(network.graph.outputs[0].port))


def wrong(source: str, dials: Mapping[str, object] | None = None) -> list[str]:
    """The names of all mistakes and warnings of a text."""
    return [d.name for d in check_text(source, dials or {})]
