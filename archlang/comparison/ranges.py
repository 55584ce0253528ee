"""Ranges and choices of a search: `4..64`, `0.5..2`, `1e-4..0.1:log`, or values with commas between them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from archlang.comparison.design import values_of_dial
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line

_RANGE = re.compile(r"\s*([^\s.](?:[^.]|\.(?!\.))*?)\s*\.\.\s*(.+?)\s*?(:log)?\s*")
_WHOLE = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True)
class SearchRange:
    """Numbers from `low` to `high`, both included; whole ones, or evenly spread by their logarithms."""

    low: float
    high: float
    whole: bool = False
    log: bool = False

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last of them, as they are written."""
        return f"{self.low:.6g}", f"{self.high:.6g}"


@dataclass(frozen=True)
class SearchValues:
    """Values as they are written, none of them nearer to one than to another."""

    values: tuple[str, ...]

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last of them."""
        return self.values[0], self.values[-1]


Searched = SearchRange | SearchValues


def searched(name: str, text: str) -> Searched:
    """Read what a search may give a dial or a setting. Raises ArchError (usage) for a range that is none.

    >>> searched("width", "4..64")
    SearchRange(low=4, high=64, whole=True, log=False)
    >>> searched("optimizer.lr", "1e-4..0.1:log")
    SearchRange(low=0.0001, high=0.1, whole=False, log=True)
    >>> searched("by", "mean, max")
    SearchValues(values=('mean', 'max'))
    """
    if ".." not in text:
        return SearchValues(tuple(values_of_dial(text)))

    match = _RANGE.fullmatch(text)
    if match is None:
        raise _refused(name, text, "a range is `LOW..HIGH`, or `LOW..HIGH:log`")
    low, high = _number(name, text, match[1]), _number(name, text, match[2])
    if not low < high:
        raise _refused(name, text, "its first number is the smaller one")

    by_logarithm = match[3] is not None
    if by_logarithm and low <= 0:
        raise _refused(name, text, "only numbers above 0 have a logarithm")
    whole = _WHOLE.fullmatch(match[1]) is not None and _WHOLE.fullmatch(match[2]) is not None
    return SearchRange(low, high, whole, by_logarithm)


def _number(name: str, text: str, written: str) -> float:
    if _WHOLE.fullmatch(written):
        return int(written)
    try:
        number = float(written)
    except ValueError:
        raise _refused(name, text, f"`{one_line(written, 40)}` is no number") from None
    if not math.isfinite(number):
        raise _refused(name, text, "both of its numbers are finite")
    return number


def _refused(name: str, text: str, why: str) -> ArchError:
    shown = f"{one_line(name, 40)}={one_line(text, 60)}"
    return ArchError(error("usage", f"`{shown}` is no range: {why}", help="as in `width=4..64`, `lr=1e-4..0.1:log`"))
