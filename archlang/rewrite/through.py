"""Per-channel affines behind reshapes and concatenations, and before them: they go through to a contraction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, fx, nn

import archlang.rewrite.calls as calls
from archlang.rewrite.algebra import collapsed
from archlang.rewrite.arguments import arguments, only_input
from archlang.rewrite.bench import Bench
from archlang.rewrite.reader import Link
from archlang.rewrite.report import Obstacle
from archlang.rewrite.steps import AffineStep, Contraction, ConvStep, TransposedStep
from archlang.rewrite.stored import hooked
from archlang.rewrite.transposed import transposed_before


@dataclass(frozen=True)
class _Taker:
    """A contraction that takes its share of an affine step, what it becomes, and the nodes that lie between."""

    link: Link
    step: Contraction
    between: tuple[fx.Node, ...]


def affine_behind(bench: Bench, affine: Link) -> bool:
    """Let the contractions behind a reshape or a concatenation take an affine step; whether they did.

        norm(cat(W1 x + b1, W2 y + b2))  -->  cat(W1' x + b1', W2' y + b2')
        norm(flatten(W x + b))           -->  flatten(W' x + b')

    All of them or none: what one part cannot take would need a step of its own. Raises Obstacle.
    """
    step = affine.step
    assert isinstance(step, AffineStep)
    parts = list(_parts(bench, affine.source, step, ()))

    # Every part must be able to take its share before any is changed.
    taken = [part.link.node for part in parts]
    if len(set(taken)) < len(taken):
        raise Obstacle("read-elsewhere")  # one tensor stands twice in a concatenation
    for part in parts:
        bench.check_unshared([part.link])
        bench.check_alike([part.link, replace(affine, step=step)])
        bench.check_fits(part.link, part.step)
        bench.check_memory([], [part.link.node, *part.between, affine.node], affine.node)

    end = affine.source
    for part in parts:
        bench.merge(part.link, part.link.source, part.step, [part.link, affine], part.link.node)
    bench.note(taken[0], [*taken, affine.node], affine.node, new=end)
    bench.replace(affine.node, end, [affine])
    return True


def _parts(bench: Bench, node: fx.Node, step: AffineStep, between: tuple[fx.Node, ...]) -> Iterator[_Taker]:
    """The contractions that an affine step of a tensor reaches. Raises Obstacle where it does not reach one."""
    # Somebody who reads the tensor before the norm would see it after the norm.
    if not bench.reader.alone(node):
        raise Obstacle("read-elsewhere")

    link = bench.reader.link(node)
    if link is not None and link.contraction:
        yield _Taker(link, _folded(link.step, step), between)
    # A dropout or identity in evaluation mode hands everything on.
    elif link is not None and link.idle:
        yield from _parts(bench, link.source, step, (*between, node))
    elif flattened(bench.module, node) is not None:
        source, inner = _before_flatten(bench, node, step)
        yield from _parts(bench, source, inner, (*between, node))
    elif node.target in calls.CONCATENATIONS:
        start = 0
        for part in _concatenated(bench, node, step):
            width = _channels(bench, part)
            yield from _parts(bench, part, _slice(step, start, start + width), (*between, node))
            start += width
        # Parts whose widths do not add up to the norm's channels were not understood.
        if step.scale.dim() and start != step.scale.numel():
            raise Obstacle("channels")
    else:
        raise Obstacle("no-contraction")


def _folded(contraction: Any, step: AffineStep) -> Contraction:
    """An affine step behind a contraction. Raises Obstacle."""
    if isinstance(contraction, TransposedStep):
        return transposed_before(contraction, step)
    assert isinstance(contraction, ConvStep)
    return collapsed([contraction, step], contraction.spatial, contraction.in_channels, contraction.kernel)


def _channels(bench: Bench, node: fx.Node) -> int:
    """The channels of a tensor, by what makes it. Raises Obstacle (no-contraction)."""
    link = bench.reader.link(node)
    if link is not None and isinstance(link.step, ConvStep | TransposedStep):
        return link.step.out_channels
    if link is not None and link.idle:
        return _channels(bench, link.source)
    flat = flattened(bench.module, node)
    if flat is not None:  # whether channels keep an axis of their own is asked where the step goes through
        return _channels(bench, flat[0])
    if node.target in calls.CONCATENATIONS:
        return sum(_channels(bench, part) for part in _listed(node))
    raise Obstacle("no-contraction")


def _concatenated(bench: Bench, node: fx.Node, step: AffineStep) -> list[fx.Node]:
    """The parts of a concatenation of the channels that an affine step sees. Raises Obstacle."""
    got = arguments(node, ("tensors", "dim"))
    axis, rank = got["dim"], bench.reader.ranks.get(node)
    if not isinstance(axis, int):
        raise Obstacle("calculated-weights")
    if axis >= 0:
        if rank is None:
            raise Obstacle("rank-unknown")
        axis -= rank

    if step.spatial is not None and axis != -step.spatial - 1:
        raise Obstacle("other-axis")
    return _listed(node)


def _listed(node: fx.Node) -> list[fx.Node]:
    """The tensors that a concatenation is given. Raises Obstacle where they are no list."""
    tensors = arguments(node, ("tensors", "dim")).get("tensors")
    # A tensor is a list of its rows to `cat`; which rows those are, the graph does not say.
    if not isinstance(tensors, list | tuple) or not all(isinstance(t, fx.Node) for t in tensors):
        raise Obstacle("arguments")
    return list(tensors)


def _slice(step: AffineStep, start: int, stop: int) -> AffineStep:
    """The share of some channels; plain numbers are every channel's."""
    def share(values: Tensor | None) -> Tensor | None:
        if values is None or not values.dim():
            return values
        if stop > values.numel():
            raise Obstacle("channels")
        return values[start:stop]

    scale = share(step.scale)
    assert scale is not None
    return replace(step, scale=scale, shift=share(step.shift))


def flattened(module: fx.GraphModule, node: fx.Node) -> tuple[fx.Node, int, int] | None:
    """The tensor that a node flattens, and its first and last axis that become one; None for another node.

    Raises Obstacle where the axes are calculated.
    """
    if node.op == "call_module":
        called: Any = module.get_submodule(str(node.target))
        # A hook on the module may do anything to the tensor on its way.
        if type(called) is not nn.Flatten or hooked(called):
            return None
        return only_input(node), called.start_dim, called.end_dim

    if node.target not in calls.FLATTENS:
        return None
    got = arguments(node, ("input", "start", "end"))
    if not all(isinstance(got[name], int) for name in ("start", "end")):
        raise Obstacle("calculated-weights")
    return got["input"], got["start"], got["end"]


def _before_flatten(bench: Bench, node: fx.Node, step: AffineStep) -> tuple[fx.Node, AffineStep]:
    """The tensor that a flattening reads, and an affine step of its result as one of that tensor. Raises Obstacle."""
    flat = flattened(bench.module, node)
    assert flat is not None
    source, first, last = flat
    rank = bench.reader.ranks.get(source)
    if rank is None:
        raise Obstacle("rank-unknown")
    if step.spatial is None:
        return source, step

    # Axes may count from the end.
    first, last = first % rank, last % rank
    channel = rank - (last - first) - 1 - step.spatial  # among the axes of the result
    if channel < first:
        return source, replace(step, spatial=rank - 1 - channel)
    if channel == first and last > first:
        raise Obstacle("other-axis")  # channels and positions lie in one axis
    # The channels' axis stands behind the flattened ones, and keeps its place from the end.
    return source, step


def affine_ahead(bench: Bench, linear: Link) -> bool:
    """Let a linear layer behind a flattening take an affine step before it; whether it did.

        W flatten(s x + t) + b  -->  W' flatten(x) + b'

    A channel's positions lie side by side in the flattened vector, and each gets the channel's numbers.
    """
    node, step = linear.source, linear.step
    flat = flattened(bench.module, node)
    # Over maps the kernel slides, and positions of a channel do not lie side by side.
    if not isinstance(step, ConvStep) or step.spatial or flat is None:
        return False
    source, start, end = flat
    affine = bench.link(source)
    if affine is None or not isinstance(affine.step, AffineStep) or affine.step.spatial is None:
        return False

    rank = bench.reader.ranks.get(affine.node)
    if rank is None or start != 1 or end not in (-1, rank - 1) or affine.step.spatial != rank - 2:
        # Only a flattening of everything behind the batch puts a channel's positions next to each other.
        return False
    channels = affine.step.scale.numel()
    # A reader of the tensor in between would miss the affine step, which now happens in the layer.
    if step.in_channels % channels or not bench.reader.alone(node) or not bench.reader.alone(affine.node):
        return False

    spread = _spread(affine.step, step.in_channels // channels)
    bench.check_alike([affine, linear])
    bench.check_unshared([linear])
    bench.check_memory([affine.source], [affine.node, node, linear.node], linear.node)
    folded = collapsed([spread, step], 0, step.in_channels, step.kernel, bench.by_value)

    bench.merge(linear, node, folded, [affine, linear], linear.node)
    node.replace_input_with(affine.node, affine.source)
    bench.discard(affine.node)
    return True


def _spread(step: AffineStep, positions: int) -> AffineStep:
    """An affine step of channels as one of their positions side by side."""
    scale = step.scale.repeat_interleave(positions)
    if step.shift is None:
        shift = None
    else:
        shift = step.shift.expand(step.scale.shape).repeat_interleave(positions)
    return replace(step, scale=scale, shift=shift, spatial=0)
