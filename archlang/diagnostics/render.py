"""Diagnostics as text for people: the long form with the lines of the file, and one line each."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics.canvas import StyledLine, StyledText, paint
from archlang.diagnostics.model import Diagnostic, Label
from archlang.diagnostics.snippet import StyledLabel, file_section, last_line
from archlang.diagnostics.text import LONGEST, one_line, safe
from archlang.source import BUILT_IN, Source

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

    blocks = ["\n".join(paint(line, colour) for line in _block(d, longest)) for d in shown]
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


def _block(diagnostic: Diagnostic, longest: int) -> list[StyledLine]:
    """The long form of one diagnostic: head, a section for each file with its labels, help and notes."""
    lines = _head(diagnostic, longest)

    # One gutter width for all files, so that their bars stand in one column.
    labels = _labels_in_files(diagnostic)
    gutter = len(str(last_line(label for label, _ in labels)))
    for index, (source, labels_there) in enumerate(_by_source(labels).items()):
        arrow = "-->"
        if index > 0:  # another file than that of the mistake
            arrow = ":::"
        first_label, _ = labels_there[0]
        lines.append((
            StyledText(" " * (gutter + 1) + arrow + " ", "gutter"), StyledText(one_line(str(first_label.span))),
        ))  # fmt: skip
        lines += file_section(source, labels_there, gutter)

    for text in diagnostic.help:
        lines += _remark("help", safe(text, longest), gutter)
    for text in (*_texts_without_place(diagnostic), *diagnostic.notes):
        lines += _remark("note", safe(text, longest), gutter)
    return lines


def _head(diagnostic: Diagnostic, longest: int) -> list[StyledLine]:
    first, *rest = safe(diagnostic.message, longest).split("\n")
    kind = StyledText(f"{diagnostic.severity}[{diagnostic.name}]", diagnostic.severity)

    lines: list[StyledLine] = [(kind, StyledText(f": {first}", "strong"))]
    lines += [(StyledText(f"  {line}", "strong"),) for line in rest]
    return lines


def _all_labels(diagnostic: Diagnostic) -> list[StyledLabel]:
    """The primary label, then the others, each with its style."""
    labels: list[StyledLabel] = []
    if diagnostic.primary:
        labels.append((diagnostic.primary, diagnostic.severity))
    labels += [(label, "secondary") for label in diagnostic.secondary]
    return labels


def _labels_in_files(diagnostic: Diagnostic) -> list[StyledLabel]:
    return [(label, style) for label, style in _all_labels(diagnostic) if label.span.source is not BUILT_IN]


def _texts_without_place(diagnostic: Diagnostic) -> list[str]:
    """The texts of labels on nodes that no file holds: there is no line to show them at, so they become notes."""
    labels: list[Label] = [label for label, _ in _all_labels(diagnostic)]
    return [label.text for label in labels if label.span.source is BUILT_IN and label.text]


def _by_source(labels: list[StyledLabel]) -> dict[Source, list[StyledLabel]]:
    groups: dict[Source, list[StyledLabel]] = {}
    for label, style in labels:
        groups.setdefault(label.span.source, []).append((label, style))
    return groups


def _remark(word: str, text: str, gutter: int) -> list[StyledLine]:
    """A help or note; its further lines are aligned with the text of the first."""
    first, *rest = text.split("\n")
    indent = " " * (gutter + 2)

    opening = (StyledText(f"{indent}= ", "gutter"), StyledText(f"{word}:", word), StyledText(f" {first}"))
    lines: list[StyledLine] = [opening]
    lines += [(StyledText(f"{indent}  {' ' * len(word)}  {line}"),) for line in rest]
    return lines
