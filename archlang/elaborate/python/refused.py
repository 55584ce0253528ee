"""Mistakes of the parser, worded anew where the line that it refused is Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from archlang.diagnostics import ArchError, Diagnostic, Fix, Label
from archlang.elaborate.habits.flows import FlowReader
from archlang.elaborate.habits.names import KnownNames
from archlang.elaborate.habits.wording import message_of, without
from archlang.elaborate.python.lines import MendedLine, mended_line
from archlang.elaborate.python.statements import StatementPlace, body_end, statement_at
from archlang.ops.model import Catalogue, Op, Structure
from archlang.source import Source, Span
from archlang.syntax.parser import parse

MOST = 20
"""Mistakes of a file that are looked at."""

LARGEST = 100_000
"""Characters of a file whose refused lines are read: nobody writes a larger one by hand."""

LONGEST_SHOWN = 160
"""Characters of a mended line that a message still shows."""

RanksOf = Callable[[str], Mapping[str, int]]
"""The number of axes of each tensor of a text, as far as it can be built."""

_BOUND = re.compile(r"(?m)(?:^|[{;])\s*(?:output\s+)?(?:self\.)?([A-Za-z_]\w*)\s*(?:=|:=|[-+*/]=)(?![=>])")
_INPUT = re.compile(r"\binput\s+([A-Za-z_]\w*)")
_NAMED = re.compile(r"\b(?:let|block|layer|code|network)\s+([A-Za-z_]\w*)")
_LOOPED = re.compile(r"\bfor\s+\(?([\w\s,]+?)\)?\s+in\b")
_HEAD = re.compile(r"\b(?:block|network)\s+\w+\s*\(([^()]*)\)")
_IMPORTED = re.compile(r"\bimport\s+[\w.\"/]+\s*\(([^()]*)\)")


def read_as_python(
    diagnostics: Sequence[Diagnostic], catalogue: Catalogue, ranks_of: RanksOf
) -> tuple[Diagnostic, ...]:
    """Word the mistakes of a text that does not parse anew where Python explains them.

    Args:
        diagnostics: the mistakes of the parser, in the order of the text.
        catalogue: all operations and settings.
        ranks_of: the axes of the tensors of a text, without the lines that were refused.
    """
    source = _source(diagnostics)
    if source is None or len(source.text) > LARGEST:
        return tuple(diagnostics)

    places = _places(diagnostics, source)
    names = _names(source.text, catalogue, ranks_of(_without(source.text, list(places.values()))))
    read: list[Diagnostic] = []
    done: set[int] = set()  # starts of the lines that have a mend: it mends all of their mistakes
    for number, mistake in enumerate(diagnostics):
        place = places.get(number)
        if place is not None and place.start in done:
            continue
        better: Diagnostic | None = None
        if place is not None:
            better = _reworded(mistake, place, FlowReader(names), source)
        if better is not None and place is not None:
            done.add(place.start)
        read.append(better or mistake)
    return tuple(read)


def _source(diagnostics: Sequence[Diagnostic]) -> Source | None:
    for one in diagnostics:
        if one.primary is not None:
            return one.primary.span.source
    return None


def _places(diagnostics: Sequence[Diagnostic], source: Source) -> dict[int, StatementPlace]:
    places: dict[int, StatementPlace] = {}
    for number, one in enumerate(diagnostics[:MOST]):
        if one.primary is not None and one.primary.span.source is source:
            place = statement_at(source.text, one.primary.span.start)
            if place is not None:
                places[number] = place
    return places


def _without(text: str, places: Sequence[StatementPlace]) -> str:
    """The text with the refused statements left empty, and every place where it was."""
    for place in places:
        inner = text[place.start : place.end]
        text = text[: place.start] + re.sub(r"[^\n]", " ", inner) + text[place.end :]
    return text


# --- one mistake -----------------------------------------------------------------------------------------------------


def _reworded(mistake: Diagnostic, place: StatementPlace, reader: FlowReader, source: Source) -> Diagnostic | None:
    line = source.text[place.start : place.end]
    try:
        mended = mended_line(line, reader)
    except RecursionError:  # a chain of hundreds of calls: its plain message will do
        return None
    if mended is None or mended.text == line.strip():
        return None
    # The parser's own edit is nearer to what stands there, unless a form of a framework is behind the mistake.
    if mended.translation is None and mistake.fix is not None and mistake.name != "bad-character":
        return None

    # A `lambda` inside a network: what it declares stands outside, where no edit of the line puts it.
    if mended.text.startswith("block ") and body_end(source.text, place.end) < len(source.text):
        return replace(mistake, help=(f"write `{mended.text}` outside of the network",), fix=None)

    fix = _fix(mended, place, source)
    if not _parses(fix, place):
        return None
    return _told(mistake, mended, place, fix, source)


def _fix(mended: MendedLine, place: StatementPlace, source: Source) -> Fix:
    """The edit of the line; where a name was changed, of its later uses too."""
    if not mended.renamed:
        return Fix(Span(source, place.start, place.end), mended.text)

    end = body_end(source.text, place.end)
    rest = source.text[place.end : end]
    for before, now in mended.renamed:
        rest = re.sub(rf"(?<![\w.]){re.escape(before)}(?!\w)", now, rest)
    return Fix(Span(source, place.start, end), mended.text + rest)


def _parses(fix: Fix, place: StatementPlace) -> bool:
    """Return whether the parser finds nothing more to refuse in the mended line."""
    source = fix.span.source
    text = source.text[: fix.span.start] + fix.text + source.text[fix.span.end :]
    try:
        parse(Source(source.name, text))
    except ArchError as problem:
        first, last = source.position(place.start)[0], source.position(place.end)[0]
        lines = [one.primary.span.line for one in problem.diagnostics if one.primary is not None]
        return not any(first <= line <= last for line in lines)
    return True


def _told(mistake: Diagnostic, mended: MendedLine, place: StatementPlace, fix: Fix, source: Source) -> Diagnostic:
    shown = mended.text
    help = f"write `{shown}`"
    if mended.translation is not None:
        help += without(mended.translation)
    if len(mended.renamed) == 1:
        help += f", and read `{mended.renamed[0][1]}` behind it"
    elif mended.renamed:
        help += "; " + ", ".join(f"`{before}` is `{now}`" for before, now in mended.renamed)
    if len(shown) > LONGEST_SHOWN or "\n" in shown:
        help = "write each step by itself: `x -> stage -> stage`"

    fix_of = Span(source, place.start, place.end)
    better = replace(mistake, help=(help,), notes=(), fix=fix if mended.exact else None)
    translation = mended.translation
    if translation is None:
        return better
    # What Python's signs were read as is no word of the reader's: `x[:, 0]` says nothing of `torch.select`.
    foreign = translation.origin != "Python" and translation.shown.strip(".(").split(".")[-1] in fix_of.text
    own = translation.origin == "Python"
    if foreign or (own and (mistake.name == "bad-character" or not mistake.help)):
        better = replace(better, name="foreign-form", message=message_of(translation))
    if foreign and translation.habit is not None and translation.habit.note:
        better = replace(better, notes=(translation.habit.note,))
    if mistake.primary is not None and mistake.primary.span.line != source.position(place.start)[0]:
        return better
    return replace(better, primary=Label(Span(source, place.start, place.end)), secondary=())


# --- names -----------------------------------------------------------------------------------------------------------


def _names(text: str, catalogue: Catalogue, ranks: Mapping[str, int]) -> KnownNames:
    """The names that a text binds, read without a tree, since the text has none."""
    network, _, _ = text.partition("\ntrain")
    others = set(_NAMED.findall(text))
    lists = (*_LOOPED.findall(text), *_HEAD.findall(text), *_IMPORTED.findall(text))
    for words in lists:
        others.update(re.findall(r"(?<![\w.=] )(?<![\w.])([A-Za-z_]\w*)", words))
    tensors = {*_INPUT.findall(text), *_BOUND.findall(network)} - others

    def is_stage(name: str) -> bool:
        return catalogue.stage(name) is not None

    def is_merge(name: str) -> bool:
        op = catalogue.stage(name)
        return isinstance(op, Op) and op.takes != "tensor"

    def takes_braces(name: str) -> bool:
        structure = catalogue.stage(name)
        return isinstance(structure, Structure) and structure.body != "none"

    settings = frozenset(name for _, name in catalogue.settings)
    of_train = {arg.name for name in ("train", "phase", "step") for arg in catalogue.settings["declaration", name].args}
    return KnownNames(frozenset(tensors), frozenset(others), ranks, is_stage, is_merge, takes_braces, settings,
                      frozenset(of_train))
