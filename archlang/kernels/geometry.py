"""The geometry of small kernels over a large one: positions that they cover, and the padding of their branches.

Places count from 1, rows before columns, as in the paper: the top left corner is (1, 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

Extent = tuple[int, int]
"""Rows and columns of a kernel."""

Padding = tuple[tuple[int, int], tuple[int, int]]
"""Cells before and after, for rows and for columns; negative ones are cut off."""

MOST = 256
"""Small kernels over one large one, at most."""

LISTED = 4
"""Positions that a message lists, at most."""


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
        columns = range(self.column, self.column + self.width)
        return frozenset((r, c) for r in rows for c in columns)

    def __str__(self) -> str:
        return f"{self.height}x{self.width} at ({self.row}, {self.column})"


Trouble = Literal["nothing-to-boost", "branch-count", "branch-too-large", "branch-outside", "uncovered-positions"]


@dataclass(frozen=True)
class Complaint:
    """A mistake in small kernels over a large one; `index` is the kernel at fault, None for all together."""

    name: Trouble
    message: str
    index: int | None = None


def coverage(kernel: Extent, windows: Sequence[Window]) -> tuple[tuple[int, ...], ...]:
    """The number of small kernels over each position of the large one, row by row.

    >>> coverage((2, 2), [Window(1, 2, 1, 1), Window(2, 1, 1, 2)])
    ((1, 2), (0, 1))
    """
    rows, columns = kernel
    steps = [[0] * (columns + 1) for _ in range(rows + 1)]

    # Each kernel is marked at its corners alone; the sums over rows and columns spread it over its positions.
    for window in windows:
        top, left = max(window.row, 1) - 1, max(window.column, 1) - 1
        bottom, right = min(window.row + window.height - 1, rows), min(window.column + window.width - 1, columns)
        if top < bottom and left < right:
            steps[top][left] += 1
            steps[top][right] -= 1
            steps[bottom][left] -= 1
            steps[bottom][right] += 1

    return tuple(tuple(row[:columns]) for row in cumulative(steps)[:rows])


def cumulative(numbers: Sequence[Sequence[int]]) -> list[list[int]]:
    """For each position the sum of all numbers above it, to its left, and its own.

    >>> cumulative([[1, 2], [3, 4]])
    [[1, 3], [4, 10]]
    """
    sums: list[list[int]] = []
    for row in numbers:
        across = list(accumulate(row))
        if sums:
            across = [here + above for here, above in zip(across, sums[-1], strict=True)]
        sums.append(across)
    return sums


def uncovered(kernel: Extent, windows: Sequence[Window]) -> tuple[Extent, ...]:
    """The positions that no small kernel covers, in reading order.

    >>> uncovered((2, 2), [Window(1, 2, 1, 1)])
    ((2, 1), (2, 2))
    """
    bare = []
    for row, counts in enumerate(coverage(kernel, windows), 1):
        for column, count in enumerate(counts, 1):
            if count == 0:
                bare.append((row, column))
    return tuple(bare)


def show(counts: Sequence[Sequence[int]]) -> str:
    """A map in one line, rows between slashes.

    >>> show(((1, 2), (0, 1)))
    '1 2 / 0 1'
    """
    return " / ".join(" ".join(map(str, row)) for row in counts)


def complaints(kernel: Extent, windows: Sequence[Window], covering: bool = True) -> tuple[Complaint, ...]:
    """List the mistakes in small kernels over a large one; none if they are legal (PBConv, section 4.2).

    Args:
        kernel: rows and columns of the large kernel.
        windows: the small kernels.
        covering: whether every position must be covered.

    >>> [c.name for c in complaints((3, 3), [Window(3, 1, 2, 1), Window(4, 1, 1, 1)])]
    ['branch-outside', 'branch-too-large', 'uncovered-positions']
    >>> complaints((3, 3), [Window(3, 3, 1, 1)])
    ()
    """
    rows, columns = kernel
    size = f"{rows}x{columns}"
    if rows * columns == 1:
        return (Complaint("nothing-to-boost", "a 1x1 kernel has a single position: no smaller kernel fits into it"),)

    # All mistakes at once: a window that is misplaced hides no other one.
    placing = [_misplaced(kernel, window, index) for index, window in enumerate(windows)]
    mistakes = [complaint for complaint in placing if complaint is not None]

    if not windows:
        mistakes.append(Complaint("branch-count", f"over a {size} kernel at least one small kernel is wanted"))
    if len(windows) > MOST:
        mistakes.append(Complaint("branch-count", f"there are {len(windows)} small kernels; the limit is {MOST}"))

    # Without any kernel nothing is covered, which is one mistake and not two.
    if windows and covering:
        inside = [window for window, complaint in zip(windows, placing, strict=True) if complaint is None]
        bare = uncovered(kernel, inside)
        if bare:
            message = f"no small kernel covers {_listed(bare)} of the {size} kernel"
            mistakes.append(Complaint("uncovered-positions", message))
    return tuple(mistakes)


def _listed(positions: Sequence[Extent]) -> str:
    """The first positions, and the number of the others."""
    listed = ", ".join(map(str, positions[:LISTED]))
    if len(positions) > LISTED:
        listed += f" and {len(positions) - LISTED} more"
    return listed


def _misplaced(kernel: Extent, window: Window, index: int) -> Complaint | None:
    """The mistake of a small kernel that is too large or leaves the large one."""
    rows, columns = kernel
    # Too large comes first: there is no place to name for such a kernel.
    if window.height > rows or window.width > columns:
        return Complaint("branch-too-large", f"{window.height}x{window.width} is larger than {rows}x{columns}", index)

    last_row, last_column = rows - window.height + 1, columns - window.width + 1
    if 1 <= window.row <= last_row and 1 <= window.column <= last_column:
        return None

    places = "(1, 1)"
    if last_row > 1 or last_column > 1:
        places = f"rows 1 to {last_row} and columns 1 to {last_column}"
    message = f"{window} leaves the {rows}x{columns} kernel: {window.height}x{window.width} fits at {places}"
    return Complaint("branch-outside", message, index)


def branch_padding(padding: Padding, dilation: Extent, kernel: Extent, window: Window) -> Padding:
    """The padding under which a small kernel sees exactly its part of the large one's windows; negative is cropping.

    top `P - d (h - 1)`, bottom `P - d (K - h - kh + 1)`, left and right alike (PBConv, section 4.2).

    >>> branch_padding(((1, 1), (1, 1)), (1, 1), (3, 3), Window(3, 1, 1, 3))
    ((1, 1), (-1, 1))
    """
    (top, bottom), (left, right) = padding
    (row_step, column_step), (rows, columns) = dilation, kernel
    # Rows and columns of the large kernel that lie behind the small one.
    below = rows - window.row - window.height + 1
    beside = columns - window.column - window.width + 1
    return (
        (top - row_step * (window.row - 1), bottom - row_step * below),
        (left - column_step * (window.column - 1), right - column_step * beside),
    )


def padding_steps(padding: Padding, outer: Padding, zeros: bool) -> tuple[Padding, Padding]:
    """Split a branch's padding into two steps: cells added first, then cells cut off.

    With zeros only what the branch needs is added. Any other mode looks at the full map, so there all of the large
    kernel's padding is added and what is too much is cut off again. Two steps, because on maps smaller than the crop
    one step fails, and circular padding in one step would wrap what is cut.

    Args:
        padding: the branch's padding; negative is cropping.
        outer: the large kernel's padding.
        zeros: whether padding is with zeros.

    >>> padding_steps(((1, 1), (-1, 1)), ((1, 1), (1, 1)), zeros=True)
    (((1, 1), (0, 1)), ((0, 0), (-1, 0)))
    >>> padding_steps(((1, 1), (-1, 1)), ((1, 1), (1, 1)), zeros=False)
    (((1, 1), (1, 1)), ((0, 0), (-2, 0)))
    """
    (top, bottom), (left, right) = padding

    added = outer
    if zeros:
        added = (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))

    (added_top, added_bottom), (added_left, added_right) = added
    cut = (top - added_top, bottom - added_bottom), (left - added_left, right - added_right)
    return added, cut
