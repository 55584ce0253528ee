"""The search for an edit with which a wrong statement is right: mends of messages, rules of habits, chains of both.

Whether a text is right, a check tells. Most edits are refused by the parser alone, which costs a tenth of a check.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from archlang.dataclass import dataclass
from archlang.diagnostics import Diagnostic, Fix, Label
from archlang.elaborate.mending import bindings, brackets, calls, control, flows, heads
from archlang.elaborate.mending.place import MistakePlace, TriedEdit
from archlang.limits import DEFAULT
from archlang.source import Source, Span
from archlang.syntax.brackets import mark_heads
from archlang.syntax.lexing import scan
from archlang.syntax.machine import read

_WORD = re.compile(r"[A-Za-z_]\w*")

Rule = Callable[[MistakePlace], Iterator[TriedEdit]]
Recheck = Callable[[str], Sequence[Diagnostic]]

CHECKS = 36
"""Texts that are checked for one mistake."""

READ = 500_000
"""Characters that are parsed for one mistake."""

DEEPEST = 3
"""Edits that are made one after the other."""

LONGEST_CHAIN = 8
"""Edits of messages that are made one after the other, before any rule is asked."""

LONGEST_LINE = 600
"""Characters of a line, and of a statement, that the rules look at."""

WIDEST = 4
"""Texts of which each is edited further."""

_OF_FORM: tuple[Rule, ...] = (
    brackets.closed, bindings.reserved_names, flows.other_arrows, bindings.other_bindings, calls.named_arguments,
    calls.words_without_quotes,
    heads.settings, heads.inputs, heads.outputs, flows.nothing_between, flows.members, bindings.bound_at_the_end,
    control.functions, control.bundles, control.repetitions, control.loops, control.choices, calls.other_brackets,
    calls.lists_and_sizes, heads.comments, heads.declarations, heads.imports, brackets.other_kind, brackets.opened,
    brackets.bodies_by_indentation, flows.weak_signs, flows.lines_of_steps, bindings.names_of_what_enters,
)  # fmt: skip
"""Rules for a text that the parser refuses, the likeliest first."""

_OF_BODIES: tuple[Rule, ...] = (
    flows.lines_of_steps, heads.outputs, bindings.bound_at_the_end, bindings.other_bindings, flows.members,
    heads.missing_output, control.bundles, heads.settings,
)  # fmt: skip
"""Rules for a statement that its body does not hold."""

_OF_CALLS: tuple[Rule, ...] = (
    calls.decimal_commas, calls.missing_tensor, calls.missing_choice, calls.truth_words, calls.words_without_quotes,
    calls.other_brackets,
    control.functions, control.repetitions, flows.members, flows.other_arrows, calls.lists_and_sizes, control.bundles,
    flows.weak_signs, calls.order_and_number,
)  # fmt: skip
"""Rules for a value or a number of values that is not wanted."""

_OF_NAMES: tuple[Rule, ...] = (
    bindings.names_of_what_enters, bindings.moved_up, calls.truth_words, flows.members, bindings.bound_at_the_end,
    bindings.other_bindings, control.choices, control.functions, control.repetitions, control.loops, heads.imports,
    flows.nothing_between, bindings.names_bound_otherwise, bindings.other_tensors,
)  # fmt: skip
"""Rules for a name that nothing has."""

_RULES: dict[str, tuple[Rule, ...]] = {
    **dict.fromkeys((
        "unexpected-token", "unexpected-end", "bad-character", "unclosed-bracket", "unmatched-bracket", "reserved-word",
        "bad-number", "unclosed-string", "brace-in-head", "foreign-form",
    ), _OF_FORM),
    **dict.fromkeys(("mixed-body", "misplaced-statement", "missing-output", "missing-input"), _OF_BODIES),
    **dict.fromkeys((
        "unknown-argument", "too-many-arguments", "missing-argument", "wrong-kind", "stage-is-no-tensor",
        "positional-after-keyword", "not-callable", "expected-tensor", "expected-bundle", "unknown-field",
        "repeated-argument", "out-of-range", "unknown-setting",
    ), _OF_CALLS),
    "same-twice": (bindings.outer_in,),
    "wrong-count": (calls.names_of_axes,),
    **dict.fromkeys(("undefined-name", "unknown-stage", "unknown-word", "unknown-import"), _OF_NAMES),
}  # fmt: skip
"""The rules for each kind of mistake; other kinds have none, as their texts have the form that was meant."""


OTHER_MATTERS = frozenset({"whole-numbers", "same-twice", "uncovered-positions", "import-not-found", "missing-phase"})
"""Errors of a form that is right: what it says of the network, or of the files beside it, is another mistake."""


@dataclass(frozen=True)
class FoundMend:
    """An edit of the text with which the mistake is gone, the rules that it follows, and the errors that are left.

    `is_whole` is True if all of these were known before, and `unread` counts the characters that the parser still
    does not come to.
    """

    fix: Fix
    why: tuple[str, ...]
    is_certain: bool
    left: int
    is_whole: bool = True
    unread: int = 0

    @property
    def rank(self) -> tuple[int, int]:
        """A pair that is smaller for a better mend: the parser reads further, fewer errors are left."""
        return self.unread, self.left


@dataclass(frozen=True)
class _State:
    """A text on the way: what was edited, by which rules, and its first mistake."""

    text: str
    why: tuple[str, ...]
    is_certain: bool
    mistake: Diagnostic


class MendSearch:
    """The search for one mistake of a text."""

    def __init__(self, source: Source, errors: Sequence[Diagnostic], recheck: Recheck,
                 is_stage: Callable[[str], bool]) -> None:
        self.source, self.errors, self.recheck, self.is_stage = source, errors, recheck, is_stage
        self.checks = CHECKS
        self.room = READ
        self.seen = {source.text}

    def run(self, one: Diagnostic) -> FoundMend | None:
        """Find an edit after which the mistake is gone and its statement is right; None if there is none."""
        states = [_State(self.source.text, (), True, one)]
        # The mends of messages alone, one after the other: the same sign may stand in a statement many times.
        along = self._along_mends(one)
        if along is not None and along.is_whole:
            return along

        for _ in range(DEEPEST):
            partial: list[FoundMend] = []
            if along is not None:
                partial.append(along)
            following: list[_State] = []
            for state in states[:WIDEST]:
                for edit in self._edits(state):
                    found = self._tried(one, state, edit, following)
                    if found is None:
                        continue
                    if found.is_whole:
                        return found
                    partial.append(found)
            if partial:
                return min(partial, key=lambda found: found.rank)
            states = following

        return None

    def _along_mends(self, one: Diagnostic) -> FoundMend | None:
        """Follow the edits that messages themselves have, while mistakes stand in the statement."""
        state = _State(self.source.text, (), True, one)
        for _ in range(LONGEST_CHAIN):
            fix = state.mistake.fix
            if fix is None or fix.span.source.text != state.text:
                return None
            following: list[_State] = []
            edit = TriedEdit(fix.span.start, fix.span.end, fix.text)
            found = self._tried(one, state, edit, following)
            if found is not None or not following:
                return found
            state = following[0]

        return None

    # --- edits ---

    def _edits(self, state: _State) -> Iterator[TriedEdit]:
        """The mends that the message itself has, then those of the rules."""
        one = state.mistake
        if one.primary is None:
            return
        for alternative in one.alternatives:
            if alternative.fix.span.source.text == state.text:
                span = alternative.fix.span
                yield TriedEdit(span.start, span.end, alternative.fix.text, "", alternative.is_certain)
        if one.fix is not None and one.fix.span.source.text == state.text:
            yield TriedEdit(one.fix.span.start, one.fix.span.end, one.fix.text)

        span = one.primary.span
        if span.source.text != state.text:
            return
        # The patterns of the rules are made for lines that people write.
        line = state.text[state.text.rfind("\n", 0, span.start) + 1 :].partition("\n")[0]
        if len(line) > LONGEST_LINE:
            return
        place = MistakePlace(state.text, span.start, span.end, one.message, "\n".join(one.help), self.is_stage)
        for rule in _RULES.get(one.name, ()):
            if len(place.piece) > LONGEST_LINE:
                return
            for edit in rule(place):
                if _keeps_words(edit, place):
                    yield edit

    # --- trials ---

    def _tried(self, one: Diagnostic, state: _State, edit: TriedEdit, following: list[_State]) -> FoundMend | None:
        text = edit.applied(state.text)
        if text in self.seen or self.checks <= 0 or self.room <= 0:
            return None
        self.seen.add(text)

        # Where the parser already refused the text, most edits leave it so, or move the place on.
        before = _refused_from_end(state.text)
        self.room -= len(text)
        after = _refused_from_end(text)
        if after is not None and (before is None or after >= before):
            return None

        self.checks -= 1
        errors = [found for found in self.recheck(text) if found.severity == "error"]
        why = (*state.why, edit.why) if edit.why and edit.why not in state.why else state.why
        is_certain = state.is_certain and edit.is_certain
        fix = self._difference(text)
        if not errors:
            return FoundMend(fix, why, is_certain, 0)
        if self._is_right_here(one, fix, text, errors):
            known = {(had.name, had.message) for had in self.errors if had is not one}
            is_whole = all((found.name, found.message) in known for found in errors)
            return FoundMend(fix, why, is_certain, len(errors), is_whole, after or 0)
        first = errors[0]
        if _is_near(first, fix, text) and len(following) < 2 * WIDEST:
            following.append(_State(text, why, is_certain, first))
        return None

    def _difference(self, text: str) -> Fix:
        """The edit of the whole chain: from the first character that differs to the last one."""
        had = self.source.text
        start = 0
        shortest = min(len(had), len(text))
        while start < shortest and had[start] == text[start]:
            start += 1
        behind = 0
        while behind < shortest - start and had[-1 - behind] == text[-1 - behind]:
            behind += 1
        return Fix(Span(self.source, start, len(had) - behind), text[start : len(text) - behind])

    def _is_right_here(self, one: Diagnostic, fix: Fix, text: str, errors: Sequence[Diagnostic]) -> bool:
        """Tell whether what is left are other mistakes, all outside of the lines that were edited."""
        known = {(had.name, had.message) for had in self.errors if had is not one}
        first = self.source.text.count("\n", 0, min(fix.span.start, _start(one))) + 1
        last = text.count("\n", 0, fix.span.start + len(fix.text)) + 1
        # Behind a text that was refused, mistakes show that nobody could have found before.
        was_refused = _refused_from_end(self.source.text) is not None
        for found in errors:
            if found.primary is None or found.primary.span.source.text != text:
                return False
            if found.name in OTHER_MATTERS and found.name != one.name:
                continue
            # Where brackets do not match, nothing is known of what follows.
            if found.name in ("unclosed-bracket", "unmatched-bracket"):
                return False
            line = found.primary.span.line
            if first <= line <= last:
                return False
            # A name that is not known below may be one that the edit took away.
            shows_late = was_refused and line > last and found.name != "undefined-name"
            if (found.name, found.message) not in known and not shows_late:
                return False

        return True


def _keeps_words(edit: TriedEdit, place: MistakePlace) -> bool:
    """Tell whether a certain edit keeps all stages, tensors and numbers: without them it is another text."""
    if not edit.is_certain:
        return True
    had = place.text[edit.start : edit.end]
    lost = Counter(_WORD.findall(had)) - Counter(_WORD.findall(edit.text))
    if any(place.is_stage(word) or word in place.tensors for word in lost):
        return False
    # A batch of 1, and the nought of `2.0`, say nothing here.
    return not set(re.findall(r"\d+", had)) - set(re.findall(r"\d+", edit.text)) - {"0", "1"}


def _is_near(one: Diagnostic, fix: Fix, text: str) -> bool:
    """Tell whether a mistake stands in the lines of an edit, so that another edit there may mend it too."""
    if one.primary is None or one.primary.span.source.text != text:
        return False
    first = text.count("\n", 0, fix.span.start) + 1
    last = text.count("\n", 0, fix.span.start + len(fix.text)) + 1
    return first - 1 <= one.primary.span.line <= last + 1


def _start(one: Diagnostic) -> int:
    assert one.primary is not None
    return one.primary.span.start


def _refused_from_end(text: str) -> int | None:
    """The characters behind the token that the parser refuses; None if it refuses none."""
    source = Source("<tried>", text)
    scanned = scan(source, DEFAULT)
    if scanned.mistakes:
        places = [one.primary.span.start for one in scanned.mistakes if one.primary is not None]
        return len(text) - min(places, default=0)

    tokens = mark_heads(scanned.tokens)
    at = read(tokens)
    if not isinstance(at, int):
        return None

    if at >= len(tokens):
        return 0

    return len(text) - tokens[at].start


def told(mistake: Diagnostic, found: FoundMend, line: str) -> Diagnostic:
    """The mistake with the mend that was found: its line first, the rule as a note.

    Help that tells to write something else is left out: it was tried before, and did not hold.
    """
    kept = [_REASON.sub("", help) for help in mistake.help
            if _REASON.match(help) or not help.startswith(_OTHER_MENDS)]
    said = " ".join((mistake.message, *mistake.help, *mistake.notes))
    notes = [why for why in found.why if why not in said]
    fix = found.fix if found.is_certain else None
    if mistake.name == "unclosed-bracket" and found.fix.span.start == found.fix.span.end:
        # Where the bracket closes is known better now than where its partner was missed.
        partner = found.fix.text.strip()
        mistake = replace(mistake, primary=Label(found.fix.span, f"`{partner}` is missing here"))
    return replace(mistake, help=(line, *kept), notes=(*mistake.notes, *notes), fix=fix, alternatives=())


_REASON = re.compile(r"^write `[^`]*`: (?=\S)")
"""The words before the reason of a mend, which is right with another mend, too."""

_OTHER_MENDS = ("write ", "did you mean", "add `", "choose another name", "delete ", "it is called", "names stand",
                "a word stands", "put it")
"""The beginnings of help that tells to write something."""
