"""Brackets, before anything is parsed: each has its partner, none is too deep, and the heads of `if` and `for` end.

One linear walk over the tokens. It says where a bracket is missing, which a parser notices only lines later, and it
bounds the depth of everything that follows.
"""

from __future__ import annotations

from itertools import zip_longest

from archlang.dataclass import dataclass
from archlang.diagnostics import Diagnostic, Fix, Label, error
from archlang.limits import Limits
from archlang.source import Span
from archlang.syntax.lexing import Token
from archlang.syntax.mended import closing_place, mended_line

CLOSER = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSING = set(CLOSER.values())
DECLARATION_WORDS = {"IMPORT", "LET", "BLOCK", "CODE", "NETWORK", "TRAIN"}
STATEMENT_WORDS = {"LET", "LAYER", "INPUT", "OUTPUT", "PHASE", "STEP"}

_SIGN = {"LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "LBRACE": "{", "RBRACE": "}"}


def mark_heads(tokens: list[Token]) -> list[Token]:
    """Give the brace that ends the head of an `if` or a `for` a type of its own, `HEAD_BRACE`.

    Without it the grammar would be ambiguous: in `if each { relu }` the braces could belong to `each`. The first brace
    behind `if` or `for` that stands in no bracket opened since ends the head.
    """
    marked = []
    heads_without_brace = [0]  # one count for each open bracket
    for token in tokens:
        if token.type in ("IF", "FOR"):
            heads_without_brace[-1] += 1
        elif token.type in CLOSER:
            if token.type == "LBRACE" and heads_without_brace[-1]:
                heads_without_brace[-1] -= 1
                token = token.of_type("HEAD_BRACE")
            heads_without_brace.append(0)
        elif token.type in CLOSING and len(heads_without_brace) > 1:
            heads_without_brace.pop()

        marked.append(token)
    return marked


def check_brackets(tokens: list[Token], limits: Limits) -> Diagnostic | None:
    """Find the first bracket without a partner, shown where its partner is missing; or the first that is too deep.

    Only one is reported: behind a broken bracket everything is a guess.
    """
    check = _BracketCheck(limits)
    for token, following in zip_longest(tokens, tokens[1:]):
        mistake = check.step(token, following)
        if mistake is not None:
            return mistake
    return check.end()


@dataclass
class _OpenBracket:
    token: Token
    indent: int  # column of the first token on its line, from 1
    before: Token | None  # the token before it


class _BracketCheck:
    """The brackets open so far, and the place at which one of them seems to lack its end.

    A missing brace is noticed only at the end of the file. The indentation tells earlier: a line that begins a
    statement no further right than the line with the opening brace is probably outside of it. That is a suspicion, used
    only once it is certain that a bracket is missing, since layout is free.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.stack: list[_OpenBracket] = []
        self.suspect: tuple[_OpenBracket, Token] | None = None  # an opener, and the token behind which its end lacks
        self.indent = 1
        self.previous: Token | None = None
        self.bodiless: tuple[Token, Token] | None = None  # a head whose brace lacks, and the last token of that head

    def step(self, token: Token, following: Token | None) -> Diagnostic | None:
        """Take one token; return the mistake that it brings to light, if any."""
        if token.first:
            self.indent = token.span.column
        previous = self.previous
        self.previous = token

        if not self.stack:
            self._note_head(token, previous)
        if self.stack and previous:
            top = self.stack[-1]
            if self.suspect is None:
                self.suspect = self._suspicion(top, token, previous, following)
            if top.token.type != "LBRACE" and self._cannot_be_inside(top, token, previous, following):
                return _unclosed(top.token, previous, token)

        if token.type in CLOSER:
            return self._open(token, previous)
        if token.type in CLOSING:
            return self._close(token, previous)
        return None

    def end(self) -> Diagnostic | None:
        """Return the mistake that shows at the end of the file, if any."""
        if not self.stack or self.previous is None:
            return None

        opened, last = self.suspect or (self.stack[-1], self.previous)
        return _unclosed(opened.token, last, None)

    def _open(self, token: Token, previous: Token | None) -> Diagnostic | None:
        self.stack.append(_OpenBracket(token, self.indent, previous))
        if len(self.stack) > self.limits.nesting:
            return _too_deep(token.span, self.limits)
        return None

    def _note_head(self, token: Token, previous: Token | None) -> None:
        """Keep the head of the declaration in which a token stands, while no brace has opened its body."""
        if token.type in ("BLOCK", "NETWORK", "TRAIN") and token.first:
            self.bodiless = (token, token)
            return
        if self.bodiless is None:
            return

        # The head ends with its line, or with the colon of Python; only behind it does its body begin.
        head, last = self.bodiless
        if last is previous and token.type in ("EQUAL", "LBRACE"):
            self.bodiless = None
        elif last is previous and not token.first and last.type != "COLON":
            self.bodiless = (head, token)

    def _close(self, token: Token, previous: Token | None) -> Diagnostic | None:
        if not self.stack:
            if self.bodiless is not None and token.type == "RBRACE":
                return _no_brace(*self.bodiless)
            return _unmatched(token)

        top = self.stack[-1].token
        if CLOSER[top.type] == token.type:
            self.stack.pop()
            # The parentheses of a head belong to it.
            if not self.stack and self.bodiless is not None and self.bodiless[1] is top:
                self.bodiless = (self.bodiless[0], token)
            return None

        # The bracket fits one further out: then the inner one was not closed. Otherwise this one is the odd one.
        if previous and any(CLOSER[one.token.type] == token.type for one in self.stack):
            return _unclosed(top, previous, token)
        if top.type == "LBRACE":
            return _unmatched(token)
        return _cannot_close(token, top)

    def _suspicion(
        self, top: _OpenBracket, token: Token, previous: Token, following: Token | None
    ) -> tuple[_OpenBracket, Token] | None:
        """Find a brace whose body seems to be over, or a parenthesis left open before a brace of statements."""
        if top.token.type != "LBRACE":
            return None

        # `network N(a = 2 {` with a statement behind it: a network's braces do not stand inside parentheses.
        outside = None
        if len(self.stack) > 1:
            outside = self.stack[-2]
        if outside and outside.token.type != "LBRACE" and previous is top.token and top.before:
            if token.first and (token.type in STATEMENT_WORDS or _binds(token, following)):
                return outside, top.before
            return None

        new_line = token.first and token.span.line != top.token.span.line
        begins = token.type in STATEMENT_WORDS | DECLARATION_WORDS | {"NAME", "DOC"}
        if begins and new_line and self.indent <= top.indent:
            return top, previous

        # A brace further left closes the braces around these, so that these lack theirs.
        if token.type == "RBRACE" and new_line and self.indent < top.indent and outside:
            return top, previous
        return None

    def _cannot_be_inside(
        self, top: _OpenBracket, token: Token, previous: Token, following: Token | None
    ) -> bool:
        """Return whether a token cannot stand directly inside parentheses or square brackets."""
        if token.type == "STEP" and (following is None or following.type != "NAME"):
            return False  # a name like any other, unless it begins a step

        # A reserved word used as a name, as in `f(let)`, is another mistake; the parser has words for it.
        if token.type in STATEMENT_WORDS | DECLARATION_WORDS:
            return token.first or previous.type not in ("COMMA", "LPAR", "LSQB", "EQUAL", "DOT", "ARROW", "AS")

        new_statement = token.first and self.indent <= top.indent and _binds(token, following)
        return new_statement and previous.type not in ("COMMA", "LPAR", "LSQB")


def _binds(token: Token, following: Token | None) -> bool:
    """Return whether `name =` begins here."""
    return token.type == "NAME" and following is not None and following.type == "EQUAL"


# --- messages --------------------------------------------------------------------------------------------------------


def _unclosed(opener: Token, last: Token, next_token: Token | None) -> Diagnostic:
    sign, partner = _SIGN[opener.type], _SIGN[CLOSER[opener.type]]
    help = f"add `{partner}`"
    if next_token is not None:
        help += f" before `{next_token.text[:20]}`"

    # What parentheses enclose ends on their line, mostly; braces hold lines of which nobody knows the last.
    fix: Fix | None = None
    if opener.type in ("LPAR", "LSQB"):
        fix = Fix(closing_place(opener.span), partner)
        help = _shown(fix, help)
    return error(
        "unclosed-bracket",
        f"this `{sign}` is not closed",
        Span(last.span.source, last.end, last.end),
        f"`{partner}` is missing here",
        secondary=(Label(opener.span, "opened here"),),
        help=help,
        fix=fix,
    )


def _cannot_close(token: Token, opener: Token) -> Diagnostic:
    partner = _SIGN[CLOSER[opener.type]]
    fix = Fix(token.span, partner)
    return error(
        "unmatched-bracket",
        f"`{_SIGN[token.type]}` cannot close `{_SIGN[opener.type]}`",
        token.span,
        f"`{partner}` is wanted here",
        secondary=(Label(opener.span, "opened here"),),
        help=_shown(fix, f"write `{partner}`"),
        fix=fix,
    )


def _no_brace(head: Token, last: Token) -> Diagnostic:
    """A declaration whose body closes with a brace and opens with none."""
    message = f"the body of `{head.text}` stands in braces, and none opens here"
    fix = Fix(Span(last.span.source, last.span.end, last.span.end), " {")
    if last.type == "COLON":
        message = f"the body of `{head.text}` stands in braces, not behind a colon"
        fix = Fix(last.span, " {")
    return error("unmatched-bracket", message, last.span, help=_shown(fix, "write `{` there"), fix=fix)


def _unmatched(token: Token) -> Diagnostic:
    """A bracket that closes nothing; a brace alone on its line may be right, and the one that opens is missing."""
    sign = _SIGN[token.type]
    message = f"nothing opened this `{sign}`"
    fix = Fix(token.span, "")
    help = f"delete the `{sign}`, or add the bracket that it closes"
    return error("unmatched-bracket", message, token.span, help=_shown(fix, help), fix=fix)


def _shown(fix: Fix, otherwise: str) -> str:
    """The help of an edit: the line as it leaves it, where there is one to show."""
    line = mended_line(fix)
    if not line:
        return otherwise
    return f"write `{line}`"


def _too_deep(span: Span, limits: Limits) -> Diagnostic:
    return error(
        "nesting-too-deep",
        f"brackets are nested more than {limits.nesting} deep",
        span,
        "one too deep",
        help="give inner parts a name, or make blocks of them",
    )
