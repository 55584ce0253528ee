"""A body that indentation shows, as in Python, put into braces."""

from __future__ import annotations

from archlang.diagnostics import Fix
from archlang.source import Span
from archlang.syntax.facts import Facts
from archlang.syntax.recovery import OPENING

_CLOSING = frozenset({"RPAR", "RSQB", "RBRACE"})


def in_braces_by_indent(facts: Facts) -> Fix | None:
    """The edit that puts what follows a `:` into braces: the rest of its line, or the deeper lines below it."""
    if facts.type != "COLON":
        return None
    source, colon = facts.place.source, facts.place
    end = _end_of_step(facts)
    if end is not None:
        inner = source.text[colon.end : end].strip()
        return Fix(Span(source, colon.start, end), f" {{ {inner} }}")

    return in_braces(colon)


def in_braces(colon: Span) -> Fix | None:
    """The edit that puts the deeper lines below a `:` into braces; None if there are none."""
    source = colon.source
    end = _end_of_indented(source.text, colon.end)
    if end is None:
        return None
    indent = _indent(source.line(colon.line))
    return Fix(Span(source, colon.start, end), f" {{{source.text[colon.end : end]}\n{' ' * indent}}}")


def _end_of_step(facts: Facts) -> int | None:
    """The offset behind what stands on the line of the colon, up to a bracket that closes something before it."""
    depth, end = 0, None
    for token in facts.rest_of_line[1:]:
        depth += (token.type in OPENING) - (token.type in _CLOSING)
        if depth < 0:
            break
        end = token.end
    return end


def _end_of_indented(text: str, start: int) -> int | None:
    """The offset behind the lines below that are deeper than the one of the colon."""
    line_start = text.rfind("\n", 0, start) + 1
    indent = _indent(text[line_start:start])

    at, end = text.find("\n", start), None
    while at >= 0:
        following = text.find("\n", at + 1)
        line = text[at + 1 : following] if following >= 0 else text[at + 1 :]
        if line.strip():
            if _indent(line) <= indent:
                break
            end = at + 1 + len(line.rstrip())
        at = following
    return end


def _indent(line: str) -> int:
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
