"""Cutting a text that is being written: into declarations, these into statements, a statement back to an arrow.

The words that begin a declaration or a statement are reserved. So one that is the first of its line begins one, even
behind a bracket that nobody has closed yet; a `name =` does so where it stands as far left as the statements before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archlang.source import Span
from archlang.syntax.brackets import CLOSING, DECLARATION_WORDS, STATEMENT_WORDS
from archlang.syntax.lexing import Scanned, Token
from archlang.syntax.recovery import OPENING

TRIED = 12
"""Places at which a statement may be cut that are tried, from its end: an arrow each."""

_ONLY_DECLARES = DECLARATION_WORDS - {"LET"}  # `let` is a statement as well
_BINDING = {"LET", "LAYER", "BLOCK", "CODE", "NETWORK", "INPUT", "OUTPUT"}
_BRACES = {"LBRACE", "HEAD_BRACE"}


@dataclass(frozen=True)
class BodyPieces:
    """A declaration with braces: the tokens up to its brace, its statements, and its closing brace if it has one."""

    head: tuple[Token, ...]
    statements: tuple[tuple[Token, ...], ...]
    closing: Token | None

    @property
    def short_head(self) -> tuple[Token, ...]:
        """The head without parameters, to read a statement in: `network Name {`."""
        named = tuple(token for token in self.head[:3] if token.type in ("NETWORK", "BLOCK", "TRAIN", "NAME"))
        return (*named, next(token for token in self.head if token.type == "LBRACE"))


def marked_wrong(scanned: Scanned) -> list[Token]:
    """The tokens of a text, with one that no rule takes at each mistake of spelling."""
    places = [d.primary.span for d in scanned.mistakes if d.primary is not None]
    marked = [_mark(token, places) for token in scanned.tokens]
    for span in places:
        if not any(token.start <= span.start < token.end for token in scanned.tokens):
            marked.append(Token.at(span, "WRONG", span.text))
    return sorted(marked, key=lambda token: token.start)


def _mark(token: Token, places: Sequence[Span]) -> Token:
    if any(token.start <= span.start < token.end for span in places):
        return Token("WRONG", token.text, token.source, token.start, token.end, None, token.first)
    return token


def without_pragma(tokens: Sequence[Token]) -> Sequence[Token]:
    """The tokens behind the first line, whether it is right or not."""
    start = 0
    if tokens and tokens[0].type == "ARCHLANG":
        start = 1
        if len(tokens) > 1 and tokens[1].type == "NUMBER":
            start = 2
    return tokens[start:]


def declarations_in(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The declarations of a file, each with its doc string; whatever stands before the first one comes first."""
    starts = []
    depth = 0
    for at, token in enumerate(tokens):
        if token.type in OPENING:
            depth += 1
        elif token.type in CLOSING:
            depth = max(depth - 1, 0)

        # A bracket that nobody closed must not swallow the declarations behind it.
        opens = token.type in _ONLY_DECLARES and (token.first or not depth)
        if opens or (token.type == "LET" and (not depth or _column(token) == 0)):
            depth = 0
            has_doc = at > 0 and tokens[at - 1].type == "DOC"
            starts.append(at - has_doc)

    if not starts or starts[0]:
        starts.insert(0, 0)
    for begin, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        if begin < end:
            yield tokens[begin:end]


def pieces_of(tokens: Sequence[Token]) -> BodyPieces | None:
    """The head and the statements of a declaration that has braces of its own; None for all others."""
    opening = _own_brace(tokens)
    if opening is None:
        return None

    start = opening + 1
    if start < len(tokens) and tokens[start].type == "DOC":
        start += 1
    end, closing = len(tokens), None
    if tokens[-1].type == "RBRACE" and end > start and _closes_all(tokens[opening:]):
        end, closing = end - 1, tokens[-1]
    return BodyPieces(tuple(tokens[:start]), tuple(_statements(tokens[start:end])), closing)


def _own_brace(tokens: Sequence[Token]) -> int | None:
    """Index of the brace that opens a declaration's own body."""
    depth = 0
    for at, token in enumerate(tokens):
        if token.type == "EQUAL" and not depth:  # `block name = flow`
            return None
        if token.type == "LBRACE" and not depth:
            return at
        depth += (token.type in OPENING) - (token.type in CLOSING)
    return None


def _closes_all(tokens: Sequence[Token]) -> bool:
    """Tell whether the last brace can be the one of the declaration: all others close, or it stands at the left."""
    depth = sum((token.type in OPENING) - (token.type in CLOSING) for token in tokens)
    return depth == 0 or _column(tokens[-1]) == 0


def _statements(tokens: Sequence[Token]) -> Iterator[tuple[Token, ...]]:
    """The statements of a body; whatever stands before the first one comes first."""
    starts = [0]
    depth, left = 0, None
    for at, token in enumerate(tokens):
        if token.type in OPENING:
            depth += 1
        elif token.type in CLOSING:
            depth = max(depth - 1, 0)

        # Inside a call, `name =` at the beginning of a line is an argument, and stands further right.
        aligned = token.first and (left is None or _column(token) <= left)
        worded = token.type in STATEMENT_WORDS and (token.first or not depth)
        binds = _binds(tokens, at) and (not depth or aligned)
        if worded or binds:
            depth = 0
            if token.first:
                left = _column(token)
            if at:
                starts.append(at)

    for begin, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        if begin < end:
            yield tuple(tokens[begin:end])


def _binds(tokens: Sequence[Token], at: int) -> bool:
    """Tell whether `name =` stands here, and is no part of `let name =`."""
    if tokens[at].type != "NAME" or at + 1 >= len(tokens) or tokens[at + 1].type != "EQUAL":
        return False
    return not at or tokens[at - 1].type not in _BINDING


def prefixes(tokens: Sequence[Token]) -> Iterator[tuple[Sequence[Token], int]]:
    """The beginnings of a statement that end before an arrow or in open braces, longest first, with their open braces.

    A cut inside parentheses would change what a stage is given, so there is none.
    """
    cuts: list[tuple[int, int]] = []
    stack: list[str] = []
    for at, token in enumerate(tokens):
        if token.type == "ARROW" and all(type_ in _BRACES for type_ in stack):
            cuts.append((at, len(stack)))
        if token.type in OPENING:
            stack.append(token.type)
        elif token.type in CLOSING and stack:
            stack.pop()

    # Braces alone may be open at its end: what stands in them is finished as far as anybody can tell.
    if stack and all(type_ in _BRACES for type_ in stack):
        cuts.append((len(tokens), len(stack)))
    for at, depth in reversed(cuts[-TRIED:]):
        yield tokens[:at], depth


def bound_in(tokens: Sequence[Token]) -> set[str]:
    """The names that some tokens may bind: all that stand where a declaration or a statement has its name."""
    # An import that cannot be read may have brought in any of its words.
    if tokens and tokens[0].type == "IMPORT":
        return {token.text for token in tokens if token.type == "NAME"}

    names = set()
    depth = 0  # of parentheses and brackets: `kernel =` in a call binds nothing
    for at, token in enumerate(tokens):
        if token.type in ("LPAR", "LSQB"):
            depth += 1
        elif token.type in ("RPAR", "RSQB"):
            depth = max(depth - 1, 0)
        worded = at > 0 and tokens[at - 1].type in _BINDING
        if token.type == "NAME" and (worded or (not depth and _binds(tokens, at))):
            names.add(token.text)
    return names


def _column(token: Token) -> int:
    return token.span.column - 1
