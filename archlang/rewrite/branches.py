"""Branches of one tensor whose results are added become one convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

import archlang.rewrite.calls as calls
from archlang.rewrite.algebra import added, collapsed
from archlang.rewrite.arguments import operands
from archlang.rewrite.bench import Bench
from archlang.rewrite.reader import Link
from archlang.rewrite.report import Obstacle
from archlang.rewrite.steps import AffineStep, Contraction, ConvStep, TransposedStep, scaled
from archlang.rewrite.transposed import added_transposed


@dataclass
class SumTerm:
    """A term of a sum: its factor, its node, and from each tensor behind it the steps that lead to it.

    `reason` is why the walk ended, where something that could be a step cannot be touched; where that is a step in
    training mode, `beyond` are the tensors behind it.
    """

    factor: float
    node: fx.Node
    cuts: dict[fx.Node, tuple[Link, ...]]
    reason: Obstacle | None = None
    beyond: frozenset[fx.Node] = frozenset()

    @property
    def contracts(self) -> bool:
        """Tell whether there is a kernel among its steps."""
        return any(link.contraction for links in self.cuts.values() for link in links)


@dataclass
class Branch:
    """A term from the common source on, as one convolution, and what it costs now."""

    term: SumTerm
    links: tuple[Link, ...]
    conv: Contraction
    cost: float


def merge_sums(bench: Bench) -> bool:
    """Merge branches in every sum; whether there were some."""
    changed = False
    for node in list(bench.module.graph.nodes):
        # Nodes go while the list is walked through; a sum inside another is looked at with that one.
        if not node._erased and _is_sum(node) and not _is_inner(bench, node):
            try:
                changed |= _merge(bench, node)
            except Obstacle as reason:
                bench.keep(node, reason)
    return changed


def _is_sum(node: fx.Node) -> bool:
    """Tell whether a node adds or subtracts tensors."""
    if node.op not in ("call_function", "call_method"):
        return False
    return node.target in calls.SUMS or node.target in calls.TOTALS


def _is_inner(bench: Bench, node: fx.Node) -> bool:
    """Tell whether a sum is a term of another that will look at it."""
    one_reader = bench.reader.alone(node) and len(node.users) == 1
    return one_reader and any(_is_sum(reader) for reader in bench.reader.readers(node))


def _terms(bench: Bench, node: fx.Node, factor: float) -> list[tuple[float, fx.Node]]:
    """The terms of a sum, sums inside it resolved; zeros go. Raises Obstacle."""
    # `sum` has its terms in one list, `total` as arguments.
    if node.target in calls.TOTALS:
        if node.kwargs:
            raise Obstacle("arguments")  # a beginning that is no zero
        listed: Any = node.args
        if len(node.args) == 1 and isinstance(node.args[0], list | tuple):
            listed = node.args[0]
        parts: list[tuple[float, Any]] = [(factor, part) for part in listed]
    else:
        one, other, alpha = operands(node)
        # `a - alpha b`: the sign of the second term and its factor are one number.
        parts = [(factor, one), (factor * alpha * calls.SUMS[node.target], other)]

    terms: list[tuple[float, fx.Node]] = []
    for weight, part in parts:
        if not isinstance(part, fx.Node):
            # `sum` begins at 0, which adds nothing.
            if isinstance(part, int | float) and part == 0:
                continue
            raise Obstacle("no-contraction")
        if _is_sum(part) and _is_inner(bench, part):
            terms += _terms(bench, part, weight)
        else:
            terms.append((weight, part))
    return terms


def _merge(bench: Bench, root: fx.Node) -> bool:
    """Merge the branches of one sum; whether there were some. Raises Obstacle."""
    try:
        pairs = _terms(bench, root, 1.0)
    except Obstacle:
        return False  # a sum with a number is a step of a chain
    if len(pairs) < 2:
        return False

    terms = [_walk(bench, factor, node) for factor, node in pairs]
    _refuse_training(bench, terms)
    _explain(bench, terms)
    source = _common_source(terms)
    if source is None:
        return False

    # A source is a source of two terms at least; the others stay as they are.
    branches = _branches(bench, source, [t for t in terms if source in t.cuts])
    chosen = _chosen(bench, branches)
    if chosen is None:
        return False
    _write(bench, root, source, chosen, [t for t in terms if not any(t is b.term for b in chosen[1])])
    return True


def _walk(bench: Bench, factor: float, start: fx.Node) -> SumTerm:
    """A term and, going back from it, every tensor from which steps that nobody else needs lead to it."""
    # The tensor itself is a term too (a shortcut): the cut of no steps.
    links: tuple[Link, ...] = ()
    term, node, free_only = SumTerm(factor, start, {start: ()}), start, False
    while True:
        try:
            link = bench.reader.link(node)
            if link is not None and link.contraction:
                bench.check_unshared([link])
        except Obstacle as reason:
            term.reason = reason
            if reason.name == "training-mode":
                term.beyond = _beyond(bench, node)
            return term

        form_read = len(bench.reader.readers(node)) < len(node.users) and not _keep_form(links)
        # A result that others read too stays, and a free step may be done once more behind it.
        free_only = free_only or form_read or not bench.reader.alone(node)

        if link is None or (free_only and not link.free):
            return term
        links, node = (link, *links), link.source
        term.cuts[node] = links


def _beyond(bench: Bench, node: fx.Node) -> frozenset[fx.Node]:
    """The tensors behind a step in training mode; branches of its own result are not concerned."""
    passed: list[fx.Node] = [node]

    before: fx.Node | None = node.all_input_nodes[0] if node.all_input_nodes else None
    while before is not None:
        passed.append(before)
        link = bench.link(before)
        if link is None:
            before = None
        else:
            before = link.source
    return frozenset(passed[1:])


def _refuse_training(bench: Bench, terms: list[SumTerm]) -> None:
    """Raise Obstacle where a branch that trains and another one have a tensor in common."""
    for term in terms:
        others = [t for t in terms if t is not term and any(t.cuts.keys() & term.beyond)]
        if others and any(t.contracts for t in [term, *others]):
            raise Obstacle("trained-branch", bench.where(term.node))


def _explain(bench: Bench, terms: list[SumTerm]) -> None:
    """Note why a term beside a convolution is no branch, though it could be one."""
    for term in terms:
        # Without a convolution beside it, nobody expects a term to merge.
        beside = any(other.contracts for other in terms if other is not term)
        if beside and term.reason is not None and term.reason.name != "training-mode":
            bench.keep(term.node, term.reason)


def _keep_form(links: Sequence[Link]) -> bool:
    """Tell whether links give tensors of the form that they are given."""
    return all(isinstance(link.step, AffineStep) or link.idle for link in links)


def _common_source(terms: list[SumTerm]) -> fx.Node | None:
    """The tensor that most terms come from, one of them at least by a kernel."""
    leading: dict[fx.Node, list[tuple[Link, ...]]] = {}
    for term in terms:
        for node, links in term.cuts.items():
            leading.setdefault(node, []).append(links)

    fit = [node for node, many in leading.items()
           if len(many) > 1 and any(link.contraction for links in many for link in links)]
    # The first of equals, and terms were walked from their end: the nearest source.
    return max(fit, key=lambda node: len(leading[node]), default=None)


def _branches(bench: Bench, source: fx.Node, terms: list[SumTerm]) -> list[Branch]:
    """The terms that are convolutions of the source; why others are not is noted."""
    kernels = [li.step for t in terms for li in t.cuts[source] if isinstance(li.step, ConvStep)]
    if not kernels:
        return _transposed_branches(bench, source, terms)

    branches: list[Branch] = []
    # The first kernel of any branch says how many channels the source has, and how many sizes follow them.
    like = kernels[0]
    for term in terms:
        links = term.cuts[source]
        try:
            conv = collapsed([li.step for li in links], like.spatial, like.in_channels, like.kernel, bench.by_value)
        except Obstacle as reason:
            bench.keep(term.node, reason)
            continue

        # In multiplications for each position of the source: strides before a kernel spread it over fewer.
        cost, spread = 0.0, 1.0
        for link in links:
            if isinstance(link.step, ConvStep):
                cost += link.step.cost * spread
                spread *= link.step.cost / link.step.kernel.numel()
        branches.append(Branch(term, links, scaled(conv, term.factor), cost))
    return branches


def _transposed_branches(bench: Bench, source: fx.Node, terms: list[SumTerm]) -> list[Branch]:
    """The terms that are transposed convolutions of the source; why others are not is noted."""
    branches = []
    for term in terms:
        links = term.cuts[source]
        steps = [link.step for link in links if not link.idle]
        # More than the kernel itself (a padding, say) adds up differently at the border.
        if len(steps) == 1 and isinstance(steps[0], TransposedStep):
            branches.append(Branch(term, links, scaled(steps[0], term.factor), steps[0].cost))
        else:
            bench.keep(term.node, Obstacle("transposed"))
    return branches


def _sum(one: Contraction, other: Contraction) -> Contraction:
    """The sum of two contractions of one source. Raises Obstacle."""
    if isinstance(one, ConvStep) and isinstance(other, ConvStep):
        return added(one, other)
    assert isinstance(one, TransposedStep) and isinstance(other, TransposedStep), "branches of one source are alike"
    return added_transposed(one, other)


def _chosen(bench: Bench, branches: list[Branch]) -> tuple[Contraction, list[Branch]] | None:
    """Branches that together are one convolution no dearer than they are, the largest first; None for fewer than two.
    """
    # Branches that cost nothing (shortcuts) come last: they may join a kernel, and never begin one.
    order = sorted(branches, key=lambda b: -b.conv.kernel.numel() * bool(b.cost))
    if not order or not order[0].cost:
        return None

    total, cost, taken = order[0].conv, order[0].cost, [order[0]]
    weight = next(link for link in order[0].links if link.contraction)
    for branch in order[1:]:
        try:
            bench.check_alike([weight, *branch.links])
            summed = _sum(total, branch.conv)
            # Two kernels at places far apart span a large one, mostly of zeros.
            if summed.cost > cost + branch.cost:
                raise Obstacle("cost")
        except Obstacle as reason:
                # A shortcut is no operation of its own: the reason is told of the kernel that it would have joined.
                told_of = branch.term.node if branch.links else weight.node
                bench.keep(told_of, reason)
                continue
        total, cost = summed, cost + branch.cost
        taken.append(branch)
    if len(taken) > 1:
        return (total, taken)
    return None


def _write(bench: Bench, root: fx.Node, source: fx.Node, chosen: tuple[Contraction, list[Branch]],
           rest: list[SumTerm]) -> None:
    """Put one contraction in the place of some branches; terms that stay are added behind it. Raises Obstacle."""
    total, taken = chosen
    links = list(dict.fromkeys(link for branch in taken for link in branch.links))
    sums = [root, *_inner_sums(bench, root)]
    bench.check_memory([source, *(term.node for term in rest)], [*sums, *(link.node for link in links)], root)

    main = max((link for link in links if link.contraction), key=_numbers)
    bench.merge(main, source, total, links, root)
    _move_before(main.node, min(link.node for link in links))

    last = main.node
    with bench.module.graph.inserting_before(root):
        for term in rest:
            last = _plus(bench, root, last, term)
    bench.entries[main.node].new = last
    bench.replace(root, last, [])
    for one in sums[1:]:
        bench.discard(one, keep=last)
    bench.replace(main.node, main.node, links)


def _move_before(node: fx.Node, first: fx.Node) -> None:
    """Move a node to where the first of the branches is computed: whoever asks for a branch's form finds it there."""
    if first is not node:
        first.prepend(node)


def _plus(bench: Bench, root: fx.Node, last: fx.Node, term: SumTerm) -> fx.Node:
    """One more term that stays, behind what there is."""
    # A graph of torch.export has aten's operations only.
    target: Any = torch.add
    if isinstance(root.target, torch._ops.OpOverload):
        target = calls.aten.add.Tensor
    kwargs: dict[str, Any] = {} if term.factor == 1 else {"alpha": term.factor}
    made = bench.module.graph.create_node("call_function", target, (last, term.node), kwargs)

    # `from_node` is torch.export's history of one node, which the new one does not share.
    made.meta.update({k: v for k, v in root.meta.items() if k != "from_node"})
    if root in bench.reader.ranks:
        bench.reader.ranks[made] = bench.reader.ranks[root]
    bench.placed[made] = bench.where(root)
    return made


def _inner_sums(bench: Bench, root: fx.Node) -> list[fx.Node]:
    """The sums inside a sum, the outer first."""
    sums: list[fx.Node] = []
    for one in root.all_input_nodes:
        if _is_sum(one) and _is_inner(bench, one):
            sums += [one, *_inner_sums(bench, one)]
    return sums


def _numbers(link: Link) -> int:
    """The size of a contraction's kernel."""
    assert isinstance(link.step, ConvStep | TransposedStep)
    return link.step.kernel.numel()
