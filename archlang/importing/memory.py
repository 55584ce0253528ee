"""Memory that tensors of a graph share: what works in place changes all that look into it."""

from __future__ import annotations

import operator
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, fx

from archlang.importing.held import Held, Known
from archlang.importing.reader import NoWordError
from archlang.importing.steps import State

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
        whole = self.held.get(base)
        # Into a part of what the model calculates from its weights, such as a bias with zeros in its middle.
        if source is not base and isinstance(before, Known) and isinstance(whole, Known):
            self._rewritten(node, base, whole)
            return
        for other in self.looking.get(base, ()):
            if other in (node, source):
                continue
            if any(self.order[user] > now for user in other.users) and self.held.get(other) != before:
                raise NoWordError("it writes into a tensor that is read under another shape afterwards")
            self.held[other] = made
        self.held[source] = made

    def _rewritten(self, node: fx.Node, base: fx.Node, whole: Known) -> None:
        """Let all that look into the memory of a calculated tensor hold what it holds after a write into a part."""
        way = self._way(node.args[0], base)  # type: ignore[arg-type]  # the first argument is a node

        def read(state: State) -> Tensor:
            memory = whole.read(state).clone()
            part: Any = memory
            for view in way:
                part = _run_on(view, part)
            _run_on(node, part)
            return memory

        after = replace(whole, read=read, derived=whole.derived or whole.trained, trained=False, fixed=None,
                        key=f"{whole.key} {node.name}")
        for other in self.looking[base]:
            held = self.held.get(other)
            if isinstance(held, Known):
                self.held[other] = replace(after, shape=held.shape, read=_through(read, self._way(other, base)),
                                           key=f"{after.key} {other.name}")

    def _way(self, node: fx.Node, base: fx.Node) -> list[fx.Node]:
        """The views from a tensor's memory to a node, in order. Raises `NoWordError` where one takes other tensors."""
        way: list[fx.Node] = []
        while node is not base:
            if len(node.all_input_nodes) != 1 or node.target is operator.getitem:
                raise NoWordError("it writes into a tensor that is read under another shape afterwards")
            way.insert(0, node)
            (node,) = node.all_input_nodes
        return way


def _run_on(node: fx.Node, part: Any) -> Any:
    """A call on another tensor in the place of its first argument."""
    assert callable(node.target)
    return node.target(part, *node.args[1:], **node.kwargs)


def _through(read: Callable[[State], Tensor], way: Sequence[fx.Node]) -> Callable[[State], Tensor]:
    """The tensor that these views make of a tensor's memory."""
    def seen(state: State) -> Tensor:
        part: Any = read(state)
        for view in way:
            part = _run_on(view, part)
        return part  # type: ignore[no-any-return]  # a tensor, as what the views look into
    return seen
