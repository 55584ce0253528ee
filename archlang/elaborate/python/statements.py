"""The statement around a place of a text that has no tree: its lines, without the braces and comments around it."""

from __future__ import annotations

import re

from archlang.dataclass import dataclass

MOST_LINES = 30
"""Lines of one statement that are looked at."""

_OPENS = re.compile(r"\s*(?:network|block|train|phase)\b[^{}]*\{")
_GOES_ON = ("->", ".", ")", "]", "+", "*")
_UNFINISHED = ("->", "=", "(", "[", ",", "+", "-", "*", "\\")


@dataclass(frozen=True)
class StatementPlace:
    """The statement from `start` up to `end`, as offsets into the text."""

    start: int
    end: int


def statement_at(text: str, offset: int) -> StatementPlace | None:
    """The statement around an offset; None where there is nothing but brackets and space."""
    lines = _lines_around(text, offset)
    start, end = _narrowed(text, *lines, offset)

    # What stands around the statement is none of it: space, a comment, a sign at its end.
    piece = text[start:end]
    end = start + _before_comment(piece)
    while end > start and text[end - 1] in " \t\r\n;":
        end -= 1
    while start < end and text[start] in " \t\r\n":
        start += 1
    if not re.search(r"\w", text[start:end]):
        return None
    return StatementPlace(start, end)


def _lines_around(text: str, offset: int) -> tuple[int, int]:
    """The start and end of the lines that belong together by their brackets and arrows."""
    start, end = _line(text, offset)
    for _ in range(MOST_LINES):
        if start == 0 or not _belongs_to_last(text, start):
            break
        start, _ = _line(text, start - 1)

    for _ in range(MOST_LINES):
        if end >= len(text) or not (_depth(text[start:end]) > 0 or _belongs_to_last(text, end + 1)):
            break
        _, end = _line(text, end + 1)
    return start, end


def _line(text: str, offset: int) -> tuple[int, int]:
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    if end < 0:
        end = len(text)
    return start, end


def _belongs_to_last(text: str, start: int) -> bool:
    """Return whether the line that starts here goes on with the one before."""
    _, end = _line(text, start)
    if text[start:end].lstrip().startswith(_GOES_ON):
        return True

    before = text[max(0, start - 2_000) : max(0, start - 1)]
    last = before.rpartition("\n")[2]
    if last.split("#")[0].rstrip().endswith(_UNFINISHED):
        return True
    # A call over several lines: of the last lines so many brackets are open.
    recent = before.split("\n")[-MOST_LINES:]
    return any(_depth("\n".join(recent[at:])) > 0 and _is_statement(recent[at]) for at in range(len(recent)))


def _is_statement(line: str) -> bool:
    return re.match(r"\s*(?:\w+\s+)?[\w.]+\s*=[^=]", line) is not None and _depth(line) > 0


def _depth(text: str) -> int:
    """Round and square brackets that are open at the end of a text."""
    return sum(char in "([" for char in text) - sum(char in ")]" for char in text)


def _narrowed(text: str, start: int, end: int, offset: int) -> tuple[int, int]:
    """The part of a line inside the braces of a declaration, and between the `;` around the offset."""
    opened = _OPENS.match(text, start, end)
    while opened is not None and opened.end() <= offset:
        start = opened.end()
        opened = _OPENS.match(text, start, end)
    if opened is not None:  # the head itself
        return start, end

    depth = 0
    for at in range(start, end):
        char = text[at]
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        if char == ";" and depth == 0:
            if at < offset:
                start = at + 1
            else:
                return start, at
        if depth < 0 and char == "}":
            return start, at
    return start, end


def _before_comment(piece: str) -> int:
    """The offset of a comment's sign, or of the end."""
    quote = ""
    for at, char in enumerate(piece):
        if quote:
            if char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char == "#":
            return at
    return len(piece)


def body_end(text: str, start: int) -> int:
    """The offset of the brace that closes the body in which a place stands; the end of the text if none does."""
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth < 0:
            return at
    return len(text)
