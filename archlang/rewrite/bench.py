"""The workbench of fusion: nodes become one node, whose weights stay float64 until all is done and are rounded once."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import fx

from archlang.rewrite.leftovers import forget
from archlang.rewrite.precision import check_precision
from archlang.rewrite.reader import Link, Reader
from archlang.rewrite.report import FusionReport, Merge, Obstacle, Skip
from archlang.rewrite.steps import AffineStep, Contraction
from archlang.rewrite.writing import free_name, write

_FORM = ("val", "tensor_meta", "example_value")
"""The keys of a node's meta that hold the form of its result."""


@dataclass
class _Entry:
    """A merge that may still grow: the places of its parts, the old node of the same value, the new one, its place."""

    parts: list[str]
    old: str
    new: fx.Node
    into: str


class Bench:
    """A graph being rewritten, the merges in it, and why other candidates were not merged.

    `by_value`: merges may depend on the values of weights. `clones`: a convolution that is used elsewhere too may be
    computed once more.
    """

    def __init__(self, module: fx.GraphModule, by_value: bool, clones: bool = False) -> None:
        self.module, self.by_value, self.clones = module, by_value, clones
        self.reader = Reader(module)
        self.entries: dict[fx.Node, _Entry] = {}
        self.kept: dict[fx.Node, tuple[str, Obstacle]] = {}
        self.placed = {node: place(node) for node in module.graph.nodes}
        self.names: list[str] = []

    # --- questions ---------------------------------------------------------------------------------------------------

    def link(self, node: object) -> Link | None:
        """A node as a step, None where it is none or cannot be touched."""
        # A question, not an attempt: the reason is asked for where a merge is tried.
        try:
            return self.reader.link(node)
        except Obstacle:
            return None

    def where(self, node: fx.Node) -> str:
        """A node's place."""
        return self.placed.get(node) or place(node)

    def check_unshared(self, links: Iterable[Link]) -> None:
        """Raise Obstacle (shared) where a contraction's weights are used elsewhere and may not be cloned."""
        if self.clones:
            return
        for link in links:
            if link.contraction and self.reader.uses(link) > 1:
                # A module's place is its name, which the message says already.
                raise Obstacle("shared", "" if link.node.op == "call_module" else self.where(link.node))

    def check_alike(self, links: Sequence[Link]) -> None:
        """Raise Obstacle (dtype) where steps would not give numbers of the dtype that their convolution gives."""
        weights = [link.weight for link in links if link.weight is not None]
        like = weights[0]
        for link in links:
            step = link.step
            if isinstance(step, AffineStep):
                # A wider constant would promote the result, except in a norm, which keeps the dtype of its input.
                narrow = step.dtype is not None and step.dtype.itemsize < like.dtype.itemsize
                wide = step.dtype is not None and not step.norm and step.dtype != like.dtype
                if narrow or wide or (step.scale.dim() and step.scale.device != like.device):
                    raise Obstacle("dtype")
            elif link.weight is not None and (link.weight.dtype, link.weight.device) != (like.dtype, like.device):
                raise Obstacle("dtype")

        # A product in float64 cannot be rounded back to whole numbers.
        if not like.is_floating_point():
            raise Obstacle("dtype")

    def check_fits(self, main: Link, step: Contraction) -> None:
        """Raise Obstacle (overflow) where new weights do not fit the dtype of the old ones."""
        assert main.weight is not None, "a contraction has weights"
        check_precision(step, main.weight)

    def check_memory(self, read: Sequence[fx.Node], gone: Sequence[fx.Node], end: fx.Node) -> None:
        """Raise Obstacle (changed-in-place) where the nodes `gone` cannot become one that computes at another moment.

        `read` are the tensors that they read. Nothing may overwrite those, or a result in between, from the first of
        the nodes to their end; and where one of the nodes overwrites something itself, nobody else may see that.
        """
        memory = self.reader.memory
        if not memory.writers:
            return

        # In place on a tensor of one's own is harmless: nobody sees the difference.
        if any(memory.written(node) and memory.seen_outside(node) for node in gone):
            raise Obstacle("changed-in-place")
        if memory.overwritten([*read, *gone], min([*gone, end]), end, but=[*gone, end]):
            raise Obstacle("changed-in-place")

    # --- changes -----------------------------------------------------------------------------------------------------

    def keep(self, node: fx.Node, reason: Obstacle) -> None:
        """Remember why a candidate stays; the first reason that says more than that nothing is there wins."""
        known = self.kept.get(node)
        if known is None or known[1].name == "no-contraction":
            self.kept[node] = (self.where(node), reason)

    def own(self, link: Link) -> None:
        """Give a contraction weights of its own where others use its module: a copy of the module for this node."""
        node = link.node
        if node.op != "call_module" or self.reader.uses(link) < 2:
            return

        outer, _, name = str(node.target).rpartition(".")
        holder = self.module.get_submodule(outer)
        fresh = free_name(holder, f"{name}_copy")
        # A shallow copy: the parameters are exchanged when the new weights are written.
        holder.add_module(fresh, copy.copy(self.module.get_submodule(str(node.target))))
        if outer:
            node.target = f"{outer}.{fresh}"
        else:
            node.target = fresh
        self.reader.users.enter(node)

    def duplicate(self, link: Link, reader: fx.Node) -> fx.Node:
        """Compute a node once more, for one of its readers alone; the new node."""
        node = link.node
        with self.module.graph.inserting_after(node):
            twin = self.module.graph.node_copy(node)
        self.reader.users.enter(twin)

        reader.replace_input_with(node, twin)

        self.placed[twin] = self.where(node)
        if node in self.reader.ranks:
            self.reader.ranks[twin] = self.reader.ranks[node]
        if node in self.reader.made:  # it was folded already, and its new weights are not written yet
            self.reader.made[twin] = replace(self.reader.made[node], node=twin)
            self.own(self.reader.made[twin])
        self.reader.forget([reader])
        return twin

    def merge(self, main: Link, source: fx.Node, step: Contraction, links: Sequence[Link], end: fx.Node,
              together: bool = False) -> None:
        """The contraction `main` becomes `step` of `source` and computes what `links` did, which ends in `end`.

        `together`: all users of its module change in the same way, and go on to share it.

        Raises Obstacle (overflow) before anything is changed.
        """
        # Before anything is changed, so that an Obstacle leaves the graph as it was.
        self.check_fits(main, step)
        if not together:
            self.own(main)

        node = main.node
        _read_first(node, source)
        # What had a part that can be trained can be trained as a whole.
        trained = any(li.trained or (li.weight is not None and li.weight.requires_grad) for li in links)
        self.reader.made[node] = replace(main, source=source, step=step, trained=trained)
        self._note(node, [link.node for link in links], end)
        self._form(node, end)

    def replace(self, end: fx.Node, node: fx.Node, links: Sequence[Link]) -> None:
        """Readers of `end` read `node` instead; what nobody reads then goes."""
        if node is not end:
            end.replace_all_uses_with(node)

        for link in links:
            # Readers of a form (`x.shape`) that stay read it off the new node, whose form is that of the end.
            for user in [u for u in link.node.users if self._reads_form(u, link.node) and link.node is not node]:
                user.replace_input_with(link.node, node)

        # From the end backwards: a node can go only once its readers are gone.
        self.reader.forget(node.users)
        for one in (end, *(link.node for link in reversed(links))):
            self.discard(one, keep=node)

    def discard(self, node: fx.Node, keep: fx.Node | None = None) -> None:
        """Take a node out that nobody reads any more, and what only it read of the weights."""
        # A node may come up twice: as a link, and as what another one read.
        if node is keep or node.users or node._erased:
            return

        before = list(node.all_input_nodes)
        self.module.graph.erase_node(node)
        self.reader.made.pop(node, None)
        self.entries.pop(node, None)
        self.kept.pop(node, None)
        if node.op in ("get_attr", "call_module"):
            self.names.append(str(node.target))

        # What only fed weights goes with their reader; anything else may be read, or work in place.
        for one in before:
            if one.op == "get_attr" or self.reader.is_tuple_norm(one) or _is_view_of_constant(one):
                self.discard(one, keep)

    def finish(self) -> FusionReport:
        """Write the new weights, forget the old, and say what was done."""
        for node, link in list(self.reader.made.items()):
            self.names += write(self.module, node, link)
        forget(self.module, self.names)

        merges = tuple(Merge(tuple(e.parts), e.into, e.old, e.new.name) for e in self.entries.values())
        # One line for each place and reason, however often the same candidate was tried.
        skipped = {(what, reason.name): Skip(what, reason.name, str(reason)) for node, (what, reason)
                   in self.kept.items() if not node._erased}
        return FusionReport(merges, tuple(skipped.values()))

    def note(self, node: fx.Node, nodes: Sequence[fx.Node], end: fx.Node, new: fx.Node) -> None:
        """Note that nodes became one whose value is that of `new`, as `end` was before."""
        self._note(node, nodes, end)
        self.entries[node].new = new

    def _reads_form(self, user: fx.Node, node: fx.Node) -> bool:
        return user not in self.reader.readers(node)

    def _note(self, node: fx.Node, nodes: Sequence[fx.Node], end: fx.Node) -> None:

        """Note that nodes became one, with the places of all parts that they were made of."""
        parts: list[str] = []
        merged: list[tuple[str, str]] = []
        for one in nodes:
            entry = self.entries.pop(one, None)
            parts += entry.parts if entry is not None else [self.where(one)]
            facts = one.meta.get("archlang")
            if facts:
                merged += facts.get("merged", ((facts["path"], facts["span"]),))

        self.entries[node] = _Entry(list(dict.fromkeys(parts)), end.name, node, self.where(node))
        # A node that fusion made has no place in the file; it takes that of one it is made of.
        facts = node.meta.get("archlang") or next((n.meta["archlang"] for n in nodes if n.meta.get("archlang")), None)
        if facts:
            node.meta["archlang"] = {**facts, "merged": tuple(dict.fromkeys(merged))}

    def _form(self, node: fx.Node, end: fx.Node) -> None:
        """The form of a node's result is that of the node whose place it takes."""
        for key in _FORM:
            if key in end.meta:
                node.meta[key] = end.meta[key]
            # The old form must not stay: it would be that of a result in between.
            else:
                node.meta.pop(key, None)
        if end in self.reader.ranks:
            self.reader.ranks[node] = self.reader.ranks[end]


def place(node: fx.Node) -> str:
    """A node by its module path or variable, and its line where one is known."""
    facts: Any = node.meta.get("archlang")
    if facts:
        return f"{facts['path']} ({facts['span']})"
    if node.op == "call_module":
        return str(node.target)
    return node.name


def _is_view_of_constant(node: fx.Node) -> bool:
    """Tell whether a node only reshapes a constant, so that it may go with its reader."""
    if node.op not in ("call_function", "call_method"):
        return False
    inputs = node.all_input_nodes
    return len(inputs) == 1 and inputs[0].op == "get_attr"


def _read_first(node: fx.Node, source: fx.Node) -> None:
    """Exchange what a node reads first."""
    if node.args:
        node.args = (source, *node.args[1:])
    else:
        node.kwargs = {**node.kwargs, "input": source}
