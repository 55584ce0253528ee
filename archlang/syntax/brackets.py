"""Brackets, before anything is parsed: each has its partner, none is too deep, and the heads of `if` and `for` end.

One linear walk over the tokens. It says where a bracket is missing, which a parser notices only lines later, and it
bounds the depth of all that follows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest

from archlang.diagnostics import Diagnostic, Label, error
from archlang.limits import Limits
from archlang.source import Span
from archlang.syntax.lexing import Token

CLOSER = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSING = set(CLOSER.values())
DECLARATION_WORDS = {"IMPORT", "LET", "BLOCK", "CODE", "NETWORK", "TRAIN"}
STATEMENT_WORDS = {"LET", "INPUT", "OUTPUT", "PHASE", "STEP"}
_SIGN = {"LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "LBRACE": "{", "RBRACE": "}"}


@dataclass
class _Open:
    token: Token
    indent: int  # column of the first token on its line, from 1
    before: Token | None  # the token before it


def mark_heads(tokens: list[Token]) -> list[Token]:
    """The same tokens with the brace that ends the head of an `if` or a `for` made a `HEAD_BRACE`."""
    out, waiting, depth = [], [0], 0
    for token in tokens:
        if token.type in ("IF", "FOR"):
            waiting[-1] += 1
        elif token.type in CLOSER:
            if token.type == "LBRACE" and waiting[-1]:
                waiting[-1] -= 1
                token = replace(token, type="HEAD_BRACE")
            waiting.append(0)
            depth += 1
        elif token.type in CLOSING and depth:
            waiting.pop()
            depth -= 1
        out.append(token)
    return out


def check_brackets(tokens: list[Token], limits: Limits) -> Diagnostic | None:
    """The first bracket without a partner, shown where its partner is missing; or the first that is too deep."""
    scan = _Brackets(limits)
    for token, following in zip_longest(tokens, tokens[1:]):
        if found := scan.step(token, following):
            return found
    return scan.end()


class _Brackets:
    """The brackets open so far, and where one of them seems to lack its end."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.stack: list[_Open] = []
        self.suspect: tuple[_Open, Token] | None = None  # an opener, and the token behind which its end is missing
        self.indent = 1
        self.previous: Token | None = None

    def step(self, token: Token, following: Token | None) -> Diagnostic | None:
        """Take one token; what is wrong with it, if anything."""
        if token.first:
            self.indent = token.span.column
        top, previous, self.previous = self.stack[-1] if self.stack else None, self.previous, token
        if top and previous:
            if self.suspect is None:
                self.suspect = self._suspicion(top, token, previous, following)
            if top.token.type != "LBRACE" and self._cannot_be_inside(top, token, previous, following):
                return _unclosed(top.token, previous, token)
        if token.type in CLOSER:
            self.stack.append(_Open(token, self.indent, previous))
            return _too_deep(token.span, self.limits) if len(self.stack) > self.limits.nesting else None
        return self._close(token, previous) if token.type in CLOSING else None

    def end(self) -> Diagnostic | None:
        """What is wrong at the end of the file, if anything."""
        if not self.stack or self.previous is None:
            return None
        opened, last = self.suspect or (self.stack[-1], self.previous)
        return _unclosed(opened.token, last, None)

    def _close(self, token: Token, previous: Token | None) -> Diagnostic | None:
        if not self.stack:
            return _unmatched(token, None)
        top = self.stack[-1].token
        if CLOSER[top.type] == token.type:
            self.stack.pop()
            return None
        if previous and any(CLOSER[one.token.type] == token.type for one in self.stack):
            return _unclosed(top, previous, token)
        return _unmatched(token, top if top.type != "LBRACE" else None)

    def _suspicion(
        self, top: _Open, token: Token, previous: Token, following: Token | None
    ) -> tuple[_Open, Token] | None:
        """A brace whose body seems to be over, or a parenthesis before a brace that holds a network's statements."""
        if top.token.type != "LBRACE":
            return None
        outside = self.stack[-2] if len(self.stack) > 1 else None
        if outside and outside.token.type != "LBRACE" and previous is top.token and top.before:
            if token.first and (token.type in STATEMENT_WORDS or _binds(token, following)):
                return outside, top.before
            return None
        begins = token.type in STATEMENT_WORDS | DECLARATION_WORDS | {"NAME", "DOC"}
        new_line = token.first and token.span.line != top.token.span.line
        return (top, previous) if begins and new_line and self.indent <= top.indent else None

    def _cannot_be_inside(self, top: _Open, token: Token, previous: Token, following: Token | None) -> bool:
        """Whether a token cannot stand directly inside parentheses or square brackets."""
        if token.type == "STEP" and (following is None or following.type != "NAME"):
            return False  # a name like any other, unless it begins a step
        if token.type in STATEMENT_WORDS | DECLARATION_WORDS:
            return token.first or previous.type not in ("COMMA", "LPAR", "LSQB", "EQUAL", "DOT", "ARROW", "AS")
        over = token.first and self.indent <= top.indent and previous.type not in ("COMMA", "LPAR", "LSQB")
        return over and _binds(token, following)


def _binds(token: Token, following: Token | None) -> bool:
    return token.type == "NAME" and following is not None and following.type == "EQUAL"


def _unclosed(opener: Token, last: Token, found: Token | None) -> Diagnostic:
    sign, partner = _SIGN[opener.type], _SIGN[CLOSER[opener.type]]
    place = Span(last.span.source, last.end, last.end)
    return error(
        "unclosed-bracket",
        f"this `{sign}` is not closed",
        place,
        f"`{partner}` is missing here",
        secondary=(Label(opener.span, "opened here"),),
        help=f"add `{partner}`" + (f" before `{found.text[:20]}`" if found else ""),
    )


def _unmatched(token: Token, opener: Token | None) -> Diagnostic:
    sign = _SIGN[token.type]
    if opener is not None:
        partner = _SIGN[CLOSER[opener.type]]
        return error(
            "unmatched-bracket",
            f"`{sign}` cannot close `{_SIGN[opener.type]}`",
            token.span,
            f"`{partner}` is wanted here",
            secondary=(Label(opener.span, "opened here"),),
        )
    return error("unmatched-bracket", f"nothing opened this `{sign}`", token.span, "delete it, or add what it closes")


def _too_deep(span: Span, limits: Limits) -> Diagnostic:
    return error(
        "nesting-too-deep",
        f"brackets are nested more than {limits.nesting} deep",
        span,
        "one too deep",
        help="give inner parts a name, or make blocks of them",
    )
