"""Text that is safe to show, and its width on a terminal.

A message repeats parts of the user's file. They may hold escape sequences, characters that turn the line around, or a
hundred thousand of anything. `safe` and `cells` let none of it reach a terminal.
"""

from __future__ import annotations

from unicodedata import category, combining, east_asian_width

from archlang.dataclass import dataclass, unguarded

TAB = 4
MARKS = 4  # combining marks that one letter may carry; further ones are shown as numbers
LONGEST = 4096  # characters of one message, the same number as `limits.DEFAULT.message`

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories without a visible form: controls, formats, surrogates, private, unassigned, separators."""


@unguarded
@dataclass(frozen=True, slots=True)
class CharacterCell:
    """One character as it is shown: the text and the columns it takes. A combining mark joins the letter before it."""

    text: str
    width: int


def cell(char: str) -> CharacterCell:
    """The cell of a single character. A tab is not one: its width depends on the column at which it stands.

    >>> cell("a")
    CharacterCell(text='a', width=1)
    >>> cell("\\x1b"), cell("深")
    (CharacterCell(text='<U+001B>', width=8), CharacterCell(text='深', width=2))
    """
    if " " <= char <= "~":  # most characters: the tables of Unicode need not be asked
        return CharacterCell(char, 1)

    if category(char) in _HIDDEN:
        return _number_cell(char)
    if combining(char) or category(char) in ("Mn", "Me"):
        return CharacterCell(char, 0)
    if east_asian_width(char) in "WF":
        return CharacterCell(char, 2)
    return CharacterCell(char, 1)


def cells(line: str) -> list[CharacterCell]:
    """One cell for each character of a line: tabs as spaces, hidden characters as their numbers.

    >>> "".join(c.text for c in cells("a\\tb\\u202e"))
    'a   b<U+202E>'
    """
    shown: list[CharacterCell] = []
    column, marks = 0, 0
    for char in line:
        if char == "\t":
            gap = TAB - column % TAB
            next_cell = CharacterCell(" " * gap, gap)
        else:
            next_cell = cell(char)

        # Without a bound, marks piled on one letter would paint over the lines above and below.
        if next_cell.width == 0:
            marks += 1
            if marks > MARKS or not shown:
                next_cell = _number_cell(char)
        else:
            marks = 0

        shown.append(next_cell)
        column += next_cell.width
    return shown


def width(text: str) -> int:
    """Columns that a line of text takes on a terminal."""
    return sum(c.width for c in cells(text))


def safe(text: str, longest: int = LONGEST) -> str:
    """Make hidden characters of a text visible, and cut it if it is longer than `longest` characters. Line ends stay.

    >>> safe("a\\x1b[31mb"), safe("x" * 20, 8)
    ('a<U+001B>[31mb', 'xxxxx...')
    """
    if len(text) > longest:
        text = text[: longest - 3] + "..."
    if text.isascii() and text.isprintable():
        return text

    lines = ("".join(c.text for c in cells(line)) for line in text.split("\n"))
    return "\n".join(lines)


def one_line(text: str, longest: int = LONGEST) -> str:
    """`safe` text with a space for each line end."""
    return safe(" ".join(text.split("\n")), longest)


def _number_cell(char: str) -> CharacterCell:
    text = f"<U+{ord(char):04X}>"
    return CharacterCell(text, len(text))
