"""Words that follow a number, and numbers that follow a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number and its noun; the plural takes an `s` unless it is given.

    >>> counted(1, "file"), counted(3, "file"), counted(2, "copy", "copies")
    ('1 file', '3 files', '2 copies')
    """
    if number == 1:
        return f"{number} {noun}"
    return f"{number} {plural or noun + 's'}"


def listing(names: Iterable[str], most: int = 40) -> str:
    """The first names, with `...` for the others: a file may declare thousands.

    >>> listing(["a", "b", "c"], most=2)
    'a, b, ...'
    """
    first = list(islice(names, most + 1))
    if len(first) > most:
        first[most] = "..."
    return ", ".join(first)


def figures(metrics: Mapping[str, float | None]) -> str:
    """Metrics behind a loss and an accuracy; a dash for one that the data has nothing for.

    >>> figures({"miou": 0.5, "psnr(peak = 1.0)": None})
    ', miou 0.5000, psnr(peak = 1.0) -'
    """
    line = ""
    for name, figure in metrics.items():
        line += f", {name} " + ("-" if figure is None else f"{figure:.4f}")
    return line
