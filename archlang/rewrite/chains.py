"""Two steps in a row become one: what stands before a contraction, and what stands behind it."""

from __future__ import annotations

from math import gcd
from typing import Any

from torch import fx

from archlang.rewrite.algebra import (
    Conv,
    Diagonal,
    Pool,
    Step,
    Transposed,
    Window,
    collapsed,
    transposed_after,
    transposed_before,
)
from archlang.rewrite.bench import Bench
from archlang.rewrite.reading import Link
from archlang.rewrite.report import Kept


def fold_chains(bench: Bench) -> bool:
    """Merge pairs in a row until none is left; whether there was one."""
    changed = False
    for node in list(bench.module.graph.nodes):
        if not node._erased:
            changed |= _fold(bench, node)
    return changed


def _fold(bench: Bench, node: fx.Node) -> bool:
    norm = bench.reader.norm(node)
    try:
        second = bench.reader.link(node)
    except Kept as reason:
        if norm:
            bench.keep(node, reason)
        return False
    if second is None or second.free or isinstance(second.step, Pool):
        return False
    between, first = _before(bench, second.source, node if norm else None)
    if first is None or not (first.contraction or second.contraction):
        if norm:
            bench.keep(node, Kept("no-contraction"))
        return False
    try:
        _pair(bench, first, between, second)
    except Kept as reason:
        if reason.name == "shared" and _together(bench, first, second):
            return True
        for one in (first.node, node):
            if bench.reader.norm(one):
                bench.keep(one, reason)
        if first.contraction and second.contraction and reason.name not in ("cost", "read-elsewhere"):
            bench.keep(node, reason)
        return False
    return True


def _before(bench: Bench, node: fx.Node, norm: fx.Node | None) -> tuple[list[Link], Link | None]:
    """What stands before a node: free steps, the nearest first, and the step before them."""
    between: list[Link] = []
    while True:
        try:
            link = bench.reader.link(node)
        except Kept as reason:
            if norm is not None and reason.name != "training-mode":
                bench.keep(norm, reason)
            return between, None
        if link is None or isinstance(link.step, Pool):
            return between, None
        if not link.free:
            return between, link
        between.append(link)
        node = link.source


def _pair(bench: Bench, first: Link, between: list[Link], second: Link) -> None:
    """Merge two steps with free ones between them. Raises `Kept`."""
    links = [first, *between[::-1], second]
    still = all(isinstance(li.step, Diagonal) or (isinstance(li.step, Window) and li.step.idle) for li in links[1:])
    for link in links[:-1]:
        if not bench.reader.alone(link.node) or (len(link.node.users) > 1 and not still):
            raise Kept("read-elsewhere")
    bench.unshared(links)
    bench.alike(links)
    step = _product(bench, links)
    main = max((li for li in links if li.contraction), key=lambda li: _weight(li).numel())
    if main is not first and bench.reader.overwritten(first.source):
        raise Kept("changed-in-place")
    bench.merge(main, first.source, step, links, second.node)
    bench.replace(second.node, main.node, links)


def _weight(link: Link) -> Any:
    assert isinstance(link.step, Conv | Transposed)
    return link.step.kernel


def _product(bench: Bench, links: list[Link]) -> Conv | Transposed:
    steps: list[Step] = [link.step for link in links if not (isinstance(link.step, Window) and link.step.idle)]
    match steps:
        case [Transposed() as turned, Diagonal() as behind]:
            return transposed_before(turned, behind)
        case [Diagonal() as ahead, Transposed() as turned]:
            return transposed_after(ahead, turned, bench.by_value)
    if any(isinstance(step, Transposed) for step in steps):
        raise Kept("transposed")
    kernels = [step for step in steps if isinstance(step, Conv)]
    first = kernels[0]
    if len(kernels) > 1:
        _affordable(kernels[0], kernels[1])
    made = collapsed(steps, first.spatial, first.entering, first.kernel, bench.by_value)
    if len(kernels) > 1 and made.cost > kernels[0].cost + kernels[1].cost * _spread(kernels[0]):
        raise Kept("cost")
    return made


def _spread(conv: Conv) -> float:
    """Positions that leave, for each that enters."""
    return conv.cost / conv.kernel.numel()


def _affordable(first: Conv, second: Conv) -> None:
    """Raises `Kept` where the product of two kernels is dearer than both; a bound from below, before it is formed."""
    groups = second.groups if first.by_channel else first.groups if second.by_channel else \
        gcd(first.groups, second.groups)
    taps = 1
    for one, other in zip(first.size, second.size, strict=True):
        taps *= one + other - 1
    both = first.cost + second.cost * _spread(first)
    whole = second.leaving * first.entering / groups * taps * _spread(first) * _spread(second)
    if whole > both:
        raise Kept("cost")


def _together(bench: Bench, first: Link, second: Link) -> bool:
    """One convolution used several times, each time with the same norm behind it: it is folded once for all."""
    node, norm = first.node, second.node
    if node.op != "call_module" or norm.op != "call_module" or not isinstance(second.step, Diagonal):
        return False
    graph = bench.module.graph
    calls = [n for n in graph.nodes if n.op == "call_module" and n.target == node.target]
    norms = [next(iter(n.users)) for n in calls if len(n.users) == 1]
    if len(calls) != bench.reader.uses(first) or len(norms) != len(calls):
        return False
    if any(n.op != "call_module" or n.target != norm.target or n.args[:1] != (c,)
           for c, n in zip(calls, norms, strict=True)):
        return False
    links = [(bench.link(c), bench.link(n)) for c, n in zip(calls, norms, strict=True)]
    if any(not isinstance(b.step, Diagonal) or b.step.spatial != second.step.spatial
           for _, b in links if b is not None) or any(a is None or b is None for a, b in links):
        return False
    try:
        bench.alike([first, second])
        step = _product(bench, [first, second])
    except Kept:
        return False
    for one, behind in links:
        assert one is not None and behind is not None
        bench.merge(one, one.source, step, [one, behind], behind.node)
        bench.replace(behind.node, one.node, [one, behind])
    return True
