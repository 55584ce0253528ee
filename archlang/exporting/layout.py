"""Nested expressions laid out in lines: on one line where it fits, else one part a line with a comma behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 100
"""Columns that a line of source may have."""


@dataclass(frozen=True)
class BracketedText:
    """Something in brackets: what stands before them with the opening one, the parts, the closing one."""

    opening: str
    parts: Sequence[str | BracketedText | Framed]
    closing: str

    def __str__(self) -> str:
        if self.opening == "(":
            return " ".join(map(str, self.parts))
        return f"{self.opening}{', '.join(map(str, self.parts))}{self.closing}"


@dataclass(frozen=True)
class Framed:
    """A piece with text before and behind it: `conv=...`, `... for _ in range(3)`."""

    before: str
    piece: str | BracketedText
    behind: str

    def __str__(self) -> str:
        return f"{self.before}{self.piece}{self.behind}"


def laid_out(prefix: str, piece: str | BracketedText | Framed, indent: int, suffix: str = "") -> list[str]:
    """The lines of a piece behind a prefix such as `self.conv = `.

    >>> laid_out("x = ", BracketedText("f(", ["a", "b"], ")"), 4)
    ['    x = f(a, b)']
    """
    if isinstance(piece, Framed):
        return laid_out(prefix + piece.before, piece.piece, indent, piece.behind + suffix)

    space = " " * indent
    line = f"{space}{prefix}{piece}{suffix}"
    if isinstance(piece, str) or not piece.parts or len(line) <= WIDTH:
        return [line]

    # All on the next line, where they fit there.
    inner = f"{space}    {', '.join(map(str, piece.parts))}"
    if piece.opening != "(" and len(inner) <= WIDTH and not any(isinstance(part, Framed) for part in piece.parts):
        return [f"{space}{prefix}{piece.opening}", inner, f"{space}{piece.closing}{suffix}"]

    # A comprehension is one part, and a choice is no list: no commas there.
    comma = ","
    if len(piece.parts) == 1 or piece.opening == "(":
        comma = ""
    lines = [f"{space}{prefix}{piece.opening}"]
    for part in piece.parts:
        lines += laid_out("", part, indent + 4, comma)
    return [*lines, f"{space}{piece.closing}{suffix}"]
