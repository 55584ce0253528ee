"""Diagnostics as text for people: the long form with the lines of the file, and one line each."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics.canvas import Line, Piece, painted
from archlang.diagnostics.model import Diagnostic, Label
from archlang.diagnostics.snippet import last_line, section
from archlang.diagnostics.text import LONGEST, one_line, safe
from archlang.source import BUILT_IN, Source

SHOWN = 50  # as in `limits`, which is a floor above


def human(
    diagnostics: Sequence[Diagnostic], *, limit: int = SHOWN, longest: int = LONGEST, colour: bool = False
) -> str:
    """All diagnostics, each with its place, lines and labels, a blank line between; no line end behind the last.

    At most `limit` are shown, errors before warnings; each message, help and note is cut at `longest` characters.
    The characters are the same with and without colour.

    >>> from archlang.diagnostics import error
    >>> from archlang.source import Span
    >>> flow = Source("demo.arch", "archlang 1\\nlet a = bb\\n")
    >>> print(human([error("undefined-name", "nothing is called `bb`", Span(flow, 19, 21), "not found")]))
    error[undefined-name]: nothing is called `bb`
      --> demo.arch:2:9
       |
     2 | let a = bb
       |         ^^ not found
    """
    shown, more = chosen(diagnostics, limit)
    blocks = ["\n".join(painted(line, colour) for line in _block(d, longest)) for d in shown]
    return "\n\n".join(blocks + ([not_shown(more)] if more else []))


def concise(diagnostics: Sequence[Diagnostic], *, limit: int = SHOWN, longest: int = LONGEST) -> str:
    """One line for each: `file:line:column: error[name]: message`; without a place, only what comes after it."""
    shown, more = chosen(diagnostics, limit)
    lines = [_place(d) + f"{d.severity}[{d.name}]: {one_line(d.message, longest)}" for d in shown]
    return "\n".join(lines + ([not_shown(more)] if more else []))


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """How many there are of what: `2 errors, 1 warning`; empty for none."""
    counts = {word: sum(d.severity == word for d in diagnostics) for word in ("error", "warning")}
    return ", ".join(f"{n} {word}{'s' if n != 1 else ''}" for word, n in counts.items() if n)


def chosen(diagnostics: Sequence[Diagnostic], limit: int) -> tuple[list[Diagnostic], int]:
    """At most `limit` of them in their order, no error left out for a warning, and the number of the rest."""
    ranked = sorted(range(len(diagnostics)), key=lambda i: diagnostics[i].severity != "error")[: max(limit, 0)]
    return [diagnostics[i] for i in sorted(ranked)], len(diagnostics) - len(ranked)


def not_shown(more: int) -> str:
    """The line that stands for those past the limit."""
    return f"{more} more mistake{'s' if more != 1 else ''} not shown"


def _place(diagnostic: Diagnostic) -> str:
    primary = diagnostic.primary
    return one_line(str(primary.span)) + ": " if primary and primary.span.source is not BUILT_IN else ""


def _block(diagnostic: Diagnostic, longest: int) -> list[Line]:
    head, *rest = safe(diagnostic.message, longest).split("\n")
    lines: list[Line] = [
        (Piece(f"{diagnostic.severity}[{diagnostic.name}]", diagnostic.severity), Piece(f": {head}", "strong"))
    ]
    lines += [(Piece(f"  {line}", "strong"),) for line in rest]
    labels = _labels(diagnostic)
    gutter = len(str(last_line(label for label, _ in labels)))
    for index, (source, found) in enumerate(_by_source(labels).items()):
        arrow, where = ":::" if index else "-->", one_line(str(found[0][0].span))
        lines.append((Piece(" " * (gutter + 1) + arrow + " ", "gutter"), Piece(where)))
        lines += section(source, found, gutter)
    for word, texts in (("help", diagnostic.help), ("note", (*_placeless(diagnostic), *diagnostic.notes))):
        for text in texts:
            lines += _remark(word, safe(text, longest), gutter)
    return lines


def _labels(diagnostic: Diagnostic) -> list[tuple[Label, str]]:
    """The primary label, then the others, each with its style; without those on what no file holds."""
    found = [(diagnostic.primary, diagnostic.severity)] if diagnostic.primary else []
    found += [(label, "secondary") for label in diagnostic.secondary]
    return [(label, style) for label, style in found if label.span.source is not BUILT_IN]


def _placeless(diagnostic: Diagnostic) -> list[str]:
    """What labels say of nodes that no file wrote: there is no line to show it at."""
    labels = [*([diagnostic.primary] if diagnostic.primary else []), *diagnostic.secondary]
    return [label.text for label in labels if label.span.source is BUILT_IN and label.text]


def _by_source(labels: list[tuple[Label, str]]) -> dict[Source, list[tuple[Label, str]]]:
    found: dict[Source, list[tuple[Label, str]]] = {}
    for label, style in labels:
        found.setdefault(label.span.source, []).append((label, style))
    return found


def _remark(word: str, text: str, gutter: int) -> list[Line]:
    first, *rest = text.split("\n")
    indent = " " * (gutter + 2)
    lines: list[Line] = [(Piece(f"{indent}= ", "gutter"), Piece(f"{word}:", word), Piece(f" {first}"))]
    return lines + [(Piece(f"{indent}  {' ' * len(word)}  {line}"),) for line in rest]
