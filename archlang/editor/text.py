"""The text of an open document and the places in it, counted as editors count: lines, and UTF-16 units in a line.

>>> text = OpenText("let a = 1\\r\\nlet b = 2")
>>> text.place(text.offset(TextPlace(1, 4))), text.text[text.offset(TextPlace(1, 4))]
(TextPlace(line=1, unit=4), 'b')
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from archlang.source import Span

_LINE_END = re.compile(r"\r\n|\n|\r")
"""The ends of lines that the protocol knows; the form feed and others that Python would take are characters here."""

_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, order=True)
class TextPlace:
    """A place between two characters: the line from 0, and the UTF-16 units before it on that line."""

    line: int
    unit: int


@dataclass(frozen=True)
class TextRange:
    """A range of text, from a place to the one behind its last character."""

    start: TextPlace
    end: TextPlace


@dataclass(frozen=True)
class Edit:
    """`text` takes the place of a range; without one it takes that of the whole document."""

    where: TextRange | None
    text: str


@dataclass(frozen=True)
class OpenText:
    """A text as an editor holds it. It does not change: an edit makes another one."""

    text: str = field(repr=False)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Offsets of the first character of each line."""
        return (0, *(match.end() for match in _LINE_END.finditer(self.text)))

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """Offsets behind the last character of each line, its line end left out."""
        return (*(match.start() for match in _LINE_END.finditer(self.text)), len(self.text))

    def line(self, number: int) -> str:
        """A line without its end, from 0."""
        return self.text[self.starts[number] : self.ends[number]]

    def offset(self, place: TextPlace) -> int:
        """The character at a place. One behind a line's or the text's end is that end, as the protocol wants it."""
        if place.line < 0:
            return 0
        if place.line >= len(self.starts):
            return len(self.text)

        # Nearly every line is one unit a character, and is not walked through.
        line = self.line(place.line)
        if line.isascii():
            return self.starts[place.line] + min(max(place.unit, 0), len(line))

        # A place inside a character of two units is the one before it.
        units = 0
        for index, character in enumerate(line):
            units += units_of(character)
            if units > place.unit:
                return self.starts[place.line] + index
        return self.ends[place.line]

    def place(self, offset: int) -> TextPlace:
        """The place of a character."""
        # What was cut from an unfinished text ends behind it.
        offset = min(max(offset, 0), len(self.text))
        row = bisect_right(self.starts, offset) - 1
        before = self.text[self.starts[row] : min(offset, self.ends[row])]
        return TextPlace(row, units_of(before))

    def range(self, start: int, end: int) -> TextRange:
        """The range between two characters."""
        return TextRange(self.place(start), self.place(end))

    def of(self, span: Span) -> TextRange:
        """The range of a span in this text."""
        return self.range(span.start, span.end)

    def edited(self, edits: Sequence[Edit]) -> OpenText:
        """The text after edits that were made one after the other, each in the text that the one before it left."""
        current = self
        for edit in edits:
            text = edit.text
            if edit.where is not None:
                start, end = sorted((current.offset(edit.where.start), current.offset(edit.where.end)))
                text = current.text[:start] + edit.text + current.text[end:]
            current = OpenText(joined_pairs(text))
        return current


def units_of(text: str) -> int:
    """Count the UTF-16 units of a text.

    >>> units_of("a\\U0001d49c")
    3
    """
    if text.isascii():
        return len(text)
    return len(text) + sum(character > "\uffff" for character in text)


def joined_pairs(text: str) -> str:
    """The text with two halves of a character that came from two edits put together again."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def applied(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    """The text with several parts replaced at once: (start, end, replacement), none of which overlap.

    >>> applied("a + b", [(4, 5, "y"), (0, 1, "x")])
    'x + y'
    """
    # From the end, so that the places of the others stay what they are.
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text
