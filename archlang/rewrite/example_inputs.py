"""Inputs for a model of which no example was given: guessed from the layers that read its inputs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import torch
from torch import Tensor, fx, nn

import archlang.rewrite.calls as calls
from archlang.rewrite.arguments import argument, first_input
from archlang.rewrite.report import Obstacle
from archlang.rewrite.stored import stored

_SIZES = (32, 64, 16, 224, 8, 299, 128)
"""Sizes that are tried for maps, in this order: large networks want more, patches less."""
_MOST = 24
"""Attempts in all."""


def guessed_inputs(module: fx.GraphModule) -> Iterator[tuple[Tensor, ...]]:
    """Inputs that a graph may take, the likeliest first; none where its inputs reach no layer that tells of them."""
    required = [n for n in module.graph.nodes if n.op == "placeholder" and not n.args]
    # Drawn in the dtype and on the device of the first weights: most models have one of each.
    like = next((t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point()), torch.empty(0))

    options = []
    for node in required:
        shapes = list(_shapes(module, node))
        if not shapes:
            return
        options.append(shapes)

    generator = torch.Generator().manual_seed(0)
    for n, together in enumerate(product(*options)):
        if n == _MOST:
            return
        # Drawn on the CPU, then moved: the same numbers on every device.
        drawn = [torch.randn(shape, generator=generator) for shape in together]
        yield tuple(x.to(like.dtype).to(like.device) for x in drawn)


def _shapes(module: fx.GraphModule, start: fx.Node) -> Iterator[tuple[int, ...]]:
    """The shapes that an input may have, by the first layer behind it that says its channels."""
    seen: set[fx.Node] = set()
    waiting = [start]
    while waiting:
        node = waiting.pop(0)
        if node in seen:
            continue
        seen.add(node)

        for user in node.users:
            if first_input(user) is node:
                told = _told(module, user)
            else:
                told = None
            if told is not None:
                channels, spatial = told
                # A layer over channels alone has no sizes to try.
                sizes = _SIZES if spatial else _SIZES[:1]
                # Two samples: with one, a mistake along the batch axis would not show.
                yield from ((2, channels, *(size,) * spatial) for size in sizes)
                return
        waiting += list(node.users)


def _told(module: fx.GraphModule, node: fx.Node) -> tuple[int, int] | None:
    """The channels that a layer takes, and the sizes that follow them; None for what is no such layer."""
    if node.op == "call_module":
        called: Any = module.get_submodule(str(node.target))
        if isinstance(called, nn.Linear):
            return called.in_features, 0
        if isinstance(called, nn.modules.conv._ConvNd):
            return called.in_channels, len(called.kernel_size)
        if isinstance(called, nn.modules.batchnorm._NormBase):
            # A norm that takes several numbers of sizes (BatchNorm1d) most often sees the most.
            return called.num_features, max(calls.NORM_MODULES.get(type(called), (2,)))
        return None

    if node.target not in calls.CONVOLUTIONS and node.target not in calls.TRANSPOSED:
        return None
    try:
        weight = stored(module, argument(node, "weight"))
        groups = argument(node, "groups") or 1
    except (Obstacle, AttributeError):
        return None
    if not isinstance(weight, Tensor) or not isinstance(groups, int) or weight.dim() < 2:
        return None
    if node.target in calls.TRANSPOSED:
        channels = weight.shape[0]
    else:
        channels = weight.shape[1] * groups
    return channels, weight.dim() - 2
