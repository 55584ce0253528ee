"""The line that an edit leaves, as a message shows it, and the place at which a bracket of a line would close."""

from __future__ import annotations

from archlang.diagnostics import Fix
from archlang.source import Source, Span

LONGEST_LINE = 120
"""Characters of a mended line that a message still shows."""

_COMMON = frozenset("=:;,()[]{}-+*/")
"""Signs that are right in most of their places."""

_OPENING, _CLOSING = "([{", ")]}"


def mended_line(fix: Fix) -> str:
    """The lines of an edit as it leaves them, joined to one.

    Empty if they are too long to be shown, or if what the edit mends stands in them once more.
    """
    source = fix.span.source
    start = source.text.rfind("\n", 0, fix.span.start) + 1
    end = source.text.find("\n", fix.span.end)
    if end < 0:
        end = len(source.text)

    text = source.text[start : fix.span.start] + fix.text + source.text[fix.span.end : end]
    line = " ".join(text.split())
    wrong = fix.span.text.strip()
    is_sign = bool(wrong and fix.text) and not wrong.isalnum() and wrong not in _COMMON
    again = is_sign and wrong in line.replace(fix.text, "", 1)
    if len(line) > LONGEST_LINE or "`" in line or again:
        return ""
    return line


def closing_place(opener: Span) -> Span:
    """The place on its line at which an opening bracket probably closes: before the next arrow, brace or end."""
    source, depth = opener.source, 0
    end = _end_of_line(source, opener.end)
    for at in range(opener.end, end):
        char = source.text[at]
        if depth == 0 and (source.text.startswith("->", at) or char in "{;#)]}"):
            end = at
            break
        depth += (char in _OPENING) - (char in _CLOSING)

    while end > opener.end and source.text[end - 1] in " \t\r":
        end -= 1
    return Span(source, end, end)


def _end_of_line(source: Source, start: int) -> int:
    end = source.text.find("\n", start)
    if end < 0:
        return len(source.text)
    return end
