"""Styled text: lines of pieces, each with a style, printed plainly or in ANSI colours, with the same characters."""

from __future__ import annotations

from dataclasses import dataclass

COLOURS = {
    "error": "1;31",
    "warning": "1;33",
    "strong": "1",
    "gutter": "1;34",
    "secondary": "1;34",
    "help": "1;36",
    "note": "1;32",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text of one style (a key of `COLOURS`, or empty)."""

    text: str
    style: str = ""


Line = tuple[Piece, ...]


def painted(line: Line, colour: bool) -> str:
    """One line as text, without blanks at its end.

    >>> painted((Piece("a", "strong"), Piece(" b ")), colour=False)
    'a b'
    """
    pieces = list(line)
    while pieces and not (kept := pieces[-1].text.rstrip()):
        pieces.pop()
    if pieces:
        pieces[-1] = Piece(kept, pieces[-1].style)
    if not colour:
        return "".join(p.text for p in pieces)
    return "".join(f"\x1b[{COLOURS[p.style]}m{p.text}\x1b[0m" if p.style and p.text.strip() else p.text for p in pieces)


class Row:
    """One line of terminal columns to draw on, from column 0; drawing further right fills up with blanks."""

    def __init__(self) -> None:
        self._columns: list[tuple[str, str]] = []

    def draw(self, column: int, text: str, style: str) -> None:
        """Write each character of `text` into a column of its own, over what stands there."""
        missing = column + len(text) - len(self._columns)
        self._columns += [(" ", "")] * missing
        self._columns[column : column + len(text)] = [(char, style) for char in text]

    @property
    def line(self) -> Line:
        """What was drawn, as pieces of equal style."""
        pieces: list[Piece] = []
        for char, style in self._columns:
            if pieces and pieces[-1].style == style:
                pieces[-1] = Piece(pieces[-1].text + char, style)
            else:
                pieces.append(Piece(char, style))
        return tuple(pieces)
