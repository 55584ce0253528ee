"""Hints between the lines: the type behind every stage, the parameters of every block and network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archlang.editor.meaning import Meaning, Passage
from archlang.editor.steps import steps_of
from archlang.editor.workspace import ArchText, OpenDocument
from archlang.graph.outline import compact
from archlang.source import Span
from archlang.syntax.tree import Block, Call, Name, NetworkDeclaration
from archlang.syntax.walk import walk

SHOWN = 2
"""Types that are shown behind one stage; a block that is used at several sizes has one for each."""


@dataclass(frozen=True)
class ShapeHint:
    """A type that is shown behind a stage, at an offset; `full` lists all of them."""

    offset: int
    text: str
    full: str


@dataclass(frozen=True)
class CostNote:
    """A line that is shown above a declaration."""

    span: Span
    text: str


def shape_hints(document: OpenDocument, start: int = 0, end: int | None = None) -> list[ShapeHint]:
    """The type behind each stage between two places; nothing where it is not certain."""
    meaning = document.current
    if meaning is None:
        return []
    reading = document.now.reading
    if end is None:
        end = len(reading.source.text)

    # The type behind a flow is that behind its last stage: one of two places that end together says it.
    hints: dict[int, ShapeHint] = {}
    for known, written in steps_of(reading.tree):
        if start <= written.end <= end and reading.is_finished(written):
            types = meaning.types(known)
            if types:
                hints.setdefault(written.end, ShapeHint(written.end, _short(types), "\n".join(types)))
    return [hints[offset] for offset in sorted(hints)]


def _short(types: list[str]) -> str:
    if len(types) > SHOWN:
        return f"{' | '.join(types[:SHOWN])} | ..."
    return " | ".join(types)


def cost_notes(document: OpenDocument) -> Iterator[CostNote]:
    """The parameters of the network, and of each block the parameters of one use."""
    meaning = document.current
    if meaning is None or not document.now.reading.is_whole or _has_errors(meaning):
        return
    for item in document.now.reading.tree.declarations:
        if isinstance(item, NetworkDeclaration):
            graph = meaning.graph
            yield CostNote(item.name_span, f"{_parameters(graph.parameters)}, {compact(graph.flops)} FLOPs")
        elif isinstance(item, Block):
            yield from _block_note(document.now, item, meaning)


def _has_errors(meaning: Meaning) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in meaning.diagnostics)


def _block_note(file: ArchText, block: Block, meaning: Meaning) -> Iterator[CostNote]:
    binding = file.names.of(block.name)
    if binding is None or binding.node is not block:
        return
    passages = [passage for use in binding.uses for passage in _through(file, use, meaning)]
    if not passages:
        return

    # Each use has weights of its own, and their number depends on what it is given.
    counts = [meaning.cost([passage]).parameters for passage in passages]
    text = _parameters(counts[0])
    if len(set(counts)) > 1:
        text = f"{compact(counts[0])} to {compact(counts[-1])} parameters"
        if all(isinstance(count, int) for count in counts):
            whole = [count for count in counts if isinstance(count, int)]
            text = f"{compact(min(whole))} to {compact(max(whole))} parameters"
    uses = "1 use"
    if len(passages) > 1:
        uses = f"{len(passages)} uses"
    yield CostNote(block.name_span, f"{text} ({uses})")


def _through(file: ArchText, use: Span, meaning: Meaning) -> list[Passage]:
    """The passages through a block at one of its uses, whether it was called with arguments or not."""
    places = [use]
    places += [
        node.span for node in walk(file.reading.tree)
        if isinstance(node, Call) and isinstance(node.callee, Name) and node.callee.span == use
    ]
    return next((meaning.passages[key] for key in ((p.start, p.end) for p in places) if key in meaning.passages), [])


def _parameters(count: object) -> str:
    if isinstance(count, int):
        return f"{count:,} parameters"
    return f"{count} parameters"
