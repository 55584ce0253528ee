"""Cutting a file with mistakes into fragments that are judged one by one, so that all mistakes show in one run.

The words that begin a declaration are reserved, so outside brackets each of them begins one. In the braces of a body a
statement begins with its word or with `name =`. So a file whose brackets match is never cut at a wrong place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from archlang.dataclass import dataclass
from archlang.diagnostics import Diagnostic
from archlang.source import Span
from archlang.syntax.brackets import CLOSING, DECLARATION_WORDS, STATEMENT_WORDS
from archlang.syntax.lexing import WORDS, Token

OPENING = {"LPAR", "LSQB", "LBRACE", "HEAD_BRACE"}
LONGEST_HEAD = 200
"""Tokens that are read again for each statement at most, so that the work stays linear."""

_WANTS_MORE = {
    "EQUAL", "ARROW", "COMMA", "DOT", "COLON", "PLUS", "MINUS", "STAR", "SLASH", "FLOOR", "PERCENT", "POWER",
    "EQUALS", "DIFFERS", "LESSTHAN", "MORETHAN", "AT_MOST", "AT_LEAST", "OR", "AND", "NOT", "AT", "AS", "IN", "IF",
    "FOR", "FROM", "WHERE",
    "LET", "LAYER", "BLOCK", "CODE", "NETWORK", "IMPORT", "INPUT", "OUTPUT", "PHASE", "STEP",
}  # fmt: skip
"""Behind these, on the same line, a word begins nothing new: it stands where a name or a value must."""

_FIRST_LINE_KINDS = {"missing-pragma", "unsupported-version"}
_BRACKET_KINDS = {"unclosed-bracket", "unmatched-bracket", "unclosed-string", "nesting-too-deep"}


@dataclass(frozen=True)
class SourceFragment:
    """Tokens that make a file of their own: a first line, then one declaration, perhaps with only one statement."""

    pragma: tuple[Token, ...]
    body: tuple[Token, ...]
    following: Token | None  # the token behind it in the file
    closing: Token | None = None  # the brace put behind it, if it holds one statement

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All of them, in order."""
        return self.pragma + self.body

    def statements(self) -> list[SourceFragment]:
        """The same declaration once for each of its statements; none if it has no body or a very long head."""
        start = _body_start(self.body)
        if start is None or start > LONGEST_HEAD:
            return []

        head, inner, closing = self.body[:start], self.body[start:-1], self.body[-1]
        cuts = [*_statement_starts(inner), len(inner)]
        if cuts[0] != 0:  # whatever stands before the first statement is judged too
            cuts.insert(0, 0)

        fragments = []
        for begin, end in pairwise(cuts):
            following = closing
            if end < len(inner):
                following = inner[end]
            body = (*head, *inner[begin:end], closing)
            fragments.append(SourceFragment(self.pragma, body, following, closing))
        return fragments


def declarations(tokens: Sequence[Token], known: Sequence[Diagnostic]) -> Iterator[SourceFragment]:
    """Yield each declaration that holds none of the known mistakes and that no broken bracket may reach.

    Args:
        tokens: the whole file.
        known: mistakes of spelling and of brackets. A declaration with one of them would only be reported twice.
    """
    if not tokens or any(d.name == "too-many-tokens" for d in known):
        return

    pragma, rest = _split_pragma(tokens)
    mistakes = [d.primary.span.start for d in known if d.primary and d.name not in _FIRST_LINE_KINDS]
    first_broken = _first_broken_bracket(known)

    starts = list(_declaration_starts(rest))
    if not starts or starts[0] != 0:
        starts.insert(0, 0)

    for begin, end in zip(starts, [*starts[1:], len(rest)], strict=True):
        body = tuple(rest[begin:end])
        if not body:
            continue

        following = None
        until = len(body[0].span.source.text) + 1
        if end < len(rest):
            following = rest[end]
            until = following.start

        if any(body[0].start <= place < until for place in mistakes):
            continue
        if first_broken is not None and until > first_broken:
            continue
        yield SourceFragment(pragma, body, following)


def _first_broken_bracket(known: Sequence[Diagnostic]) -> int | None:
    """Offset from which on brackets do not match; None if all do."""
    broken = [d for d in known if d.name in _BRACKET_KINDS]
    labels = [label for d in broken for label in (d.primary, *d.secondary) if label]
    return min((label.span.start for label in labels), default=None)


def _split_pragma(tokens: Sequence[Token]) -> tuple[tuple[Token, ...], Sequence[Token]]:
    """A first line as it should be, and the tokens behind the one of the file, which may be wrong or missing."""
    place = Span(tokens[0].span.source, 0, 0)
    pragma = (Token.at(place, "ARCHLANG", "archlang"), Token.at(place, "NUMBER", "1", 1))

    if tokens[0].type != "ARCHLANG":
        return pragma, tokens
    if len(tokens) > 1 and tokens[1].type == "NUMBER":
        return pragma, tokens[2:]
    return pragma, tokens[1:]


def _declaration_starts(tokens: Sequence[Token]) -> Iterator[int]:
    depth = 0

    for at, token in enumerate(tokens):
        if token.type in OPENING:
            depth += 1
        elif token.type in CLOSING:
            depth -= 1
        elif not depth and token.type in DECLARATION_WORDS and _begins(tokens, at):
            if at and tokens[at - 1].type == "DOC":  # its doc string belongs to it
                yield at - 1
            else:
                yield at


def _body_start(tokens: Sequence[Token]) -> int | None:
    """Index behind the opening brace of a declaration's own body, None if it has none."""
    types = [token.type for token in tokens]
    first = next((at for at, type in enumerate(types) if type != "DOC"), len(types))
    if types[-1] != "RBRACE" or types[first] not in ("NETWORK", "BLOCK", "TRAIN"):
        return None

    depth = 0
    for at in range(first, len(types)):
        if types[at] == "EQUAL" and not depth:  # `block name = flow`: braces in it belong to a stage
            return None

        if types[at] == "LBRACE" and not depth:
            if types[at + 1] == "DOC":
                return at + 2
            return at + 1

        depth += (types[at] in OPENING) - (types[at] in CLOSING)
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
    """Return whether `name =` stands here, even if the name is a reserved word at the beginning of a line."""
    if at + 1 >= len(tokens) or tokens[at + 1].type != "EQUAL":
        return False

    named = tokens[at].type == "NAME" or (tokens[at].first and tokens[at].text in WORDS)
    return named and (not at or tokens[at - 1].type not in ("LET", "LAYER", "OUTPUT"))


def _begins(tokens: Sequence[Token], at: int) -> bool:
    """Return whether something new may begin at a token."""
    if not at or tokens[at].first:
        return True

    before = tokens[at - 1].type
    if tokens[at].type == "IMPORT":  # `import` in the middle of a line is more often a misused name
        return before in ("RPAR", "SEMICOLON")
    return before not in _WANTS_MORE
