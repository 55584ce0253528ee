"""Where a small kernel lies in a large one, which positions it covers, and what padding its branch needs.

Places count from 1, rows before columns, as in the paper: the top left corner is (1, 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Extent = tuple[int, int]
"""Rows and columns of a kernel."""

Padding = tuple[tuple[int, int], tuple[int, int]]
"""Cells before and after, for rows and for columns; negative ones are cut off."""

MOST = 256
"""How many small kernels may lie over one large one."""


@dataclass(frozen=True, order=True)
class Window:
    """A small kernel: its rows and columns, and the row and column of its top left corner.

    >>> print(Window(3, 1, 1, 2))
    3x1 at (1, 2)
    """

    height: int
    width: int
    row: int
    column: int

    @property
    def cells(self) -> frozenset[Extent]:
        """The positions that it covers.

        >>> sorted(Window(1, 2, 3, 1).cells)
        [(3, 1), (3, 2)]
        """
        rows = range(self.row, self.row + self.height)
        return frozenset((r, c) for r in rows for c in range(self.column, self.column + self.width))

    def __str__(self) -> str:
        return f"{self.height}x{self.width} at ({self.row}, {self.column})"


Trouble = Literal["nothing-to-boost", "branch-count", "branch-too-large", "branch-outside", "uncovered-positions"]


@dataclass(frozen=True)
class Complaint:
    """What is wrong with small kernels over a large one; `index` is the kernel at fault, None for all together."""

    name: Trouble
    message: str
    index: int | None = None


def coverage(kernel: Extent, windows: Sequence[Window]) -> tuple[tuple[int, ...], ...]:
    """How often each position of the large kernel is covered, row by row.

    >>> coverage((2, 2), [Window(1, 2, 1, 1), Window(2, 1, 1, 2)])
    ((1, 2), (0, 1))
    """
    cells = [cell for window in windows for cell in window.cells]
    return tuple(tuple(cells.count((r, c)) for c in range(1, kernel[1] + 1)) for r in range(1, kernel[0] + 1))


def uncovered(kernel: Extent, windows: Sequence[Window]) -> tuple[Extent, ...]:
    """The positions that no small kernel covers, in reading order.

    >>> uncovered((2, 2), [Window(1, 2, 1, 1)])
    ((2, 1), (2, 2))
    """
    counts = coverage(kernel, windows)
    return tuple((r, c) for r, row in enumerate(counts, 1) for c, count in enumerate(row, 1) if not count)


def show(counts: Sequence[Sequence[int]]) -> str:
    """A map in one line, rows between slashes.

    >>> show(((1, 2), (0, 1)))
    '1 2 / 0 1'
    """
    return " / ".join(" ".join(map(str, row)) for row in counts)


def complaints(kernel: Extent, windows: Sequence[Window], covering: bool = True) -> tuple[Complaint, ...]:
    """Everything wrong with small kernels over a large one; empty where they are legal (PBConv, section 4.2).

    `covering`: whether every position must be covered.

    >>> [c.name for c in complaints((3, 3), [Window(3, 1, 2, 1), Window(4, 1, 1, 1)])]
    ['branch-outside', 'branch-too-large', 'uncovered-positions']
    >>> complaints((3, 3), [Window(3, 3, 1, 1)])
    ()
    """
    rows, columns = kernel
    size = f"{rows}x{columns}"
    if rows * columns == 1:
        return (Complaint("nothing-to-boost", "a 1x1 kernel has a single position: no smaller kernel fits into it"),)
    found = [_misplaced(kernel, window, index) for index, window in enumerate(windows)]
    if not windows:
        found.append(Complaint("branch-count", f"over a {size} kernel at least one small kernel is wanted"))
    if len(windows) > MOST:
        found.append(Complaint("branch-count", f"there are {len(windows)} small kernels; the limit is {MOST}"))
    inside = [w for w, bad in zip(windows, found, strict=False) if bad is None]
    bare = uncovered(kernel, inside) if windows and covering else ()
    if bare:
        shown = ", ".join(map(str, bare[:4])) + (f" and {len(bare) - 4} more" if len(bare) > 4 else "")
        found.append(Complaint("uncovered-positions", f"no small kernel covers {shown} of the {size} kernel"))
    return tuple(complaint for complaint in found if complaint is not None)


def _misplaced(kernel: Extent, window: Window, index: int) -> Complaint | None:
    rows, columns = kernel
    if window.height > rows or window.width > columns:
        return Complaint("branch-too-large", f"{window.height}x{window.width} is larger than {rows}x{columns}", index)
    low, wide = rows - window.height + 1, columns - window.width + 1
    if not (1 <= window.row <= low and 1 <= window.column <= wide):
        places = f"rows 1 to {low} and columns 1 to {wide}" if low > 1 or wide > 1 else "(1, 1)"
        message = f"{window} leaves the {rows}x{columns} kernel: {window.height}x{window.width} fits at {places}"
        return Complaint("branch-outside", message, index)
    return None


def branch_padding(padding: Padding, dilation: Extent, kernel: Extent, window: Window) -> Padding:
    """The padding under which a small kernel sees exactly its part of the large one's windows; negative is cropping.

    top `P - d (h - 1)`, bottom `P - d (K - h - kh + 1)`, left and right alike (PBConv, section 4.2).

    >>> branch_padding(((1, 1), (1, 1)), (1, 1), (3, 3), Window(3, 1, 1, 3))
    ((1, 1), (-1, 1))
    """
    (top, bottom), (left, right) = padding
    (dr, dc), (rows, columns) = dilation, kernel
    return (
        (top - dr * (window.row - 1), bottom - dr * (rows - window.row - window.height + 1)),
        (left - dc * (window.column - 1), right - dc * (columns - window.column - window.width + 1)),
    )


def padding_steps(padding: Padding, outer: Padding, zeros: bool) -> tuple[Padding, Padding]:
    """How a branch is padded: cells added first, then cells cut off, each without the other's.

    With zeros only what the branch needs is added. Any other mode looks at the whole map, so there all of the large
    kernel's padding is added and what is too much is cut off again. Two steps, because on maps smaller than the crop
    one step fails, and circular padding in one step would wrap what is cut.

    >>> padding_steps(((1, 1), (-1, 1)), ((1, 1), (1, 1)), zeros=True)
    (((1, 1), (0, 1)), ((0, 0), (-1, 0)))
    >>> padding_steps(((1, 1), (-1, 1)), ((1, 1), (1, 1)), zeros=False)
    (((1, 1), (1, 1)), ((0, 0), (-2, 0)))
    """
    (top, bottom), (left, right) = padding
    needed = (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))
    added = needed if zeros else outer
    (a, b), (c, d) = added
    return added, ((top - a, bottom - b), (left - c, right - d))

