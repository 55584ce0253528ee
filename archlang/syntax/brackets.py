"""Brackets, before anything is parsed: each has its partner, none is too deep, and the heads of `if` and `for` end.

One linear walk over the tokens. It says where a bracket is missing, which a parser notices only lines later, and it
bounds the depth of all that follows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    stack: list[_Open] = []
    suspect: tuple[_Open, Token] | None = None  # a brace that seems to lack its end, and the token before that place
    indent, previous = 1, None
    for token in tokens:
        if token.first:
            indent = token.span.column
        top = stack[-1] if stack else None
        if previous and top and suspect is None and _seems_unclosed(top, token, indent):
            suspect = (top, previous)
        if previous and top and top.token.type != "LBRACE" and _cannot_be_inside(token, previous):
            return _unclosed(top.token, previous, token)
        if token.type in CLOSER:
            stack.append(_Open(token, indent))
            if len(stack) > limits.nesting:
                return _too_deep(token.span, limits)
        elif token.type in CLOSING:
            if top is None:
                return _unmatched(token, None)
            if CLOSER[top.token.type] != token.type:
                if any(CLOSER[one.token.type] == token.type for one in stack) and previous:
                    return _unclosed(top.token, previous, token)
                return _unmatched(token, top.token)
            stack.pop()
        previous = token
    if stack and previous:
        opened, last = suspect if suspect else (stack[-1], previous)
        return _unclosed(opened.token, last, None)
    return None


def _seems_unclosed(top: _Open, token: Token, indent: int) -> bool:
    if top.token.type != "LBRACE" or not token.first:
        return False
    begins = token.type in STATEMENT_WORDS | DECLARATION_WORDS | {"NAME", "DOC"}
    return begins and indent <= top.indent and not token.span.line == top.token.span.line


def _cannot_be_inside(token: Token, previous: Token) -> bool:
    """Whether a token cannot stand directly inside parentheses or square brackets."""
    misused = previous.type in ("COMMA", "LPAR", "LSQB", "EQUAL") and not token.first
    return token.type in STATEMENT_WORDS | DECLARATION_WORDS and not misused


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
