"""What is known where the parser could not go on, in the terms in which `mistakes` asks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from archlang.source import Span
from archlang.syntax.brackets import CLOSING
from archlang.syntax.lexing import WORDS, Token
from archlang.syntax.recovery import OPENING, Piece

WORD_TYPES = frozenset(word.upper() for word in WORDS)
_STARTS_VALUE = {"NAME", "NUMBER", "SIZE", "STRING", "TRUE", "FALSE", "IN", "LPAR", "IF", "FOR"}
_SHOWN_LENGTH = 40


@dataclass(frozen=True)
class Refusal:
    """Token `at` of `tokens` (their end where it is their number) does not fit; these types would have."""

    tokens: tuple[Token, ...]
    at: int
    allowed: frozenset[str]
    context: tuple[str, ...]


class Facts:
    """A refusal, seen in the file: a piece's made-up end counts as what really follows there."""

    def __init__(self, refusal: Refusal, piece: Piece) -> None:
        self.tokens, self.at = refusal.tokens, refusal.at
        self.allowed, self.context = refusal.allowed, refusal.context
        refused = self.tokens[self.at] if self.at < len(self.tokens) else None
        self.ended = refused is None or refused is piece.closing
        self.token = piece.following if self.ended else refused
        self.previous = self.tokens[self.at - 1]
        self.next = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else None

    @property
    def found(self) -> str:
        """The type of the token that does not fit, empty at the end of the file."""
        return self.token.type if self.token else ""

    @property
    def before(self) -> str:
        """The type of the token before it."""
        return self.previous.type

    @property
    def text(self) -> str:
        """How the file spells the token that does not fit."""
        return self.token.text if self.token else ""

    @property
    def previous_text(self) -> str:
        """How the file spells the token before it."""
        return self.previous.text

    @property
    def next_type(self) -> str:
        """The type of the token behind it."""
        return self.next.type if self.next else ""

    @property
    def shown(self) -> str:
        """The token as a message shows it: one line, cut where it is long."""
        return _cut(self.text)

    @property
    def previous_shown(self) -> str:
        """The token before it as a message shows it."""
        return _cut(self.previous.text)

    @property
    def at_end(self) -> bool:
        """Whether the file ends where something more must stand."""
        return self.token is None

    @property
    def first_of_line(self) -> bool:
        """Whether the token that does not fit is the first on its line."""
        return self.token is not None and self.token.first

    @property
    def missing(self) -> bool:
        """Whether the fault is better seen as a gap behind the token before than as the token itself."""
        return self.ended or self.found in CLOSING or (self.first_of_line and not self.at_file_level)

    @property
    def behind(self) -> Span:
        """The place right behind the token before."""
        end = self.previous.end
        return Span(self.previous.span.source, end, end)

    @property
    def place(self) -> Span:
        """The token that does not fit, or the place where it is missing."""
        return self.token.span if self.token else self.behind

    @property
    def at_file_level(self) -> bool:
        """Whether a declaration could stand here."""
        return {"IMPORT", "NETWORK"} <= self.allowed

    @property
    def starts_value(self) -> bool:
        """Whether a value could begin with the token."""
        return self.found in _STARTS_VALUE

    @property
    def stray(self) -> bool:
        """Whether the parser took the name before for that of a binding, and no `=` came."""
        return self.allowed == {"EQUAL"} and self.before == "NAME" and self.context[-2:-1] not in (("LET",), ("CODE",))

    @property
    def stray_name(self) -> bool:
        """A stray name at the beginning of its line."""
        return self.stray and self.previous.first

    @property
    def stray_word(self) -> bool:
        """A stray name behind something on its line."""
        return self.stray and not self.previous.first

    @property
    def lonely(self) -> str:
        """The name that begins the line, where it is the token before this one."""
        return self.previous.text if self.before == "NAME" and self.previous.first else ""

    @cached_property
    def line_token(self) -> Token | None:
        """The first token on the line of the one that does not fit (of the one before, at the end)."""
        if self.first_of_line and not self.ended:
            return self.token
        at = min(self.at, len(self.tokens)) - 1
        while at > 0 and not self.tokens[at].first:
            at -= 1
        return self.tokens[at]

    @property
    def line_start(self) -> str:
        """The type of that token."""
        return self.line_token.type if self.line_token else ""

    @cached_property
    def context_of_head(self) -> tuple[str, ...]:
        """What is half-read inside the innermost open bracket."""
        opening = [at for at, part in enumerate(self.context) if part in OPENING]
        return self.context[opening[-1] :] if opening else self.context

    @cached_property
    def closed_head(self) -> Span | None:
        """Braces closed in this step, where they were taken for those that end the head of an `if` or a `for`."""
        depth, end = 0, self.previous
        for token in reversed(self.tokens[: self.at]):
            if not depth:
                if token.type in OPENING or token.type in ("ARROW", "SEMICOLON", "COMMA", "EQUAL", "OUTPUT"):
                    return None
                end = token
            depth += (token.type in CLOSING) - (token.type in OPENING)
            if not depth and token.type == "HEAD_BRACE":
                return token.span.to(end.span)
        return None


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_LENGTH else line[:_SHOWN_LENGTH] + "..."
