"""The facts about a place at which the parser could not go on, in the terms in which the table of slips asks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from archlang.dataclass import dataclass
from archlang.source import Span
from archlang.syntax.brackets import CLOSING
from archlang.syntax.lexing import WORDS, Token
from archlang.syntax.recovery import OPENING, SourceFragment

WORD_TYPES = frozenset(word.upper() for word in WORDS)
_STARTS_VALUE = {"NAME", "NUMBER", "SIZE", "STRING", "TRUE", "FALSE", "IN", "LPAR", "IF", "FOR"}
_LONGEST_SHOWN = 40


@dataclass(frozen=True)
class Refusal:
    """Token `at` of `tokens` does not fit; tokens of the types `allowed` would have.

    `at` is the number of tokens if it is their end that does not fit. `context` describes the parser's stack: types of
    tokens, names of half-read rules, kinds of finished nodes.
    """

    tokens: tuple[Token, ...]
    at: int
    allowed: frozenset[str]
    context: tuple[str, ...]


class Facts:
    """A refusal as the reader of the file sees it.

    A fragment of one statement ends with a brace that was put there. If the parser stumbles over that brace, the token
    that really follows in the file counts as the one that does not fit.
    """

    def __init__(self, refusal: Refusal, fragment: SourceFragment) -> None:
        self.tokens, self.at = refusal.tokens, refusal.at
        self.allowed, self.context = refusal.allowed, refusal.context

        # A brace that was put there is none of the reader's.
        refused = self._token_at(self.at)
        self.ended = refused is None or refused is fragment.closing
        self.token = refused
        if self.ended:
            self.token = fragment.following

        self.previous = self.tokens[self.at - 1]
        self.next = self._token_at(self.at + 1)

    def _token_at(self, index: int) -> Token | None:
        if index < len(self.tokens):
            return self.tokens[index]
        return None

    # --- the token that does not fit, the one before it, the one behind it ---

    @property
    def type(self) -> str:
        """The type of the token that does not fit, empty at the end of the file."""
        return _type(self.token)

    @property
    def text(self) -> str:
        """The spelling of the token that does not fit."""
        if self.token is None:
            return ""
        return self.token.text

    @property
    def shown(self) -> str:
        """That spelling as a message shows it: one line, cut if it is long."""
        return _cut(self.text)

    @property
    def previous_type(self) -> str:
        """The type of the token before it."""
        return self.previous.type

    @property
    def previous_text(self) -> str:
        """The spelling of the token before it."""
        return self.previous.text

    @property
    def previous_shown(self) -> str:
        """The token before it as a message shows it."""
        return _cut(self.previous.text)

    @property
    def next_type(self) -> str:
        """The type of the token behind it, empty at the end."""
        return _type(self.next)

    # --- the place ---

    @property
    def at_end(self) -> bool:
        """True if the file ends where something more must stand."""
        return self.token is None

    @property
    def first_of_line(self) -> bool:
        """True if the token that does not fit is the first on its line."""
        return self.token is not None and self.token.first

    @property
    def at_file_level(self) -> bool:
        """True if a declaration could stand here."""
        return {"IMPORT", "NETWORK"} <= self.allowed

    @property
    def is_gap(self) -> bool:
        """True if the fault is better shown as a gap behind the token before than as the token itself.

        A closing bracket and the first word of the next line are usually right. The part before them is missing.
        """
        return self.ended or self.type in CLOSING or (self.first_of_line and not self.at_file_level)

    @property
    def behind(self) -> Span:
        """The place right behind the token before."""
        end = self.previous.end
        return Span(self.previous.span.source, end, end)

    @property
    def place(self) -> Span:
        """The token that does not fit, or the place at which it is missing."""
        if self.token is None:
            return self.behind
        return self.token.span

    @cached_property
    def line_token(self) -> Token:
        """The first token on the line of the one that does not fit (of the one before, at the end)."""
        if self.token is not None and self.token.first and not self.ended:
            return self.token

        # Backwards over the tokens that were read, from the one before.
        at = min(self.at, len(self.tokens)) - 1
        while at > 0 and not self.tokens[at].first:
            at -= 1
        return self.tokens[at]

    @cached_property
    def line(self) -> tuple[Token, ...]:
        """The tokens from `line_token` to the end of its line."""
        first = self.line_token
        return tuple(t for t in self.tokens if t.span.line == first.span.line and t.start >= first.start)

    @cached_property
    def rest_of_line(self) -> tuple[Token, ...]:
        """The tokens from the one that does not fit to the end of its line."""
        place = self.place
        return tuple(t for t in self.tokens[self.at :] if t.span.line == place.line and t.start >= place.start)

    # --- readings of the place ---

    @property
    def starts_value(self) -> bool:
        """True if a value could begin with the token."""
        return self.type in _STARTS_VALUE

    @property
    def stray(self) -> bool:
        """True if the parser took the name before for that of a binding, and no `=` came."""
        # `let relu` lacks its `=` just so, but there the name is meant as one.
        named = self.context[-2:-1] in (("LET",), ("LAYER",), ("CODE",))
        return self.allowed == {"EQUAL"} and self.previous_type == "NAME" and not named

    @property
    def stray_name(self) -> bool:
        """True for a stray name at the beginning of its line."""
        return self.stray and self.previous.first

    @property
    def stray_word(self) -> bool:
        """True for a stray name behind something on its line."""
        return self.stray and not self.previous.first

    @property
    def lonely(self) -> str:
        """The name that begins the line, if it is the token before this one; else empty."""
        if self.previous_type == "NAME" and self.previous.first:
            return self.previous.text
        return ""

    @cached_property
    def context_of_head(self) -> tuple[str, ...]:
        """The half-read parts inside the innermost open bracket."""
        depth = 0
        for at in reversed(range(len(self.context))):
            if self.context[at] in CLOSING:  # a bracket that is complete and not yet part of a node
                depth += 1
            elif self.context[at] in OPENING:
                if not depth:
                    return self.context[at:]
                depth -= 1
        return self.context

    @cached_property
    def closed_head(self) -> Span | None:
        """Braces closed in this step of the flow that were taken for those that end the head of an `if` or a `for`."""
        # Backwards from the token that does not fit, over whole brackets.
        depth, end = 0, self.previous
        for token in reversed(self.tokens[: self.at]):
            if not depth:
                if token.type in OPENING or token.type in ("ARROW", "SEMICOLON", "COMMA", "EQUAL", "OUTPUT"):
                    return None  # the step begins here
                end = token

            depth += (token.type in CLOSING) - (token.type in OPENING)
            if not depth and token.type == "HEAD_BRACE":
                return token.span.to(end.span)
        return None


def written(tokens: Sequence[Token]) -> str:
    """The text of the file from the first of some tokens to the last."""
    if not tokens:
        return ""
    return tokens[0].span.to(tokens[-1].span).text


def _type(token: Token | None) -> str:
    if token is None:
        return ""
    return token.type


def _cut(text: str) -> str:
    line = " ".join(text.split())
    if len(line) <= _LONGEST_SHOWN:
        return line
    return line[:_LONGEST_SHOWN] + "..."
