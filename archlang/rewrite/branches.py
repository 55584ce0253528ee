"""Branches of one tensor whose results are added become one convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from archlang.rewrite import calls
from archlang.rewrite.algebra import Conv, Diagonal, Transposed, Window, added, collapsed, scaled
from archlang.rewrite.bench import Bench
from archlang.rewrite.reader import shape_read
from archlang.rewrite.reading import Link
from archlang.rewrite.report import Kept
from archlang.rewrite.turned import added_transposed


@dataclass
class Term:
    """A term of a sum: its factor, its node, and from each tensor behind it the steps that lead to it.

    Where a step in training mode ends the walk, `beyond` are the tensors behind that.
    """

    factor: float
    node: fx.Node
    cuts: dict[fx.Node, tuple[Link, ...]]
    reason: Kept | None = None
    beyond: frozenset[fx.Node] = frozenset()


@dataclass
class Branch:
    """A term from the common source on, as one convolution, and what it costs now."""

    term: Term
    links: tuple[Link, ...]
    conv: Conv | Transposed
    cost: float


def merge_sums(bench: Bench) -> bool:
    """Merge branches in every sum; whether there were some."""
    changed = False
    for node in list(bench.module.graph.nodes):
        if not node._erased and _is_sum(bench, node) and not _inner(bench, node):
            try:
                changed |= _merge(bench, node)
            except Kept as reason:
                bench.keep(node, reason)
    return changed


def _is_sum(bench: Bench, node: fx.Node) -> bool:
    if node.op not in ("call_function", "call_method"):
        return False
    return node.target in calls.SUMS or node.target in calls.TOTALS


def _inner(bench: Bench, node: fx.Node) -> bool:
    """Whether a sum is a term of another that will look at it."""
    return bench.reader.alone(node) and any(_is_sum(bench, r) for r in bench.reader.readers(node)) and \
        len(node.users) == 1


def _terms(bench: Bench, node: fx.Node, factor: float) -> list[tuple[float, fx.Node]]:
    """The terms of a sum, sums inside it resolved; zeros go. Raises `Kept`."""
    found: list[tuple[float, fx.Node]] = []
    if node.target in calls.TOTALS:
        many: Any = node.args[0] if len(node.args) == 1 and isinstance(node.args[0], list | tuple) else node.args
        parts: list[tuple[float, Any]] = [(factor, part) for part in many]
    else:
        one, other, alpha = calls.pair(node)
        if not isinstance(alpha, int | float):
            raise Kept("calculated-weights")
        parts = [(factor, one), (factor * alpha * calls.SUMS[node.target], other)]
    for weight, part in parts:
        if not isinstance(part, fx.Node):
            if part != 0:
                raise Kept("no-contraction")
        elif _is_sum(bench, part) and _inner(bench, part):
            found += _terms(bench, part, weight)
        else:
            found.append((weight, part))
    return found


def _merge(bench: Bench, root: fx.Node) -> bool:
    try:
        pairs = _terms(bench, root, 1.0)
    except Kept:
        return False  # a sum with a number is a step of a chain
    if len(pairs) < 2:
        return False
    terms = [_walk(bench, factor, node) for factor, node in pairs]
    _refuse_training(bench, terms)
    source = _common(terms)
    if source is None:
        return False
    if bench.reader.overwritten(source):
        raise Kept("changed-in-place")
    branches = _branches(bench, source, [t for t in terms if source in t.cuts])
    chosen = _chosen(bench, branches)
    if chosen is None:
        return False
    _write(bench, root, source, chosen, [t for t in terms if not any(t is b.term for b in chosen[1])])
    return True


def _walk(bench: Bench, factor: float, start: fx.Node) -> Term:
    """A term and, going back from it, every tensor from which steps that nobody else needs lead to it."""
    links: tuple[Link, ...] = ()
    term, node, free = Term(factor, start, {start: ()}), start, False
    while True:
        try:
            link = bench.reader.link(node)
            if link is not None and link.contraction:
                bench.unshared([link])
        except Kept as reason:
            term.reason = reason
            term.beyond = _beyond(bench, node) if reason.name == "training-mode" else frozenset()
            return term
        alone = bench.reader.alone(node) and not (any(map(shape_read, node.users)) and not _still(links))
        free = free or not alone
        if link is None or (free and not link.free):
            return term
        links, node = (link, *links), link.source
        term.cuts[node] = links


def _beyond(bench: Bench, node: fx.Node) -> frozenset[fx.Node]:
    """What stands behind a step in training mode; branches of its own result are not concerned."""
    found: list[fx.Node] = [node]
    while True:
        before = found[-1].all_input_nodes[0] if found[-1] is node else getattr(bench.link(found[-1]), "source", None)
        if before is None:
            return frozenset(found[1:])
        found.append(before)


def _refuse_training(bench: Bench, terms: list[Term]) -> None:
    """Raises `Kept` where a branch that trains and another one have a tensor in common."""
    for term in terms:
        others = [t for t in terms if t is not term and any(t.cuts.keys() & term.beyond)]
        if others and any(li.contraction for t in [term, *others] for links in t.cuts.values() for li in links):
            raise Kept("trained-branch", bench.where(term.node))


def _still(links: Sequence[Link]) -> bool:
    return all(isinstance(li.step, Diagonal) or (isinstance(li.step, Window) and li.step.idle) for li in links)


def _common(terms: list[Term]) -> fx.Node | None:
    """The tensor that most terms come from, one of them at least by a kernel."""
    counted: dict[fx.Node, list[tuple[Link, ...]]] = {}
    for term in terms:
        for node, links in term.cuts.items():
            counted.setdefault(node, []).append(links)
    fit = [node for node, many in counted.items()
           if len(many) > 1 and any(link.contraction for links in many for link in links)]
    return max(fit, key=lambda node: len(counted[node]), default=None)


def _branches(bench: Bench, source: fx.Node, terms: list[Term]) -> list[Branch]:
    """The terms that are convolutions of the source; why others are not is noted."""
    kernels = [li.step for t in terms for li in t.cuts[source] if li.contraction]
    conv = next((k for k in kernels if isinstance(k, Conv)), None)
    if conv is None:
        return _turned(bench, source, terms)
    found: list[Branch] = []
    # The first kernel of any branch says how many channels the source has, and how many sizes follow them.
    entering = next(li.step.entering for t in terms for li in t.cuts[source] if isinstance(li.step, Conv))
    for term in terms:
        links = term.cuts[source]
        try:
            made = collapsed([li.step for li in links], conv.spatial, entering, conv.kernel, bench.by_value)
        except Kept as reason:
            bench.keep(term.node, reason)
            continue
        cost, spread = 0.0, 1.0
        for link in links:
            if isinstance(link.step, Conv):
                cost += link.step.cost * spread
                spread *= link.step.cost / link.step.kernel.numel()
        found.append(Branch(term, links, scaled(made, term.factor), cost))
    return found


def _turned(bench: Bench, source: fx.Node, terms: list[Term]) -> list[Branch]:
    """The terms that are transposed convolutions of the source; why others are not is noted."""
    found = []
    for term in terms:
        links = term.cuts[source]
        steps = [li.step for li in links if not (isinstance(li.step, Window) and li.step.idle)]
        if len(steps) == 1 and isinstance(steps[0], Transposed):
            found.append(Branch(term, links, scaled(steps[0], term.factor), steps[0].cost))
        else:
            bench.keep(term.node, Kept("transposed"))
    return found


def _sum(one: Conv | Transposed, other: Conv | Transposed) -> Conv | Transposed:
    if isinstance(one, Conv) and isinstance(other, Conv):
        return added(one, other)
    assert isinstance(one, Transposed) and isinstance(other, Transposed), "branches of one source are of one kind"
    return added_transposed(one, other)


def _chosen(bench: Bench, branches: list[Branch]) -> tuple[Conv | Transposed, list[Branch]] | None:
    """Branches that together are one convolution no dearer than they are, the largest first; None for fewer than two"""
    order = sorted(branches, key=lambda b: -b.conv.kernel.numel() * bool(b.cost))
    if not order or not order[0].cost:
        return None
    whole, cost, taken = order[0].conv, order[0].cost, [order[0]]
    weight = next(li for li in order[0].links if li.contraction)
    for branch in order[1:]:
        try:
            bench.alike([weight, *branch.links])
            made = _sum(whole, branch.conv)
            if made.cost > cost + branch.cost:
                raise Kept("cost")
        except Kept as reason:
            bench.keep(branch.term.node if branch.links else weight.node, reason)
            continue
        whole, cost = made, cost + branch.cost
        taken.append(branch)
    return (whole, taken) if len(taken) > 1 else None


def _write(bench: Bench, root: fx.Node, source: fx.Node, chosen: tuple[Conv | Transposed, list[Branch]],
           rest: list[Term]) -> None:
    whole, taken = chosen
    links = list(dict.fromkeys(link for branch in taken for link in branch.links))
    main = max((li for li in links if li.contraction), key=_size)
    bench.merge(main, source, whole, links, root)
    bench.place_after(main.node, source)
    last = main.node
    with bench.module.graph.inserting_before(root):
        for term in rest:
            last = _plus(bench, root, last, term)
    bench.entries[main.node].new = last
    sums = _sums(bench, root)
    bench.replace(root, last, [])
    for one in sums:
        bench.discard(one, keep=last)
    bench.replace(main.node, main.node, links)


def _plus(bench: Bench, root: fx.Node, last: fx.Node, term: Term) -> fx.Node:
    """One more term that stays, behind what there is."""
    target: Any = calls.aten.add.Tensor if isinstance(root.target, torch._ops.OpOverload) else torch.add
    kwargs: dict[str, Any] = {} if term.factor == 1 else {"alpha": term.factor}
    made = bench.module.graph.create_node("call_function", target, (last, term.node), kwargs)
    made.meta.update({k: v for k, v in root.meta.items() if k != "from_node"})
    if root in bench.reader.ranks:
        bench.reader.ranks[made] = bench.reader.ranks[root]
    bench.placed[made] = bench.where(root)
    return made


def _sums(bench: Bench, root: fx.Node) -> list[fx.Node]:
    """The sums inside a sum, the outer first."""
    found: list[fx.Node] = []
    for one in root.all_input_nodes:
        if _is_sum(bench, one) and _inner(bench, one):
            found += [one, *_sums(bench, one)]
    return found


def _size(link: Link) -> int:
    assert isinstance(link.step, Conv | Transposed)
    return link.step.kernel.numel()
