"""Cutting a file with mistakes into pieces that can be judged one by one, so that all of them show in one run.

The words that begin a declaration are reserved, so outside brackets each begins one; in a body's braces a statement
begins with its word or with `name =`. A piece is therefore never cut at the wrong place once the brackets match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from archlang.diagnostics import Diagnostic
from archlang.source import Span
from archlang.syntax.brackets import CLOSING, DECLARATION_WORDS, STATEMENT_WORDS
from archlang.syntax.lexing import WORDS, Token

OPENING = {"LPAR", "LSQB", "LBRACE", "HEAD_BRACE"}
LONGEST_HEAD = 200
"""Tokens that are read again for each statement at most, so that the work stays linear."""

_WANTS_MORE = {
    "EQUAL", "ARROW", "COMMA", "DOT", "COLON", "PLUS", "MINUS", "STAR", "SLASH", "FLOOR", "PERCENT", "EQUALS",
    "DIFFERS", "LESSTHAN", "MORETHAN", "AT_MOST", "AT_LEAST", "OR", "AND", "NOT", "AT", "AS", "IN", "IF", "FOR",
    "FROM", "WHERE",
    "LET", "BLOCK", "CODE", "NETWORK", "IMPORT", "INPUT", "OUTPUT", "PHASE", "STEP",
}  # fmt: skip
"""Behind these, on the same line, a word begins nothing new: it stands where a name or a value must."""

_FIRST_LINE = {"missing-pragma", "unsupported-version"}
_BREAKS = {"unclosed-bracket", "unmatched-bracket", "unclosed-string", "nesting-too-deep"}


@dataclass(frozen=True)
class Piece:
    """Tokens that make a file of their own: a first line, then one declaration, perhaps with one statement only."""

    pragma: tuple[Token, ...]
    body: tuple[Token, ...]
    following: Token | None  # what stands behind it in the file
    closing: Token | None = None  # where it is one statement: the brace that was put behind it

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All of them, in order."""
        return self.pragma + self.body

    def parts(self) -> list[Piece]:
        """The same declaration once for each of its statements; none where it has no body or a very long head."""
        start = _body_start(self.body)
        if start is None or start > LONGEST_HEAD:
            return []
        head, tail = self.body[:start], self.body[-1]
        inner = self.body[start:-1]
        cuts = [*_statement_starts(inner), len(inner)]
        if cuts[0] != 0:
            cuts.insert(0, 0)
        out = []
        for a, b in pairwise(cuts):
            following = inner[b] if b < len(inner) else tail
            out.append(Piece(self.pragma, (*head, *inner[a:b], tail), following, tail))
        return out


def pieces(tokens: Sequence[Token], known: Sequence[Diagnostic]) -> Iterator[Piece]:
    """The declarations in which none of the known mistakes stands, and which no broken bracket may reach."""
    if not tokens or any(d.name == "too-many-tokens" for d in known):
        return
    pragma, rest = _pragma(tokens)
    spans = [d.primary.span.start for d in known if d.primary and d.name not in _FIRST_LINE]
    broken = [d for d in known if d.name in _BREAKS]
    labels = [label for d in broken for label in (d.primary, *d.secondary) if label]
    end = min((label.span.start for label in labels), default=None)
    starts = list(_declaration_starts(rest))
    if not starts or starts[0] != 0:
        starts.insert(0, 0)
    for a, b in zip(starts, [*starts[1:], len(rest)], strict=True):
        body, following = tuple(rest[a:b]), rest[b] if b < len(rest) else None
        if not body:
            continue
        until = following.start if following else len(body[0].span.source.text) + 1
        if any(body[0].start <= place < until for place in spans) or (end is not None and until > end):
            continue
        yield Piece(pragma, body, following)


def _pragma(tokens: Sequence[Token]) -> tuple[tuple[Token, ...], Sequence[Token]]:
    place = Span(tokens[0].span.source, 0, 0)
    made = (Token("ARCHLANG", "archlang", place), Token("NUMBER", "1", place, 1))
    if tokens[0].type != "ARCHLANG":
        return made, tokens
    return made, tokens[2:] if len(tokens) > 1 and tokens[1].type == "NUMBER" else tokens[1:]


def _declaration_starts(tokens: Sequence[Token]) -> Iterator[int]:
    depth = 0
    for at, token in enumerate(tokens):
        if token.type in OPENING:
            depth += 1
        elif token.type in CLOSING:
            depth -= 1
        elif not depth and token.type in DECLARATION_WORDS and _begins(tokens, at):
            documented = at and tokens[at - 1].type == "DOC"
            yield at - 1 if documented else at


def _body_start(tokens: Sequence[Token]) -> int | None:
    """Index behind the opening brace of a declaration's own body, None where it has none."""
    words = [token.type for token in tokens]
    first = next((at for at, word in enumerate(words) if word != "DOC"), len(words))
    if words[-1] != "RBRACE" or words[first] not in ("NETWORK", "BLOCK", "TRAIN"):
        return None
    depth = 0
    for at in range(first, len(words)):
        word = words[at]
        if word == "EQUAL" and not depth:
            return None
        if word == "LBRACE" and not depth:
            return at + 2 if words[at + 1] == "DOC" else at + 1
        depth += (word in OPENING) - (word in CLOSING)
    return None


def _statement_starts(tokens: Sequence[Token]) -> Iterator[int]:
    depth = 0
    for at, token in enumerate(tokens):
        if token.type in OPENING:
            depth += 1
        elif token.type in CLOSING:
            depth -= 1
        elif not depth and _begins(tokens, at) and (token.type in STATEMENT_WORDS or _binds(tokens, at)):
            yield at


def _binds(tokens: Sequence[Token], at: int) -> bool:
    """Whether `name =` stands here, be the name a reserved word at the beginning of a line."""
    if at + 1 >= len(tokens) or tokens[at + 1].type != "EQUAL":
        return False
    named = tokens[at].type == "NAME" or (tokens[at].first and tokens[at].text in WORDS)
    return named and (not at or tokens[at - 1].type not in ("LET", "OUTPUT"))


def _begins(tokens: Sequence[Token], at: int) -> bool:
    if not at or tokens[at].first:
        return True
    before = tokens[at - 1].type
    return before not in _WANTS_MORE and (tokens[at].type != "IMPORT" or before in ("RPAR", "SEMICOLON"))
