"""Two steps in a row become one: what stands before a contraction, and what stands behind it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import fx

from archlang.rewrite.algebra import collapsed, common_groups
from archlang.rewrite.bench import Bench
from archlang.rewrite.reader import Link
from archlang.rewrite.report import Obstacle
from archlang.rewrite.steps import AffineStep, Contraction, ConvStep, LinearStep, PoolStep, TransposedStep
from archlang.rewrite.through import affine_ahead, affine_behind
from archlang.rewrite.transposed import transposed_after, transposed_before


def fold_chains(bench: Bench) -> bool:
    """Merge pairs in a row until none is left; whether there was one."""
    changed = False
    # A list of the beginning: merges take nodes out while it is walked through.
    for node in list(bench.module.graph.nodes):
        if not node._erased:
            changed |= _fold(bench, node)
    return changed


def _fold(bench: Bench, node: fx.Node) -> bool:
    """Merge a node with what stands before it; whether it was."""
    norm = bench.reader.norm(node)
    try:
        second = bench.reader.link(node)
    except Obstacle as reason:
        if norm:
            bench.keep(node, reason)
        return False
    # A pad alone is no pair: it is looked at as what stands between. A pool has no weights to take anything in.
    if second is None or second.free or isinstance(second.step, PoolStep):
        return False

    # Without a kernel in one of the two there is nothing to fold into.
    between, first = _before(bench, second.source, node if norm else None)
    if first is None or not (first.contraction or second.contraction):
        return _fold_through(bench, second, norm)
    # Where all uses fold alike, no clone is needed, though the caller would allow one.
    if bench.clones and not between and _shared_alike(bench, first, second):
        return True
    try:
        _pair(bench, first, between, second)
    except Obstacle as reason:
        if reason.name == "shared" and _together(bench, first, second):
            return True
        _explain(bench, first, second, reason)
        return False
    return True


def _shared_alike(bench: Bench, first: Link, second: Link) -> bool:
    """Fold a convolution of several uses once for all of them; whether it was."""
    return first.contraction and bench.reader.uses(first) > 1 and _together(bench, first, second)


def _fold_through(bench: Bench, second: Link, norm: bool) -> bool:
    """Merge a step with a contraction behind reshapes and concatenations; whether it was."""
    try:
        if isinstance(second.step, AffineStep):
            return affine_behind(bench, second)
        return affine_ahead(bench, second)
    except Obstacle as reason:
        if norm:
            bench.keep(second.node, reason)
    return False


def _explain(bench: Bench, first: Link, second: Link, reason: Obstacle) -> None:
    """Note for norms, and for two contractions that do not become one, why they stay."""
    for link in (first, second):
        if bench.reader.norm(link.node):
            bench.keep(link.node, reason)
    # Between convolutions these two are the rule, and would fill the report.
    if first.contraction and second.contraction and reason.name not in ("cost", "read-elsewhere"):
        bench.keep(second.node, reason)


def _before(bench: Bench, node: fx.Node, norm: fx.Node | None) -> tuple[list[Link], Link | None]:
    """The free steps before a node, the nearest first, and the step before them."""
    between: list[Link] = []
    while True:
        try:
            link = bench.reader.link(node)
        except Obstacle as reason:
            # A step in training mode stays by the caller's wish.
            if norm is not None and reason.name != "training-mode":
                bench.keep(norm, reason)
            return between, None
        if link is None or isinstance(link.step, PoolStep):
            return between, None
        if not link.free:
            return between, link
        between.append(link)
        node = link.source


def _pair(bench: Bench, first: Link, between: list[Link], second: Link) -> None:
    """Merge two steps with free ones between them. Raises Obstacle."""
    links = [first, *between[::-1], second]
    bench.check_alike(links)
    step = _product(bench, links)
    gone = [link.node for link in links]

    bench.check_memory([first.source], gone, second.node)

    elsewhere = _read_elsewhere(bench, links)
    if elsewhere and not _may_duplicate(bench, links):
        raise Obstacle("read-elsewhere")

    bench.check_unshared(links)

    originals = links[:-1]
    if elsewhere:
        links = _duplicated(bench, links)
        first, second = links[0], links[-1]
    # The larger kernel keeps its name: it is the one that a reader looks for.
    main = max((li for li in links if li.contraction), key=_numbers)
    bench.merge(main, first.source, step, links, second.node)
    bench.replace(second.node, main.node, links)
    # In reverse, so that each has lost its reader when its turn comes.
    if elsewhere:
        for link in reversed(originals):
            bench.discard(link.node)  # where every reader has a copy of its own by now


def _read_elsewhere(bench: Bench, links: Sequence[Link]) -> bool:
    """Tell whether somebody else reads a result in between, or its form where that changes."""
    same_form = all(isinstance(link.step, AffineStep) or link.idle for link in links[1:])
    inner = [link.node for link in links[:-1]]
    form_read = not same_form and any(len(node.users) > 1 for node in inner)
    return form_read or not all(map(bench.reader.alone, inner))


def _may_duplicate(bench: Bench, links: Sequence[Link]) -> bool:
    """Tell whether all links but the last may be computed once more.

    Two contractions may not: the first one would be computed for the others, and once more inside the product. What
    works in place may not be done twice.
    """
    both = links[0].contraction and links[-1].contraction
    in_place = any(bench.reader.memory.written(link.node) for link in links)
    return bench.clones and not both and not in_place


def _duplicated(bench: Bench, links: Sequence[Link]) -> list[Link]:
    """The same links, computed for the last of them alone: each is copied for the copy of the one behind it."""
    nodes = [links[-1].node]
    for link in reversed(links[:-1]):

        nodes.insert(0, bench.duplicate(link, nodes[0]))
    return [_linked(bench, node) for node in nodes]


def _linked(bench: Bench, node: fx.Node) -> Link:
    link = bench.reader.link(node)
    assert link is not None, "a copy of a step is a step"
    return link


def _numbers(link: Link) -> int:
    """The size of a contraction's kernel."""
    assert isinstance(link.step, ConvStep | TransposedStep)
    return link.step.kernel.numel()


def _product(bench: Bench, links: Sequence[Link]) -> Contraction:
    """Links in a row as one contraction. Raises Obstacle where there is none, or a dearer one."""
    steps: list[LinearStep] = [link.step for link in links if not link.idle]
    # A shift of a transposed convolution's input adds up unevenly at the border, so only these two pairs are exact.
    match steps:
        case [TransposedStep() as conv, AffineStep() as behind]:
            return transposed_before(conv, behind)
        case [AffineStep() as ahead, TransposedStep() as conv]:
            return transposed_after(ahead, conv, bench.by_value)
    if any(isinstance(step, TransposedStep) for step in steps):
        raise Obstacle("transposed")

    kernels = [step for step in steps if isinstance(step, ConvStep)]
    first = kernels[0]
    # The bound first: a product of large kernels takes long to form, only to be refused.
    if len(kernels) > 1:
        _check_cost(kernels[0], kernels[1])
    # Whatever stands before the first kernel keeps the number of channels.
    made = collapsed(steps, first.spatial, first.in_channels, first.kernel, bench.by_value)
    if len(kernels) > 1 and made.cost > kernels[0].cost + kernels[1].cost * _spread(kernels[0]):
        raise Obstacle("cost")
    return made


def _spread(conv: ConvStep) -> float:
    """Positions that leave, for each that enters."""
    return conv.cost / conv.kernel.numel()


def _check_cost(first: ConvStep, second: ConvStep) -> None:
    """Raise Obstacle (cost) where the product of two kernels is dearer than both; a bound from below, before it is
    formed.
    """
    taps = 1
    for one, other in zip(first.size, second.size, strict=False):
        taps *= one + other - 1

    both = first.cost + second.cost * _spread(first)
    groups = common_groups(first, second)
    product = second.out_channels * first.in_channels / groups * taps * _spread(first) * _spread(second)
    if product > both:
        raise Obstacle("cost")


def _together(bench: Bench, first: Link, second: Link) -> bool:
    """Fold one convolution that is used several times, each time with the same norm behind it, once for all."""
    node, norm = first.node, second.node
    if node.op != "call_module" or norm.op != "call_module" or not isinstance(second.step, AffineStep):
        return False

    nodes = bench.module.graph.nodes
    convs = [n for n in nodes if n.op == "call_module" and n.target == node.target]
    # Every use of the convolution must have the same norm behind it, and nothing else: they share the new weights.
    norms = [next(iter(n.users)) for n in convs if len(n.users) == 1]
    if len(convs) != bench.reader.uses(first) or len(norms) != len(convs):
        return False
    followed = zip(convs, norms, strict=True)
    if any(n.op != "call_module" or n.target != norm.target or n.all_input_nodes != [c] for c, n in followed):
        return False

    pairs: list[tuple[Link, Link]] = []
    for conv, behind in zip(convs, norms, strict=True):
        one, other = bench.link(conv), bench.link(behind)
        if one is None or other is None or not isinstance(other.step, AffineStep):
            return False
        if other.step.spatial != second.step.spatial:
            return False
        pairs.append((one, other))

    try:
        bench.check_alike([first, second])
        step = _product(bench, [first, second])
        for one, other in pairs:
            bench.check_memory([one.source], [one.node, other.node], other.node)
    except Obstacle:
        return False

    # From the last to the first: a use may read the norm of the one before it, which must still be there.
    for one, other in reversed(pairs):
        bench.merge(one, one.source, step, [one, other], other.node, together=True)
        bench.replace(other.node, one.node, [one, other])
    return True
