"""The mistakes of an open text as an editor shows them, and the edits that mend them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archlang.diagnostics import ArchError, Diagnostic, Label
from archlang.diagnostics.render import chosen
from archlang.editor.meaning import Meaning
from archlang.editor.workspace import ArchText, OpenFiles
from archlang.source import BUILT_IN, Source, Span
from archlang.syntax import decode, parse, print_file
from archlang.syntax.lexing import is_name
from archlang.syntax.tree import Import

_NEAR = re.compile(r"^did you mean (`[^`]+`(?:, `[^`]+`)*)\?$")
"""The help line that `diagnostics.did_you_mean` writes."""


@dataclass(frozen=True)
class Elsewhere:
    """A further place that belongs to a mistake, with what is said of it."""

    uri: str
    span: Span
    text: str


@dataclass(frozen=True)
class Problem:
    """A mistake at its place in the open text: all that is said of it, and the places that belong to it."""

    diagnostic: Diagnostic
    span: Span
    text: str
    related: tuple[Elsewhere, ...] = ()


@dataclass(frozen=True)
class QuickFix:
    """An edit that mends a mistake: what it does in a few words, and the replacements it is made of.

    is_certain  whether the compiler says that it keeps what was meant; a near name is only a guess
    """

    title: str
    problem: Problem
    edits: tuple[tuple[int, int, str], ...]
    is_certain: bool


def problems_of(files: OpenFiles, file: ArchText, meaning: Meaning) -> list[Problem]:
    """The mistakes that are shown for a text. One in an imported file stands at the import that leads there."""
    # The same that `check` shows: the first fifty, errors before warnings.
    listed, _ = chosen(meaning.diagnostics, files.limits.diagnostics)
    sources = _addresses(files, file, meaning)
    return [_problem(diagnostic, file, meaning, sources) for diagnostic in listed]


def _problem(diagnostic: Diagnostic, file: ArchText, meaning: Meaning, sources: dict[Source, str]) -> Problem:
    own = _own(meaning, file)
    related = tuple(
        Elsewhere(sources[label.span.source], label.span, label.text or "here")
        for label in diagnostic.secondary if label.span.source in sources
    )
    lines = [diagnostic.message]
    if diagnostic.primary is not None and diagnostic.primary.text:
        lines[0] += f": {diagnostic.primary.text}"
    lines += [f"help: {line}" for line in diagnostic.help]
    lines += [f"note: {line}" for line in diagnostic.notes]

    primary = diagnostic.primary
    if primary is not None and primary.span.source in own:
        return Problem(diagnostic, _in_text(primary.span, file), "\n".join(lines), related)
    if primary is None or primary.span.source is BUILT_IN:
        return Problem(diagnostic, Span(file.reading.source, 0, 0), "\n".join(lines), related)

    # It stands in another file: that place is a link, and the import is underlined.
    lines.insert(0, f"in {primary.span.source.name}, line {primary.span.line}:")
    if primary.span.source in sources:
        related = (Elsewhere(sources[primary.span.source], primary.span, diagnostic.message), *related)
    return Problem(diagnostic, _import_to(primary, file, meaning), "\n".join(lines), related)


def _own(meaning: Meaning, file: ArchText) -> set[Source]:
    """The sources that are the open text itself: the compiler makes one of its own where it cannot read the text."""
    found = {meaning.source, file.reading.source}
    for diagnostic in meaning.diagnostics:
        primary = diagnostic.primary
        if primary is not None and primary.span.source.name == file.place.name:
            found.add(primary.span.source)
    return found


def _in_text(span: Span, file: ArchText) -> Span:
    length = len(file.text.text)
    return Span(file.reading.source, min(span.start, length), min(span.end, length))


def _import_to(label: Label, file: ArchText, meaning: Meaning) -> Span:
    """The import of the open file through which another one is reached; its first line where there is none."""
    if meaning.project is not None:
        main = meaning.project.main
        for item in main.of(Import):
            unit = isinstance(item, Import) and main.imported(item)
            if unit and unit.source is label.span.source:
                return _in_text(item.span, file)
    return Span(file.reading.source, 0, 0)


def _addresses(files: OpenFiles, file: ArchText, meaning: Meaning) -> dict[Source, str]:
    """The addresses of all files that a mistake may name."""
    found = dict.fromkeys(_own(meaning, file), file.uri)
    if meaning.project is not None:
        for item in file.reading.tree.declarations:
            if isinstance(item, Import):
                found |= _address(files, file, item, meaning)
    return found


def _address(files: OpenFiles, file: ArchText, item: Import, meaning: Meaning) -> dict[Source, str]:
    other = files.imported_file(file, item)
    assert meaning.project is not None
    if other is None:
        return {}
    return {
        unit.source: other.uri for unit in meaning.project.units.values()
        if unit.source.text == other.text.text and unit.source is not meaning.source
    }


# --- mends -----------------------------------------------------------------------------------------------------------


def fixes_of(problems: Sequence[Problem], file: ArchText) -> Iterator[QuickFix]:
    """The edits that mend some mistakes: the compiler's own, then the names that may have been meant."""
    for problem in problems:
        fix = problem.diagnostic.fix
        own = problem.diagnostic.primary
        if fix is not None and own is not None and fix.span.source is own.span.source:
            yield QuickFix(_title(fix.span.text, fix.text), problem, ((fix.span.start, fix.span.end, fix.text),), True)
        # A near name takes the place of a name alone, not of a call with its arguments.
        elif is_name(problem.span.text):
            yield from _near(problem)


def _near(problem: Problem) -> Iterator[QuickFix]:
    """A fix for each name that the help says may have been meant."""
    for line in problem.diagnostic.help:
        match = _NEAR.match(line)
        if match is None:
            continue
        for name in re.findall(r"`([^`]+)`", match[1]):
            if is_name(name):
                edit = (problem.span.start, problem.span.end, name)
                yield QuickFix(f"Replace by `{name}`", problem, (edit,), False)


def _title(old: str, new: str) -> str:
    if not old:
        return f"Insert `{_short(new)}`"
    if not new:
        return f"Remove `{_short(old)}`"
    return f"Replace by `{_short(new)}`"


def _short(text: str) -> str:
    words = " ".join(text.split())
    if len(words) > 60:
        return words[:57] + "..."
    return words


def all_certain(fixes: Sequence[QuickFix]) -> tuple[tuple[int, int, str], ...]:
    """The edits of all certain fixes that do not overlap, from the first on."""
    edits: list[tuple[int, int, str]] = []
    for fix in sorted((one for one in fixes if one.is_certain), key=lambda one: one.edits):
        if not edits or fix.edits[0][0] > edits[-1][1]:
            edits += fix.edits
    return tuple(edits)


def formatted(file: ArchText) -> str | None:
    """The canonical form of a text, as `archlang fmt` writes it; None for a text with a mistake in its form.

    Raises nothing else.
    """
    try:
        source = decode(file.text.text.encode(errors="surrogatepass"), file.place.name, file.limits)
        return print_file(parse(source, file.limits))
    except ArchError:
        return None
