"""A file's text and places in it. Everything that archlang says of a file says it with a `Span`.

>>> source = Source("demo.arch", "archlang 1\\nlet a = 1\\n")
>>> span = Span(source, 15, 16)
>>> span.text, span.line, span.column
('a', 2, 5)
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, eq=False)
class Source:
    """One text: the name that messages show, and its characters. Sources are equal only if they are the same one."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Offset of each line's first character; a text without any line end has one line."""
        return (0, *(i + 1 for i, char in enumerate(self.text) if char == "\n"))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character offset from 0."""
        row = bisect_right(self.starts, offset) - 1
        return row + 1, offset - self.starts[row] + 1

    def line(self, number: int) -> str:
        """The text of a line (from 1) without its line end; empty past the last one."""
        if not 1 <= number <= len(self.starts):
            return ""
        start = self.starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` (included) to `end` (excluded) of a source, counted from 0."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """What stands there."""
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        """Line of the first character, from 1."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """Column of the first character, from 1."""
        return self.source.position(self.start)[1]

    @property
    def last(self) -> tuple[int, int]:
        """Line and column, from 1, of the place just behind the last character."""
        return self.source.position(self.end)

    def to(self, other: Span) -> Span:
        """The stretch from this span's start to the other's end (same source)."""
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


BUILT_IN = Source("<archlang>", "")
NOWHERE = Span(BUILT_IN, 0, 0)
"""The place of what no file wrote: nodes made by a transformation or by the Python builder."""
