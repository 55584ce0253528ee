"""Styled text: lines made of stretches, each with a style, printed plainly or in ANSI colours.

Both forms show the same characters, so that nothing is said by colour alone.
"""

from __future__ import annotations

from archlang.dataclass import dataclass, unguarded

COLOURS = {
    "error": "1;31",
    "warning": "1;33",
    "strong": "1",
    "gutter": "1;34",
    "secondary": "1;34",
    "help": "1;36",
    "note": "1;32",
}


@unguarded
@dataclass(frozen=True, slots=True)
class StyledText:
    """A stretch of text in one style: a key of `COLOURS`, or empty for plain text."""

    text: str
    style: str = ""


StyledLine = tuple[StyledText, ...]


def paint(line: StyledLine, colour: bool) -> str:
    """Print one line as text, without blanks at its end.

    >>> paint((StyledText("a", "strong"), StyledText(" b ")), colour=False)
    'a b'
    """
    stretches = _without_trailing_blanks(line)
    if not colour:
        return "".join(stretch.text for stretch in stretches)

    painted = []
    for stretch in stretches:
        if stretch.style and stretch.text.strip():  # a coloured blank would only lengthen the output
            painted.append(f"\x1b[{COLOURS[stretch.style]}m{stretch.text}\x1b[0m")
        else:
            painted.append(stretch.text)
    return "".join(painted)


def _without_trailing_blanks(line: StyledLine) -> list[StyledText]:
    # Editors strip blanks at line ends, so that golden texts with them would not survive.
    stretches = list(line)
    while stretches and not stretches[-1].text.strip():
        stretches.pop()

    if stretches:
        last = stretches.pop()
        stretches.append(StyledText(last.text.rstrip(), last.style))
    return stretches


class CanvasRow:
    """One line of terminal columns to draw on, from column 0. Drawing beyond its end fills the gap with blanks."""

    def __init__(self) -> None:
        self._columns: list[tuple[str, str]] = []  # of each column: its character and its style

    def draw(self, column: int, text: str, style: str) -> None:
        """Write each character of `text` into a column of its own, over what stands there."""
        # A negative number of blanks is none: a list times -3 is empty.
        missing = column + len(text) - len(self._columns)
        self._columns += [(" ", "")] * missing
        self._columns[column : column + len(text)] = [(char, style) for char in text]

    @property
    def line(self) -> StyledLine:
        """The columns drawn so far, joined where neighbours share a style."""
        stretches: list[StyledText] = []
        for char, style in self._columns:
            if stretches and stretches[-1].style == style:
                stretches[-1] = StyledText(stretches[-1].text + char, style)
            else:
                stretches.append(StyledText(char, style))
        return tuple(stretches)
