"""Text that is safe to show, and how wide it is on a terminal.

What a message repeats of a user's file may hold escape sequences, characters that turn the line around, or a hundred
thousand of anything. `safe` and `cells` let none of it reach a terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from unicodedata import category, combining, east_asian_width

TAB = 4
MARKS = 4  # combining marks that one letter may carry; more of them are shown as numbers
LONGEST = 4096  # characters of one message, as in `limits`, which is a floor above

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Cell:
    """What one character of a line is shown as: the text and the columns it takes. A mark's text joins its letter's."""

    text: str
    width: int


def cell(char: str) -> Cell:
    """How a single character is shown (a tab is not one: its width depends on where it stands).

    >>> cell("a"), cell("\\x1b"), cell("深")
    (Cell(text='a', width=1), Cell(text='<U+001B>', width=8), Cell(text='深', width=2))
    """
    if " " <= char <= "~":
        return Cell(char, 1)
    if category(char) in _HIDDEN:
        return Cell(shown := f"<U+{ord(char):04X}>", len(shown))
    if combining(char) or category(char) in ("Mn", "Me"):
        return Cell(char, 0)
    return Cell(char, 2 if east_asian_width(char) in "WF" else 1)


def cells(line: str) -> list[Cell]:
    """One cell for each character of a line: tabs as spaces, hidden characters as their numbers.

    >>> "".join(c.text for c in cells("a\\tb\\u202e"))
    'a   b<U+202E>'
    """
    found: list[Cell] = []
    column, marks = 0, 0
    for char in line:
        made = Cell(" " * (gap := TAB - column % TAB), gap) if char == "\t" else cell(char)
        marks = marks + 1 if made.width == 0 else 0
        if made.width == 0 and (marks > MARKS or not found):
            made = Cell(number := f"<U+{ord(char):04X}>", len(number))
        found.append(made)
        column += made.width
    return found


def width(text: str) -> int:
    """Columns that a line of text takes on a terminal."""
    return sum(c.width for c in cells(text))


def safe(text: str, longest: int = LONGEST) -> str:
    """The text with nothing hidden in it, cut when it is longer than `longest` characters; line ends stay.

    >>> safe("a\\x1b[31mb"), safe("x" * 20, 8)
    ('a<U+001B>[31mb', 'xxxxx...')
    """
    cut = text if len(text) <= longest else text[: longest - 3] + "..."
    if cut.isascii() and cut.isprintable():
        return cut
    return "\n".join("".join(c.text for c in cells(line)) for line in cut.split("\n"))


def one_line(text: str, longest: int = LONGEST) -> str:
    """`safe` text with its line ends as spaces."""
    return safe(" ".join(text.split("\n")), longest)
