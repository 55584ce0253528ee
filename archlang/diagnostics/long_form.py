"""One diagnostic as several lines: the message, the lines of the files with their labels, help and notes."""

from __future__ import annotations

from archlang.diagnostics.canvas import StyledLine, StyledText, paint
from archlang.diagnostics.model import Diagnostic, Label
from archlang.diagnostics.snippet import StyledLabel, file_section, last_line
from archlang.diagnostics.text import one_line, safe
from archlang.source import BUILT_IN, Source


def block(diagnostic: Diagnostic, longest: int, colour: bool) -> str:
    """The long form of one diagnostic: head, a section for each file with its labels, help and notes."""
    return "\n".join(paint(line, colour) for line in _lines(diagnostic, longest))


def _lines(diagnostic: Diagnostic, longest: int) -> list[StyledLine]:
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
