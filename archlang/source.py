"""The text of a file and places in it. Every message that archlang gives about a file names its place with a `Span`.

>>> source = Source("demo.arch", "archlang 1\\nlet a = 1\\n")
>>> span = Span(source, 15, 16)
>>> span.text, span.line, span.column
('a', 2, 5)
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import field
from functools import cached_property

from archlang.dataclass import dataclass, unguarded


@dataclass(frozen=True, eq=False)
class Source:
    """A text and the name under which messages show it.

    Two sources are equal only if they are the same object: a file that changed on disk and was read again is another
    source, and spans into the old text stay valid.

    Of a text that was printed from a rewritten file, `former` holds the places before, by the offset at which a name
    begins here; whoever printed it fills it in, once.
    """

    name: str
    text: str = field(repr=False)
    former: dict[int, Span] = field(default_factory=dict, repr=False)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Offsets of the first character of each line. A text without a line end has one line."""
        return (0, *(offset + 1 for offset, char in enumerate(self.text) if char == "\n"))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both counted from 1, of a character offset counted from 0."""
        # The last line that starts at or before the offset.
        row = bisect_right(self.starts, offset) - 1
        return row + 1, offset - self.starts[row] + 1

    def line(self, number: int) -> str:
        """The text of line `number` (from 1) without its line end. It is empty for a line that does not exist."""
        if not 1 <= number <= len(self.starts):
            return ""

        start = self.starts[number - 1]
        end = self.text.find("\n", start)
        if end < 0:  # the last line may lack its line end
            end = len(self.text)
        return self.text[start:end].rstrip("\r")


@unguarded
@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` (included) to `end` (excluded) of a source, counted from 0."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters that the span covers."""
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
        """Join two spans of one source, with all that stands between them."""
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


BUILT_IN = Source("<archlang>", "")
NOWHERE = Span(BUILT_IN, 0, 0)
"""The place of nodes that no file holds: those made by a transformation or by the Python builder."""
