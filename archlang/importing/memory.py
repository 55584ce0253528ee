"""Memory that tensors of a graph share: what works in place changes all that look into it."""

from __future__ import annotations

from collections.abc import MutableMapping

from torch import fx

from archlang.importing.held import Held, Known
from archlang.importing.reader import NoWordError

ALIASING = frozenset({"dropout", "feature_dropout", "contiguous", "reshape", "flatten", "to"})
"""Operations that may hand out what they got, which torch's declarations do not say."""


class SharedMemory:
    """The nodes that look into one another's memory, and what they hold after a call that writes there.

    Args:
        graph: the graph that is read.
        held: what each node holds, which a call that works in place changes.
    """

    def __init__(self, graph: fx.Graph, held: MutableMapping[fx.Node, Held]) -> None:
        self.held = held
        self.order = {node: at for at, node in enumerate(graph.nodes)}
        self.base: dict[fx.Node, fx.Node] = {}
        self.looking: dict[fx.Node, list[fx.Node]] = {}  # the nodes that look into the memory of a node

    def of(self, node: fx.Node) -> fx.Node:
        """The node whose memory a node looks into."""
        return self.base.get(node, node)

    def view(self, node: fx.Node, source: fx.Node) -> None:
        """Note that a node looks into the memory of another one."""
        base = self.of(source)
        self.base[node] = base
        self.looking.setdefault(base, [base]).append(node)

    def called(self, node: fx.Node, short: str, mutable: bool, made: Held) -> None:
        """Follow memory: what works in place changes the value of the node it is given, too."""
        if not node.args or not isinstance(node.args[0], fx.Node):
            return
        source = node.args[0]
        schema = node.target._schema  # type: ignore[union-attr]  # an overload
        views = schema.arguments[0].alias_info is not None
        if views or short in ALIASING:
            self.view(node, source)
        # What depends on no weight was written in place already.
        if not mutable or (isinstance(made, Known) and made.made is not None):
            return

        before = self.held[source]
        base = self.of(source)
        if isinstance(before, Known) and before.names and base.op == "placeholder":
            raise NoWordError(f"it writes into `{before.names[0]}`, a tensor of the model's own")
        now = self.order[node]
        for other in self.looking.get(base, ()):
            if other in (node, source):
                continue
            if any(self.order[user] > now for user in other.users) and self.held.get(other) != before:
                raise NoWordError("it writes into a tensor that is read under another shape afterwards")
            self.held[other] = made
        self.held[source] = made
