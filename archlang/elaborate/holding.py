"""The mends of the first errors, each tried on the text before it is told: an edit that leads to an error is withdrawn.

Makers of messages see the place of a mistake; whether the whole line is right with their edit, only a check tells. So
the text is edited in memory and checked again. What that costs is bounded before it is spent: in characters, in
nodes, and in edits. Nothing here runs for a text without errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

from archlang.dataclass import dataclass
from archlang.diagnostics import Alternative, Diagnostic, Fix
from archlang.elaborate.mending.search import OTHER_MATTERS, MendSearch, told
from archlang.elaborate.python.statements import statement_at
from archlang.limits import Limits
from archlang.source import Source, Span

ERRORS = 3
"""Errors whose mends are tried: the first ones, which a reader mends first."""

TRIES = 10
"""Edits that are tried for one text."""

LARGEST = 16_000
"""Characters of a text whose mends are tried; it is read once more for each."""

NODES = 300
"""Nodes of a network whose mends are tried; it is built once more for each."""

Recheck = Callable[[str], Sequence[Diagnostic]]
"""A check of another text that stands for the file: its mistakes."""

_TOO_MUCH = frozenset({"too-many-nodes", "too-many-edges", "too-much-work", "search-exhausted"})
"""Errors of a check that has come to the end of its bounds, and so tells nothing of an edit."""

_NEAR = re.compile(r"^did you mean (`[^`]+`(?:, `[^`]+`)*)\?$")
"""The help line that `diagnostics.did_you_mean` writes."""

_PARTS = re.compile(r"->|[,;(){}\n]|\[|\]")
"""Signs between the parts of a statement: an error behind one of them has a cause of its own."""

_UNDEFINED = frozenset({"undefined-name", "unknown-stage"})

HOLDS, BESIDE, BREAKS, UNKNOWN = 0, 1, 2, 3


@dataclass(frozen=True)
class _Trial:
    """The outcome of an edit: its verdict, the number of errors with it, and the message of the one against it."""

    verdict: int
    errors: int
    against: str = ""


def bounded(limits: Limits) -> Limits:
    """The limits of a check that only tells whether an edit holds."""
    return replace(limits, nodes=min(limits.nodes, NODES), edges=min(limits.edges, 4 * NODES),
                   search_steps=min(limits.search_steps, 20_000))


def with_mends_that_hold(
    diagnostics: Sequence[Diagnostic], source: Source, recheck: Recheck,
    is_stage: Callable[[str], bool] = lambda name: False,
) -> tuple[Diagnostic, ...]:
    """Keep those mends of the first errors whose edits hold, and put others in the place of those that do not.

    Args:
        diagnostics: all mistakes and warnings of a file, in their order.
        source: the text of the file; mends in other files stay as they are.
        recheck: checks a text in the place of this one, with the limits that `bounded` makes.
        is_stage: tells whether a name is a stage of the catalogue.
    """
    if len(source.text) > LARGEST:
        return tuple(diagnostics)

    text = _TriedText(source, [one for one in diagnostics if one.severity == "error"], recheck, is_stage)
    kept: list[Diagnostic] = []
    errors = 0
    for one in diagnostics:
        errors += one.severity == "error"
        if one.severity == "error" and errors <= ERRORS and text.is_own(one):
            one = text.with_mends(one)
        kept.append(one)
    return tuple(kept)


class _TriedText:
    """A text, its errors, and what a check says of it with each edit that was tried."""

    def __init__(self, source: Source, errors: Sequence[Diagnostic], recheck: Recheck,
                 is_stage: Callable[[str], bool]) -> None:
        self.source, self.errors, self.is_stage = source, errors, is_stage
        # The search looks again at texts that were tried as the message's own mends.
        self.recheck = lru_cache(maxsize=None)(recheck)
        self.tried = 0

    def is_own(self, one: Diagnostic) -> bool:
        """Tell whether a mistake stands in this text."""
        return one.primary is not None and one.primary.span.source.text == self.source.text

    def with_mends(self, one: Diagnostic) -> Diagnostic:
        """A mistake with the mends that hold, or with one that is searched for."""
        better, is_right = self._with_own_mends(one)
        if is_right:
            return better
        found = MendSearch(self.source, self.errors, self.recheck, self.is_stage).run(one)
        if found is None or (better.fix is not None and found.why == () and _is_same(found.fix, better.fix)):
            return better
        return told(better, found, _shown(found.fix))

    def _with_own_mends(self, one: Diagnostic) -> tuple[Diagnostic, bool]:
        """A mistake with those of its mends that hold, and whether the first of them leaves nothing wrong."""
        alternatives = _alternatives(one)
        if not alternatives:
            return self._with_near_names(one)

        # In their order, the likeliest first: each costs a check of the whole text.
        trials = []
        for alternative in alternatives:
            trial = self.trial(one, alternative.fix)
            trials.append(trial)
            # One edit that mends the whole text is enough, unless the message tells of several.
            if trial.verdict == HOLDS and trial.errors == 0 and not _tells_of_more(one, alternatives[len(trials):]):
                break
        # An edit that holds, and after which fewer mistakes are left, needs no better one.
        fewer = [trial for trial in trials if trial.errors < len(self.errors)]
        is_right = any(trial.verdict == HOLDS for trial in fewer) or any(trial.verdict == UNKNOWN for trial in trials)
        return _chosen(one, alternatives[: len(trials)], trials), is_right

    def _with_near_names(self, one: Diagnostic) -> tuple[Diagnostic, bool]:
        """The names that a misspelt one may have meant, without those that would be another mistake at its place.

        True as second value if one of them is right there.
        """
        assert one.primary is not None
        span = one.primary.span
        if one.fix is not None or not span.text.isidentifier():
            return one, False

        help, is_right = [], False
        for line in one.help:
            near = _NEAR.match(line)
            if near is not None:
                names = re.findall(r"`([^`]+)`", near[1])
                verdicts = {name: self.trial(one, Fix(span, name)).verdict for name in names}
                right = [name for name in names if verdicts[name] in (HOLDS, UNKNOWN)]
                right += [name for name in names if verdicts[name] == BESIDE]
                line = f"did you mean {', '.join(f'`{name}`' for name in right)}?"
                if not right:
                    continue
                is_right = True
            help.append(line)
        # Where no other word helps, a name that is spelt alike is better than none.
        return replace(one, help=tuple(help) or one.help), is_right

    def trial(self, one: Diagnostic, fix: Fix) -> _Trial:
        """Edit the text, check it, and look at what stands where the mistake stood."""
        if fix.span.source.text != self.source.text or self.tried >= TRIES:
            return _Trial(UNKNOWN, len(self.errors))
        self.tried += 1

        # In memory alone: whether the reader wants the edit is not known yet.
        text = self.source.text[: fix.span.start] + fix.text + self.source.text[fix.span.end :]
        errors = [found for found in self.recheck(text) if found.severity == "error"]
        if any(found.name in _TOO_MUCH for found in errors):
            self.tried = TRIES  # the others would cost as much
            return _Trial(UNKNOWN, len(errors))
        verdict, against = self._verdict(one, fix, text, errors)
        return _Trial(verdict, len(errors), against)

    def _verdict(self, one: Diagnostic, fix: Fix, text: str, errors: Sequence[Diagnostic]) -> tuple[int, str]:
        """The verdict on an edit, and the message of the error that speaks against it."""
        assert one.primary is not None
        moved = _Moved(fix)
        edited = _Stretch(fix.span.start, fix.span.start + len(fix.text))
        known = {(had.name, moved.place(had.primary.span.start)) for had in self.errors
                 if had is not one and had.primary is not None}
        # The same said of another place: the edit may have moved that one.
        said = {(had.name, had.message) for had in self.errors if had is not one}
        mistake = (one.name, one.message, moved.place(one.primary.span.start))
        statement = moved.statement(self.source.text, one.primary.span)

        verdict = HOLDS
        for found in errors:
            # In an imported file nothing was edited.
            if found.primary is None or found.primary.span.source.text != text:
                continue
            span = found.primary.span
            if (found.name, found.message, span.start) == mistake:
                return BREAKS, ""
            if (found.name, span.start) in known or (found.name, found.message) in said:
                continue

            # A word that the reader wrote, and that is not known, is a mistake beside the one that the edit mends.
            of_the_reader = found.name in _UNDEFINED and _is_word_of(fix.span, span.text)
            if found.name not in OTHER_MATTERS and not of_the_reader and edited.causes(span, text, statement):
                return BREAKS, found.message
            if statement.start <= span.start <= statement.end:
                verdict = BESIDE
        return verdict, ""


@dataclass(frozen=True)
class _Stretch:
    """A stretch of the edited text."""

    start: int
    end: int

    def causes(self, span: Span, text: str, statement: _Stretch) -> bool:
        """Tell whether the edit in this stretch has led to a mistake at a place of its statement."""
        # A mistake of the whole statement or call, of which the edit is a small part, may have been there before.
        is_around = span.start <= self.start and self.end <= span.end and span.end - span.start > self.end - self.start
        if span.start < self.end and self.start < span.end and not is_around:
            return True
        # What follows at once on the edit was read as the edit says: `32 * stride = 2`.
        follows = self.end <= span.start < statement.end
        return follows and not _PARTS.search(text[self.end : span.start])


@dataclass(frozen=True)
class _Moved:
    """Places of a text after an edit."""

    fix: Fix

    def place(self, offset: int) -> int:
        """The offset at which a character stands then."""
        if offset < self.fix.span.end or (offset == self.fix.span.start and self.fix.text == ""):
            return min(offset, self.fix.span.start + len(self.fix.text))
        return offset + len(self.fix.text) - (self.fix.span.end - self.fix.span.start)

    def statement(self, text: str, span: Span) -> _Stretch:
        """The statement around a place of the text before."""
        place = statement_at(text, span.start)
        if place is None:
            return _Stretch(self.place(span.start), self.place(span.end))
        return _Stretch(self.place(place.start), self.place(place.end))


def _is_word_of(replaced: Span, word: str) -> bool:
    """Tell whether a word stood in the replaced text already, so that the edit did not bring it."""
    return replaced.text != word and re.search(rf"\b{re.escape(word)}\b", replaced.text) is not None


def _alternatives(one: Diagnostic) -> tuple[Alternative, ...]:
    """All mends of a mistake, the told one first."""
    if one.alternatives:
        return one.alternatives
    if one.fix is None:
        return ()
    return (Alternative(_line_of_fix(one), one.fix),)


def _line_of_fix(one: Diagnostic) -> str:
    return one.help[0] if one.help else ""


def _is_same(one: Fix, other: Fix) -> bool:
    text = one.span.source.text
    first, second = (text[: fix.span.start] + fix.text + text[fix.span.end :] for fix in (one, other))
    return first == second


LONGEST_SHOWN = 140
"""Characters of an edit that a message still shows whole."""


def _shown(fix: Fix) -> str:
    """The help of an edit: the lines as it leaves them, or those that it changes first."""
    source = fix.span.source
    # Lines that are put between others.
    if fix.span.start == fix.span.end and "\n" in fix.text and fix.text.strip():
        return f"write `{_joined(fix.text)}`"
    start = source.text.rfind("\n", 0, fix.span.start) + 1
    end = source.text.find("\n", fix.span.end)
    if end < 0:
        end = len(source.text)
    text = source.text[start : fix.span.start] + fix.text + source.text[fix.span.end : end]
    line = _joined(text)
    if not line:
        return "delete this line"
    where = _in_place(source.text, start, fix.span.end)
    if len(line) <= LONGEST_SHOWN and "`" not in line:
        return f"write `{line}`{where}"

    # Of a long line the part around the edit, up to the arrows beside it.
    first, last = fix.span.start - start, fix.span.start - start + len(fix.text)
    first = max(text.rfind("->", 0, first), text.rfind("\n", 0, first) + 1, 0)
    last = min((at for at in (text.find("->", last + 2), text.find("\n", last)) if at >= 0), default=len(text))
    part = _joined(text[first:last])
    if len(part) <= LONGEST_SHOWN and "`" not in part:
        return f"write `{part}`"
    rows = [row.strip() for row in text.split("\n") if row.strip()]
    return f"write `{rows[0]}`, up to `{rows[-1]}`{where}"


def _in_place(text: str, start: int, end: int) -> str:
    """The lines that an edit stands for, where it is more than the one that is marked."""
    first, last = (text.count("\n", 0, at) + 1 for at in (start, end))
    if first == last:
        return ""
    return f", in place of lines {first} to {last}"


def _joined(text: str) -> str:
    """Lines as one: statements have `;` between them."""
    joined = ""
    for row in filter(None, (" ".join(row.split()) for row in text.split("\n"))):
        goes_on = joined.endswith(("{", "(", "[", ",", "=", "->", ";")) or row.startswith(("->", "}", ")", "]", "."))
        if joined and not goes_on:
            joined += ";"
        joined = f"{joined} {row}".strip()
    return joined


def _tells_of_more(one: Diagnostic, rest: Sequence[Alternative]) -> bool:
    return any(alternative.help in one.help for alternative in rest)


def _chosen(one: Diagnostic, alternatives: Sequence[Alternative], trials: Sequence[_Trial]) -> Diagnostic:
    """The mistake with its help in the order in which the edits did."""
    order = sorted(range(len(trials)), key=lambda at: (trials[at].verdict, trials[at].errors, at))
    good = [alternatives[at] for at in order if trials[at].verdict in (HOLDS, BESIDE)]
    unknown = [alternatives[at] for at in order if trials[at].verdict == UNKNOWN]
    told = [alternative for alternative in (*good, *unknown) if alternative.help in one.help]
    told = told or good[:1]

    # Help without an edit stays behind those that have one; the help of an edit that fails goes.
    lines = {alternative.help for alternative in one.alternatives} | {alternative.help for alternative in alternatives}
    help = [alternative.help for alternative in told] + [line for line in one.help if line not in lines]
    # A program applies the edit of what is told first, and of nothing else.
    fix = None
    if told and told[0].is_certain:
        fix = told[0].fix
    # Without any other word the form is told, and what is wrong with it here.
    if not any(help) and one.help:
        help = [one.help[0]]
        if trials[0].against:
            help = [f"{one.help[0]}; with it, {trials[0].against}"]
    return replace(one, help=tuple(filter(None, help)), fix=fix)
