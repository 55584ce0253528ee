"""The smallest edit after which a refused text parses: one sign more, less, or another one."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.dataclass import dataclass
from archlang.diagnostics import Fix
from archlang.source import Span
from archlang.syntax.facts import Facts
from archlang.syntax.lexing import SIGNS, Token
from archlang.syntax.machine import read

LONGEST = 400
"""Tokens of a part of a file that is tried: each edit reads it once more."""

_SIGN_OF = {terminal: sign for sign, terminal in SIGNS.items()}

_INSERTED = ("ARROW", "COMMA", "RPAR", "RSQB", "RBRACE", "EQUAL", "COLON", "SEMICOLON", "LPAR", "LSQB")
"""Signs that may be missing, the likeliest first."""

_TIGHT = frozenset({",", ")", "]", ":", ";", "(", "["})


@dataclass(frozen=True)
class _Edit:
    fix: Fix
    tokens: tuple[Token, ...]


def repair(facts: Facts) -> Fix | None:
    """The first edit at the refused token, or at the one before it, after which all of the part parses.

    None if there is none, or if two edits of the same kind would do: then nobody knows which is meant.
    """
    if len(facts.tokens) > LONGEST:
        return None
    for edits in (_insertions(facts), _deletions(facts), _exchanges(facts), _deletions_before(facts)):
        fixes = [edit.fix for edit in edits if not isinstance(read(edit.tokens), int)]
        if len(fixes) == 1:
            return fixes[0]
        if fixes:
            return None
    return None


def _insertions(facts: Facts) -> Iterator[_Edit]:
    at, behind = facts.at, facts.behind
    for terminal in _INSERTED:
        # In square brackets stand values, and no flow is meant there.
        if terminal not in facts.allowed or (terminal == "ARROW" and facts.context_of_head[:1] == ("LSQB",)):
            continue
        sign = _SIGN_OF[terminal]
        tokens = (*facts.tokens[:at], Token.at(behind, terminal, sign), *facts.tokens[at:])
        if sign not in _TIGHT:
            sign = f" {sign}"
        yield _Edit(Fix(behind, sign), tokens)


def _deletions(facts: Facts) -> Iterator[_Edit]:
    if facts.token is None or facts.ended:
        return
    yield _Edit(Fix(facts.place, ""), (*facts.tokens[: facts.at], *facts.tokens[facts.at + 1 :]))


def _deletions_before(facts: Facts) -> Iterator[_Edit]:
    """A sign with nothing behind it: `x -> relu ->`."""
    if facts.previous_type not in _SIGN_OF:
        return
    at, sign = facts.at - 1, facts.previous.span
    start = sign.start
    while start > 0 and sign.source.text[start - 1] in " \t":
        start -= 1
    tokens = (*facts.tokens[:at], *facts.tokens[at + 1 :])
    yield _Edit(Fix(Span(sign.source, start, sign.end), ""), tokens)


def _exchanges(facts: Facts) -> Iterator[_Edit]:
    """Another sign in place of one: no word is exchanged, since each says something."""
    if facts.token is None or facts.ended or facts.type not in _SIGN_OF:
        return
    for terminal in _INSERTED:
        if terminal not in facts.allowed:
            continue
        token = Token.at(facts.place, terminal, _SIGN_OF[terminal])
        tokens = (*facts.tokens[: facts.at], token, *facts.tokens[facts.at + 1 :])
        yield _Edit(Fix(Span(facts.place.source, facts.place.start, facts.place.end), _SIGN_OF[terminal]), tokens)
