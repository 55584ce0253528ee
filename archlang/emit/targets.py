"""The torch targets that can run on several members at once, by the dotted names that ops give."""

from __future__ import annotations

from archlang.graph.ir import Graph, Node

HEAVY = {
    **{f"torch.nn.Conv{n}d": "convolution" for n in (1, 2, 3)},
    **{f"torch.nn.BatchNorm{n}d": "batch_norm" for n in (1, 2, 3)},
    "torch.nn.Linear": "linear",
}
"""Targets that have a grouped form, and its name in `archlang.layers.grouped`."""

LIGHT = frozenset([
    "torch.flatten",
    *(f"torch.nn.{name}" for name in (
        "ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid",
        "Sigmoid", "Tanh", "Softplus", "Identity", "Upsample")),
    *(f"torch.nn.{kind}Pool{n}d" for kind in ("Max", "Avg", "AdaptiveAvg", "AdaptiveMax") for n in (1, 2, 3)),
])
"""Targets without weights that treat every channel by itself, and so run on members side by side as they are."""

CONVOLUTION = "torch.nn.Conv2d"
"""The target of a convolution over maps."""

NORM = "torch.nn.BatchNorm2d"
"""The target of a batch norm over maps."""

MEAN = "torch.nn.AvgPool2d"
"""The target of a mean of windows of maps."""

TOTAL = "archlang.layers.total"
"""The target of a bundle's sum."""


def target_of(graph: Graph, node: Node) -> str:
    """The dotted name of a node's torch target."""
    call = graph.call(node)
    return node.op.becomes(call).dotted(call)


def heavy_kind(graph: Graph, node: Node) -> str | None:
    """The name of the grouped form of a node's target; None where there is none."""
    return HEAVY.get(target_of(graph, node))
