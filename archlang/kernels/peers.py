"""Fixed sets of small kernels that other methods use, for comparison."""

from __future__ import annotations

from collections.abc import Callable

from archlang.kernels.geometry import Extent, Window


def centre(kernel: Extent) -> Extent:
    """The position that size-keeping padding puts on the output's place; where a side is even, the earlier one.

    >>> centre((3, 5)), centre((4, 4))
    ((2, 3), (2, 2))
    """
    return (kernel[0] + 1) // 2, (kernel[1] + 1) // 2


def acb(kernel: Extent) -> tuple[Window, ...]:
    """The middle row and the middle column (Ding et al. 2019, ACNet).

    >>> [str(w) for w in acb((3, 3))]
    ['1x3 at (2, 1)', '3x1 at (1, 2)']
    """
    row, column = centre(kernel)
    both = (Window(1, kernel[1], row, 1), Window(kernel[0], 1, 1, column))

    # Of a kernel with one row (or column), that row is the kernel itself, and no smaller one.
    smaller = tuple(window for window in both if (window.height, window.width) != kernel)
    return smaller or both[:1]


def dbb(kernel: Extent) -> tuple[Window, ...]:
    """The 1x1 branch (Ding et al. 2021, diverse branch block); its two chains are no single kernels.

    >>> [str(w) for w in dbb((3, 3))]
    ['1x1 at (2, 2)']
    """
    return (Window(1, 1, *centre(kernel)),)


PEERS: dict[str, Callable[[Extent], tuple[Window, ...]]] = {"acb": acb, "dbb": dbb}
"""Peers by name. They need not cover all positions."""
