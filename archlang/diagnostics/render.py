"""Diagnostics as text for people: the long form with the lines of the file, and one line each."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics.model import Diagnostic
from archlang.diagnostics.text import LONGEST, one_line
from archlang.source import BUILT_IN

SHOWN = 50  # the same number as `limits.DEFAULT.diagnostics`
NOT_SHOWN = "more mistakes are not shown"
"""The line that stands for all past the limit. How many there are is not known: the search ends there."""


def human(
    diagnostics: Sequence[Diagnostic], *, limit: int = SHOWN, longest: int = LONGEST, colour: bool = False
) -> str:
    """All diagnostics with their places, lines and labels, a blank line between two, no line end behind the last.

    Args:
        diagnostics: in the order in which they are shown.
        limit: at most so many are shown, errors before warnings; a last line says that there are others.
        longest: characters at which each message, help and note is cut.
        colour: adds ANSI colours. The other characters stay the same.

    >>> from archlang.diagnostics import error
    >>> from archlang.source import Source, Span
    >>> flow = Source("demo.arch", "archlang 1\\nlet a = bb\\n")
    >>> print(human([error("undefined-name", "nothing is called `bb`", Span(flow, 19, 21), "not found")]))
    error[undefined-name]: nothing is called `bb`
      --> demo.arch:2:9
       |
     2 | let a = bb
       |         ^^ not found
    """
    # What lays mistakes out is loaded once there is one: most files have none.
    from archlang.diagnostics.long_form import block

    shown, more = chosen(diagnostics, limit)
    blocks = [block(d, longest, colour) for d in shown]
    if more:
        blocks.append(NOT_SHOWN)
    return "\n\n".join(blocks)


def concise(diagnostics: Sequence[Diagnostic], *, limit: int = SHOWN, longest: int = LONGEST) -> str:
    """One line for each: `file:line:column: error[name]: message`. The place is left out where there is none."""
    shown, more = chosen(diagnostics, limit)
    lines = [_place_prefix(d) + f"{d.severity}[{d.name}]: {one_line(d.message, longest)}" for d in shown]
    if more:
        lines.append(NOT_SHOWN)
    return "\n".join(lines)


def summary(diagnostics: Sequence[Diagnostic], *, limit: int = SHOWN) -> str:
    """Count them by severity, as in `2 errors, 1 warning`. The text is empty if there are none.

    The search for mistakes ends soon behind `limit` of them, so that a larger number is not known.
    """
    parts = []
    for word in ("error", "warning"):
        count = sum(d.severity == word for d in diagnostics)
        if count > limit:
            parts.append(f"more than {limit} {_plural(word, limit)}")
        elif count:
            parts.append(f"{count} {_plural(word, count)}")
    return ", ".join(parts)


def chosen(diagnostics: Sequence[Diagnostic], limit: int) -> tuple[list[Diagnostic], int]:
    """Choose at most `limit` diagnostics, kept in their order, and count the others.

    No error is left out for the sake of a warning.
    """
    errors_first = sorted(range(len(diagnostics)), key=lambda i: diagnostics[i].severity != "error")
    kept = sorted(errors_first[: max(limit, 0)])
    return [diagnostics[i] for i in kept], len(diagnostics) - len(kept)


def _plural(word: str, count: int) -> str:
    if count == 1:
        return word
    return word + "s"


def _place_prefix(diagnostic: Diagnostic) -> str:
    primary = diagnostic.primary
    if primary is None or primary.span.source is BUILT_IN:
        return ""
    return one_line(str(primary.span)) + ": "
