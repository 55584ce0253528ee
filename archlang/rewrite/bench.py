"""The workbench of fusion: nodes become one node, whose weights stay float64 until all is done and are rounded once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import fx, nn

from archlang.rewrite import calls
from archlang.rewrite.algebra import Conv, Diagonal, Transposed
from archlang.rewrite.reader import Reader, shape_read
from archlang.rewrite.reading import Link
from archlang.rewrite.report import Kept, Merge, Report, Skip
from archlang.rewrite.writing import write

_FORM = ("val", "tensor_meta", "example_value")


@dataclass
class _Entry:
    parts: list[str]
    old: str
    new: fx.Node
    into: str


class Bench:
    """A graph being rewritten, what was merged in it, and why other candidates were not."""

    def __init__(self, module: fx.GraphModule, by_value: bool) -> None:
        self.module, self.by_value = module, by_value
        self.reader = Reader(module)
        self.entries: dict[fx.Node, _Entry] = {}
        self.kept: dict[fx.Node, tuple[str, Kept]] = {}
        self.placed = {node: place(node) for node in module.graph.nodes}
        self.names: list[str] = []

    def link(self, node: object) -> Link | None:
        """A node as a step, None where it is none or cannot be touched."""
        try:
            return self.reader.link(node)
        except Kept:
            return None

    def keep(self, node: fx.Node, reason: Kept) -> None:
        """Remember why a candidate stays; the first reason that says more than that nothing is there wins."""
        known = self.kept.get(node)
        if known is None or known[1].name == "no-contraction":
            self.kept[node] = (self.where(node), reason)

    def where(self, node: fx.Node) -> str:
        """A node's place."""
        return self.placed.get(node) or place(node)

    def unshared(self, links: Iterable[Link]) -> None:
        """Raises `Kept` where a contraction's weights are used elsewhere."""
        for link in links:
            if link.contraction and self.reader.uses(link) > 1:
                raise Kept("shared", "" if link.node.op == "call_module" else self.where(link.node))

    def alike(self, links: Sequence[Link]) -> None:
        """Raises `Kept` where steps would not give numbers of the dtype that their convolution gives."""
        weights = [link.weight for link in links if link.weight is not None]
        for link in links:
            step, like = link.step, weights[0]
            if isinstance(step, Diagonal):
                narrow = step.dtype is not None and step.dtype.itemsize < like.dtype.itemsize
                wide = step.dtype is not None and not step.norm and step.dtype != like.dtype
                if narrow or wide or (step.scale.dim() and step.scale.device != like.device):
                    raise Kept("dtype")
            elif link.weight is not None and (link.weight.dtype, link.weight.device) != (like.dtype, like.device):
                raise Kept("dtype")
        if not weights[0].is_floating_point():
            raise Kept("dtype")

    def merge(self, main: Link, source: fx.Node, step: Conv | Transposed, links: Sequence[Link], end: fx.Node) -> None:
        """The contraction `main` becomes `step` of `source` and computes what `links` did, which ends in `end`."""
        node = main.node
        _first_argument(node, source)
        trained = any(li.trained or (li.weight is not None and li.weight.requires_grad) for li in links)
        self.reader.made[node] = replace(main, source=source, step=step, trained=trained)
        self._note(node, [link.node for link in links], end)
        self._form(node, end)

    def replace(self, end: fx.Node, node: fx.Node, links: Sequence[Link]) -> None:
        """Readers of `end` read `node` instead; what nobody reads then goes."""
        if node is not end:
            end.replace_all_uses_with(node)
        for link in links:
            for user in [u for u in link.node.users if shape_read(u) and link.node is not node]:
                user.replace_input_with(link.node, node)
        self.reader.forget(node.users)
        for one in (end, *(link.node for link in reversed(links))):
            self.discard(one, keep=node)

    def place_after(self, node: fx.Node, source: fx.Node) -> None:
        """Move a node to where its source is known, before all that may read it."""
        at = source
        while at.next.op == "placeholder":
            at = at.next
        if at is not node:
            at.append(node)

    def _note(self, node: fx.Node, nodes: Sequence[fx.Node], end: fx.Node) -> None:
        parts: list[str] = []
        merged: list[tuple[str, str]] = []
        for one in nodes:
            entry = self.entries.pop(one, None)
            parts += entry.parts if entry is not None else [self.where(one)]
            facts = one.meta.get("archlang")
            if facts:
                merged += facts.get("merged", ((facts["path"], facts["span"]),))
        self.entries[node] = _Entry(list(dict.fromkeys(parts)), end.name, node, self.where(node))
        facts = node.meta.get("archlang") or next((n.meta["archlang"] for n in nodes if n.meta.get("archlang")), None)
        if facts:
            node.meta["archlang"] = {**facts, "merged": tuple(dict.fromkeys(merged))}

    def _form(self, node: fx.Node, end: fx.Node) -> None:
        for key in _FORM:
            if key in end.meta:
                node.meta[key] = end.meta[key]
            else:
                node.meta.pop(key, None)
        if end in self.reader.ranks:
            self.reader.ranks[node] = self.reader.ranks[end]

    def discard(self, node: fx.Node, keep: fx.Node | None = None) -> None:
        """Take a node out that nobody reads any more, and what only it read of the weights."""
        if node is keep or node.users or node._erased:
            return
        before = list(node.all_input_nodes)
        self.module.graph.erase_node(node)
        self.reader.made.pop(node, None)
        self.entries.pop(node, None)
        self.kept.pop(node, None)
        if node.op in ("get_attr", "call_module"):
            self.names.append(str(node.target))
        for one in before:
            if one.op == "get_attr" or one.target in calls.TUPLE_NORMS or _part(one):
                self.discard(one, keep)

    def finish(self) -> Report:
        """Write the new weights, forget the old, and say what was done."""
        for node, link in list(self.reader.made.items()):
            self.names += write(self.module, node, link)
        _forget(self.module, self.names)
        merges = tuple(Merge(tuple(e.parts), e.into, e.old, e.new.name) for e in self.entries.values())
        skipped = {(what, reason.name): Skip(what, reason.name, str(reason)) for node, (what, reason)
                   in self.kept.items() if not node._erased}
        return Report(merges, tuple(skipped.values()))


def place(node: fx.Node) -> str:
    """A node by its module path or variable, and its line where one is known."""
    facts = node.meta.get("archlang")
    name = str(node.target) if node.op == "call_module" else node.name
    return f"{facts['path']} ({facts['span']})" if facts else name


def _part(node: fx.Node) -> bool:
    """Whether a node only reshapes a constant, so that it may go with its reader."""
    return node.op in ("call_function", "call_method") and len(node.all_input_nodes) == 1 and \
        node.all_input_nodes[0].op == "get_attr"


def _first_argument(node: fx.Node, source: fx.Node) -> None:
    if node.args:
        node.args = (source, *node.args[1:])
    else:
        node.kwargs = {**node.kwargs, "input": source}


def _forget(module: fx.GraphModule, names: Sequence[str]) -> None:
    """Take weights and modules away that no node names any more, and modules that thereby become empty."""
    counters = {f"{name.rpartition('.')[0]}.num_batches_tracked".lstrip(".") for name in names}
    gone = list(names)
    for node in list(module.graph.nodes):  # torch.export reads counters for nobody
        if node.op == "get_attr" and not node.users and str(node.target) in counters:
            module.graph.erase_node(node)
            gone.append(str(node.target))
    used = {str(n.target) for n in module.graph.nodes if n.op in ("get_attr", "call_module")}
    above = {outer for name in used for outer in _above(name)}
    for name in gone:
        target = name
        while target and target not in used and target not in above and used.isdisjoint(_above(target)):
            holder = _delete(module, target)
            if holder is None or type(holder) is not nn.Module or _holds(holder):
                break
            target = target.rpartition(".")[0]


def _above(name: str) -> list[str]:
    """The modules around something: `a.b` and `a` for `a.b.c`."""
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def _delete(module: fx.GraphModule, target: str) -> nn.Module | None:
    outer, _, name = target.rpartition(".")
    try:
        holder = module.get_submodule(outer)
    except AttributeError:
        return None
    if hasattr(holder, name):
        delattr(holder, name)
    return holder


def _holds(holder: nn.Module) -> Any:
    return holder._modules or holder._parameters or holder._buffers
