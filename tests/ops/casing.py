"""A use of an operation as tests list it: the sizes that enter, and the arguments."""

from __future__ import annotations

from typing import Any

from archlang.shapes import Tensor as Type

Case = tuple[tuple[tuple[int, ...] | Type, ...], dict[str, Any]]
V, S, M, W = (6,), (5, 8), (4, 9, 12), (4, 5, 6, 7)
"""A vector, a sequence or line, a map, a volume."""


def one(*shapes: tuple[int, ...] | Type, **args: Any) -> list[Case]:
    """The same arguments on each of these inputs."""
    return [((shape,), args) for shape in shapes]


def several(*shapes: tuple[int, ...] | Type, **args: Any) -> list[Case]:
    """One use on several inputs."""
    return [(shapes, args)]
