"""The lines of a file that a diagnostic speaks of, with its labels drawn beneath them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from archlang.diagnostics.canvas import Line, Piece, Row
from archlang.diagnostics.model import Label
from archlang.diagnostics.text import cells, one_line
from archlang.source import Source

LONGEST_LINE = 120  # columns of a file's line that are shown
MARGIN = 20  # columns kept around a label where a line is cut
ELLIPSIS = "..."


@dataclass(frozen=True)
class Mark:
    """A label's part on one line: columns `start` to `end` (counted from 0, in terminal columns once it is placed)."""

    line: int
    start: int
    end: int
    text: str
    style: str

    @property
    def sign(self) -> str:
        """What underlines it."""
        return "-" if self.style == "secondary" else "^"


def marks(label: Label, style: str) -> list[Mark]:
    """A label as marks on lines, in characters: one, or for several lines one on the first and one on the last."""
    span, text = label.span, one_line(label.text)
    (first, left), (last, right) = (span.line, span.column - 1), (span.last[0], span.last[1] - 1)
    if last > first and right == 0:  # it ends with a line end: that belongs to the line before
        last -= 1
        right = len(span.source.line(last))
    if first == last:
        return [Mark(first, left, max(right, left + 1), text, style)]
    line = span.source.line(last)
    indent = min(len(line) - len(line.lstrip()), max(right - 1, 0))
    return [
        Mark(first, left, max(len(span.source.line(first).rstrip()), left + 1), "", style),
        Mark(last, indent, max(right, indent + 1), text, style),
    ]


def section(source: Source, labels: Sequence[tuple[Label, str]], gutter: int) -> list[Line]:
    """The lines of one file: numbered, labelled, with `...` where lines are left out. Labels come with their styles."""
    by_line: dict[int, list[Mark]] = {}
    for label, style in labels:
        for mark in marks(label, style):
            by_line.setdefault(mark.line, []).append(mark)
    found: list[Line] = [_gutter("", gutter)]
    before: int | None = None
    for number in sorted(by_line):
        if before is not None and number == before + 2:  # a single line between is shorter than saying it is left out
            found += _source_line(source, before + 1, [], gutter)
        elif before is not None and number > before + 2:
            found.append((Piece(ELLIPSIS, "gutter"),))
        found += _source_line(source, number, by_line[number], gutter)
        before = number
    return found


def last_line(labels: Iterable[Label]) -> int:
    """The largest line number that a section of these labels shows."""
    return max((mark.line for label in labels for mark in marks(label, "")), default=0)


def _gutter(number: str, wide: int) -> Line:
    return (Piece(f" {number.rjust(wide)} | ", "gutter"),)


def _source_line(source: Source, number: int, found: list[Mark], gutter: int) -> list[Line]:
    text, placed, away = _window(source.line(number), found)
    lines: list[Line] = [(*_gutter(str(number), gutter), Piece(text))]
    lines += [(*_gutter("", gutter), *row) for row in _underlines(placed)]
    lines += [
        (*_gutter("", gutter), Piece(f"{ELLIPSIS} column {mark.start + 1}: {mark.text}", mark.style))
        for mark in away
        if mark.text
    ]
    return lines


def _window(line: str, found: list[Mark]) -> tuple[str, list[Mark], list[Mark]]:
    """A line as shown, its marks in the columns where they stand, and the marks that fell outside of what is shown."""
    shown = cells(line)
    at = [0]
    for cell in shown:
        at.append(at[-1] + cell.width)

    def column(index: int) -> int:
        return at[index] if index < len(at) else at[-1] + index - len(at) + 1

    placed = [replace(m, start=column(m.start), end=max(column(m.end), column(m.start) + 1)) for m in found]
    if at[-1] <= LONGEST_LINE:
        return "".join(c.text for c in shown), placed, []
    left, right = _bounds(placed, at[-1])
    kept = [i for i in range(len(shown)) if at[i] >= left and at[i + 1] <= right]
    text = "".join(shown[i].text for i in kept)
    head = ELLIPSIS if left else ""
    shift = len(head) - (at[kept[0]] if kept else 0)
    stop = at[kept[-1] + 1] + shift if kept else len(head)
    inside = [
        replace(m, start=m.start + shift, end=max(min(m.end + shift, stop), m.start + shift + 1))
        for m in placed
        if left <= m.start <= right
    ]
    away = [old for old, m in zip(found, placed, strict=True) if not left <= m.start <= right]
    return head + text + (ELLIPSIS if right < at[-1] else ""), inside, away


def _bounds(placed: list[Mark], wide: int) -> tuple[int, int]:
    """Columns from and to which a line too long is shown: around all marks, or else around the most important one."""
    if not placed:
        return 0, LONGEST_LINE
    low, high = min(m.start for m in placed), max(m.end for m in placed)
    if high - low > LONGEST_LINE - MARGIN:
        first = min(placed, key=lambda m: (m.style == "secondary", m.start))
        low, high = first.start, min(first.end, first.start + LONGEST_LINE - MARGIN)
    left = max(0, min(low - MARGIN, wide - LONGEST_LINE))
    right = min(wide, max(high, left + LONGEST_LINE))
    return max(left, min(low, right - LONGEST_LINE)), right


def _underlines(placed: list[Mark]) -> list[Line]:
    """The line of marks, and beneath it the texts that have no room on it, hanging from where their mark begins."""
    if not placed:
        return []
    row = Row()
    for mark in sorted(placed, key=lambda m: (m.style != "secondary", m.start)):  # the primary one over the others
        row.draw(mark.start, mark.sign * (mark.end - mark.start), mark.style)
    last = max(placed, key=lambda m: (m.start, m.style != "secondary"))
    beside = last if all(m is last or (m.end <= last.end and m.start < last.start) for m in placed) else None
    if beside and beside.text:
        row.draw(beside.end + 1, beside.text, beside.style)
    hanging = [m for m in placed if m is not beside and m.text]
    return [row.line, *_hanging(sorted(hanging, key=lambda m: m.start))]


def _hanging(hanging: list[Mark]) -> list[Line]:
    lines: list[Line] = []
    if hanging:
        row = Row()
        for mark in hanging:
            row.draw(mark.start, "|", mark.style)
        lines.append(row.line)
    while hanging:
        mark = hanging.pop()
        row = Row()
        for other in hanging:
            if other.start < mark.start:
                row.draw(other.start, "|", other.style)
        row.draw(mark.start, mark.text, mark.style)
        lines.append(row.line)
    return lines
