"""The lines of a file that a diagnostic speaks of, with its labels drawn beneath them.

A label becomes one or two marks: stretches of single lines, first in characters of the line, then, once the line is
laid out, in columns of the terminal. The two differ where a line holds tabs, wide letters or hidden characters, or is
cut because it is long.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from archlang.dataclass import dataclass
from archlang.diagnostics.canvas import CanvasRow, StyledLine, StyledText
from archlang.diagnostics.model import Label
from archlang.diagnostics.text import CharacterCell, cells, one_line
from archlang.source import Source

LONGEST_LINE = 120  # columns of a file's line that are shown
MARGIN = 20  # columns kept around a label if its line is cut
ELLIPSIS = "..."
LAID_OUT = 3 * LONGEST_LINE
"""Characters on either side of a label that are laid out: a line may have a quarter of a million."""


StyledLabel = tuple[Label, str]
"""A label and its style: the severity of the diagnostic for the primary one, else `secondary`."""


@dataclass(frozen=True)
class Mark:
    """The part of a label on one line: from `start` to `end`, counted from 0."""

    line: int
    start: int
    end: int
    text: str
    style: str

    @property
    def is_primary(self) -> bool:
        """True for the place of the mistake, False for places that help to understand it."""
        return self.style != "secondary"

    @property
    def sign(self) -> str:
        """The character that underlines it."""
        if self.is_primary:
            return "^"
        return "-"


def marks(label: Label, style: str) -> list[Mark]:
    """Split a label into marks, in characters: one, or for a span of several lines one on the first and the last."""
    span, text = label.span, one_line(label.text)
    first, left = span.line, span.column - 1
    last, right = span.last[0], span.last[1] - 1

    # A span that ends with a line end reaches column 0 of the next line, where there is nothing to underline.
    if last > first and right == 0:
        last -= 1
        right = len(span.source.line(last))

    if first == last:
        return [Mark(first, left, max(right, left + 1), text, style)]

    first_end = len(span.source.line(first).rstrip())
    line = span.source.line(last)
    indent = min(len(line) - len(line.lstrip()), max(right - 1, 0))
    return [
        Mark(first, left, max(first_end, left + 1), "", style),
        Mark(last, indent, max(right, indent + 1), text, style),
    ]


def file_section(source: Source, labels: Sequence[StyledLabel], gutter: int) -> list[StyledLine]:
    """The labelled lines of one file, numbered, with `...` for lines left out between them.

    Args:
        source: the file; all labels lie in it.
        labels: each with its style.
        gutter: columns that the line numbers take.
    """
    by_line: dict[int, list[Mark]] = {}
    for label, style in labels:
        for mark in marks(label, style):
            by_line.setdefault(mark.line, []).append(mark)

    section: list[StyledLine] = [_gutter("", gutter)]
    previous: int | None = None
    for number in sorted(by_line):
        if previous is not None and number == previous + 2:  # the line between takes no more room than an ellipsis
            section += _numbered_line(source, previous + 1, [], gutter)
        elif previous is not None and number > previous + 2:
            section.append((StyledText(ELLIPSIS, "gutter"),))

        section += _numbered_line(source, number, by_line[number], gutter)
        previous = number
    return section


def last_line(labels: Iterable[Label]) -> int:
    """The largest line number that sections of these labels show, 0 for no labels."""
    return max((mark.line for label in labels for mark in marks(label, "")), default=0)


def _gutter(number: str, width: int) -> StyledLine:
    return (StyledText(f" {number.rjust(width)} | ", "gutter"),)


def _numbered_line(source: Source, number: int, line_marks: list[Mark], gutter: int) -> list[StyledLine]:
    view = _LineView(source.line(number), line_marks)
    lines: list[StyledLine] = [(*_gutter(str(number), gutter), StyledText(view.text))]
    lines += [(*_gutter("", gutter), *row) for row in _underlines(view.marks)]

    for mark in view.outside:
        if mark.text:
            text = f"{ELLIPSIS} column {mark.start + 1}: {mark.text}"
            lines.append((*_gutter("", gutter), StyledText(text, mark.style)))
    return lines


# --- one line as it is shown -----------------------------------------------------------------------------------------


class _LineView:
    """A line laid out in columns.

    `text` is shown, `marks` lie in its columns, and `outside` holds the marks, in characters, that a cut line lost.
    """

    def __init__(self, line: str, line_marks: list[Mark]) -> None:
        # Of a very long line only the part around the most important mark is laid out; what stands before counts as
        # one column a character.
        first, last = 0, len(line)
        if len(line) > 2 * LAID_OUT and line_marks:
            anchor = _most_important(line_marks).start
            first, last = max(0, anchor - LAID_OUT), min(len(line), anchor + LAID_OUT)

        self._first = first
        self._cells: list[CharacterCell] = cells(line[first:last])
        self._edges = [first]  # column at which each character begins, and the one behind the last
        for cell in self._cells:
            self._edges.append(self._edges[-1] + cell.width)

        self.text = "".join(cell.text for cell in self._cells)
        self.marks = [self._in_columns(mark) for mark in line_marks]
        self.outside: list[Mark] = []
        self._width = self._edges[-1] + len(line) - last
        if self._width > LONGEST_LINE:
            self._cut(line_marks)

    def _in_columns(self, mark: Mark) -> Mark:
        start, end = self._column(mark.start), self._column(mark.end)
        return replace(mark, start=start, end=max(end, start + 1))  # a combining mark alone has no width

    def _column(self, index: int) -> int:
        """The column of a character; behind the line, where a missing token is shown, one column each."""
        if index < self._first:
            return index

        here = index - self._first
        if here < len(self._edges):
            return self._edges[here]
        return self._edges[-1] + here - len(self._edges) + 1

    def _cut(self, line_marks: list[Mark]) -> None:
        """Keep the part of a long line around its marks."""
        edges = self._edges
        left, right = _bounds(self.marks, self._width)
        kept = [i for i in range(len(self._cells)) if edges[i] >= left and edges[i + 1] <= right]

        text = "".join(self._cells[i].text for i in kept)
        shift = 0
        if kept:
            shift = -edges[kept[0]]
        if left > 0:
            text = ELLIPSIS + text
            shift += len(ELLIPSIS)
        stop = shift
        if kept:
            stop = edges[kept[-1] + 1] + shift
        if right < self._width:
            text += ELLIPSIS

        inside: list[Mark] = []
        for in_characters, in_columns in zip(line_marks, self.marks, strict=True):
            if left <= in_columns.start <= right:
                start = in_columns.start + shift
                end = max(min(in_columns.end + shift, stop), start + 1)
                inside.append(replace(in_columns, start=start, end=end))
            else:
                self.outside.append(in_characters)
        self.text, self.marks = text, inside


def _most_important(line_marks: list[Mark]) -> Mark:
    """The primary mark, or else the first one."""
    return min(line_marks, key=lambda mark: (not mark.is_primary, mark.start))


def _bounds(line_marks: list[Mark], width: int) -> tuple[int, int]:
    """First and last column to show of a long line: around all its marks, or else around the primary one."""
    if not line_marks:
        return 0, LONGEST_LINE

    low, high = min(mark.start for mark in line_marks), max(mark.end for mark in line_marks)
    if high - low > LONGEST_LINE - MARGIN:
        most_important = _most_important(line_marks)
        low = most_important.start
        high = min(most_important.end, low + LONGEST_LINE - MARGIN)

    left = max(0, min(low - MARGIN, width - LONGEST_LINE))
    right = min(width, max(high, left + LONGEST_LINE))
    return max(left, min(low, right - LONGEST_LINE)), right


# --- drawing the marks -----------------------------------------------------------------------------------------------


def _underlines(line_marks: list[Mark]) -> list[StyledLine]:
    """The line of marks, and beneath it the texts that have no room on it, each hanging from the start of its mark."""
    if not line_marks:
        return []

    row = CanvasRow()
    for mark in sorted(line_marks, key=lambda mark: (mark.is_primary, mark.start)):  # the primary one over the others
        row.draw(mark.start, mark.sign * (mark.end - mark.start), mark.style)

    beside = _mark_with_room_beside(line_marks)
    if beside is not None and beside.text:
        row.draw(beside.end + 1, beside.text, beside.style)

    hanging = [mark for mark in line_marks if mark is not beside and mark.text]
    return [row.line, *_hanging_texts(sorted(hanging, key=lambda mark: mark.start))]


def _mark_with_room_beside(line_marks: list[Mark]) -> Mark | None:
    """The rightmost mark, if nothing reaches beyond it; its text can then stand on the line of marks itself."""
    rightmost = max(line_marks, key=lambda mark: (mark.start, mark.is_primary))
    for mark in line_marks:
        if mark is not rightmost and (mark.end > rightmost.end or mark.start >= rightmost.start):
            return None
    return rightmost


def _hanging_texts(hanging: list[Mark]) -> list[StyledLine]:
    """A line of bars, then the texts from the rightmost to the leftmost, with bars for those still to come."""
    if not hanging:
        return []

    row = CanvasRow()
    for mark in hanging:
        row.draw(mark.start, "|", mark.style)
    lines = [row.line]

    while hanging:
        mark = hanging.pop()
        row = CanvasRow()
        for other in hanging:
            if other.start < mark.start:
                row.draw(other.start, "|", other.style)
        row.draw(mark.start, mark.text, mark.style)
        lines.append(row.line)
    return lines
