"""Lists of small kernels: from text to windows, from windows to the tree."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.atomic import read_whole
from archlang.diagnostics import ArchError
from archlang.elaborate.structures.pbconv import placed
from archlang.kernels import Extent, Window, complaints
from archlang.limits import DEFAULT
from archlang.project.flatten import listed as written
from archlang.source import Source
from archlang.syntax import parse
from archlang.syntax.tree import Binary, Expr, Let, ListOf, Number, SizeLiteral, TupleOf


def listed(windows: Sequence[Window]) -> Expr:
    """`[3x1 at (1, 2), ...]`."""
    return written(placed(windows))


def read_kernels(text: str) -> dict[Extent, tuple[Window, ...]]:
    """Lists of small kernels, `;` between them, by the size of the large kernel that each covers. Raises ValueError.

    A text that does not begin with a bracket is no list but the path of a file that holds lists.

    >>> {size: len(windows) for size, windows in read_kernels("[1x2 at (1, 1), 1x2 at (2, 1)]").items()}
    {(2, 2): 2}
    """
    by_size: dict[Extent, tuple[Window, ...]] = {}
    lists = text
    if text.strip() and not text.lstrip().startswith("["):
        lists = _file(text.strip())

    for part in filter(None, (p.strip() for p in lists.split(";"))):
        windows = tuple(_window(item) for item in _items(part))
        # The large kernel is the smallest that holds all of them; `complaints` says whether they cover it.
        size = max(w.row + w.height - 1 for w in windows), max(w.column + w.width - 1 for w in windows)

        wrong = complaints(size, windows)
        if wrong:
            raise ValueError(wrong[0].message)
        if size in by_size:
            raise ValueError(f"there are two lists for {size[0]}x{size[1]}")
        by_size[size] = windows
    return by_size


def _file(path: str) -> str:
    """The text of a file. Raises ValueError."""
    try:
        # One byte more than allowed is enough to know that the file is too large.
        data = read_whole(path, DEFAULT.file_bytes + 1)
        text = data.decode()
    except (OSError, ValueError):
        raise ValueError(f"this is neither a list of small kernels nor a file with some: {path[:60]!r}") from None

    if len(data) > DEFAULT.file_bytes:
        raise ValueError(f"the file {path[:60]!r} is too large to hold small kernels")
    return text


def _items(text: str) -> tuple[Expr, ...]:
    """The items of a list as expressions. Raises ValueError."""
    try:
        # `at` and sizes are the language's own syntax, so the language's parser reads them.
        (let,) = parse(Source("<kernels>", f"archlang 1\nlet kernels = {text}\n"), DEFAULT).declarations
    except (ArchError, ValueError):
        raise ValueError(f"this is no list of small kernels: {text[:60]!r}") from None

    if not isinstance(let, Let) or not isinstance(let.value, ListOf) or not let.value.items:
        raise ValueError(f"this is no list of small kernels: {text[:60]!r}")
    return let.value.items


def _window(item: Expr) -> Window:
    """The window that `3x1 at (1, 2)` names. Raises ValueError."""
    match item:
        case Binary("at", SizeLiteral((int(height), int(width))),
                    TupleOf((Number(value=int(row)), Number(value=int(column))))):
            return Window(height, width, row, column)
    raise ValueError("a small kernel reads `3x1 at (1, 2)`")
