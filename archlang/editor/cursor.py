"""The surroundings of a cursor, told by the words before it alone: so they are known in an unfinished text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from archlang.editor.reading import Reading
from archlang.syntax.brackets import CLOSING, DECLARATION_WORDS, STATEMENT_WORDS
from archlang.syntax.lexing import WORDS, Token
from archlang.syntax.recovery import OPENING

Wanted = Literal["nothing", "first line", "declaration", "statement", "setting", "flow", "stage", "value", "argument",
                 "field", "module", "imported"]
"""The choice of what may stand at a place.

`flow` is the beginning of a flow: a tensor or a stage. `argument` is the beginning of an argument: its name or a value.
"""

_OWNERS = ("NETWORK", "BLOCK", "TRAIN", "PHASE", "STEP")
_NAMING = {"LET", "LAYER", "BLOCK", "CODE", "NETWORK", "INPUT", "PHASE", "STEP", "AS", "FOR"}
"""Behind these a name is bound, which is the writer's to choose."""


@dataclass
class OpenBracket:
    """A bracket that is open at the cursor.

    opener    its type of token
    callee    the name before it, for parentheses and braces of something that is called
    owner     the reserved word of the declaration whose braces or parameters these are: NETWORK, TRAIN, STEP ...
    position  how many arguments stand before the cursor's, those given by name not counted
    given     the names of arguments that are given
    named     the name of the argument that the cursor stands in, if it is given by name
    """

    opener: str
    callee: Token | None = None
    owner: str = ""
    position: int = 0
    given: list[str] = field(default_factory=list)
    named: str | None = None
    is_empty: bool = True  # whether the argument of the cursor has not begun


@dataclass(frozen=True)
class Cursor:
    """A place in a text: what may stand there, the word that is being written, and the brackets that are open."""

    offset: int
    wanted: Wanted
    start: int
    end: int
    brackets: tuple[OpenBracket, ...]
    before: tuple[Token, ...]  # the tokens before the word

    @property
    def owner(self) -> str:
        """The reserved word of the braces around: NETWORK, BLOCK, TRAIN, PHASE, STEP; `""` outside all."""
        return next((bracket.owner for bracket in reversed(self.brackets) if bracket.owner), "")

    @property
    def call(self) -> OpenBracket | None:
        """The innermost call in whose parentheses the cursor stands, with no braces in between."""
        for bracket in reversed(self.brackets):
            if bracket.opener in ("LBRACE", "HEAD_BRACE"):
                return None
            if bracket.opener == "LPAR" and bracket.callee is not None and not bracket.owner:
                return bracket
        return None


def cursor_at(reading: Reading, offset: int) -> Cursor:
    """Find out what a place of a text stands in."""
    tokens = reading.tokens
    until = bisect_left(tokens, offset, key=lambda token: token.start)
    start = end = offset

    # The word under the cursor is what is being written, and says nothing of its place.
    inside = None
    if until and tokens[until - 1].end >= offset:
        inside = tokens[until - 1]
    if inside is not None and inside.type in ("STRING", "DOC") and inside.start < offset < inside.end:
        return Cursor(offset, "nothing", offset, offset, (), tuple(tokens[:until]))
    if inside is not None and (inside.type == "NAME" or inside.text in WORDS):
        until -= 1
        start, end = inside.start, inside.end
    elif inside is not None and inside.type in ("NUMBER", "SIZE"):
        return Cursor(offset, "nothing", offset, offset, (), tuple(tokens[:until]))

    # All that follows is read from these: whatever stands behind the cursor may be unfinished.
    before = tuple(tokens[:until])
    brackets = open_brackets(before)
    wanted = _wanted(reading, before, brackets, start)
    if any(one.comment.span.start < offset <= one.comment.span.end for one in reading.remarks):
        wanted = "nothing"
    return Cursor(offset, wanted, start, end, brackets, before)


def open_brackets(tokens: Sequence[Token]) -> tuple[OpenBracket, ...]:
    """The brackets that are open behind some tokens, outermost first."""
    stack: list[OpenBracket] = []
    declaring = ""  # the reserved word whose name or head is being read
    for at, token in enumerate(tokens):
        if token.type in _OWNERS:
            declaring = token.type

        # A reserved word at the beginning of a line ends what nobody has closed.
        if token.first and token.type in DECLARATION_WORDS - {"LET"}:
            stack.clear()
        # The same for a statement: only the braces of its declaration stay open.
        elif token.first and token.type in STATEMENT_WORDS:
            while stack and not (stack[-1].owner and stack[-1].opener == "LBRACE"):
                stack.pop()

        if token.type in OPENING:
            stack.append(_opened(tokens, at, stack, declaring))
            if token.type != "LPAR":
                declaring = ""
        elif token.type in CLOSING:
            if stack:
                stack.pop()
            if stack:
                stack[-1].is_empty = False
        elif stack:
            _argument(stack[-1], token, tokens, at)
    return tuple(stack)


def _opened(tokens: Sequence[Token], at: int, stack: list[OpenBracket], declaring: str) -> OpenBracket:
    token = tokens[at]
    if stack:
        stack[-1].is_empty = False
    if token.type == "LPAR":
        bracket = OpenBracket(token.type)
        if at and tokens[at - 1].type == "NAME":
            bracket.callee = tokens[at - 1]
        if at > 1 and tokens[at - 2].type in ("NETWORK", "BLOCK"):
            bracket.owner = declaring
        return bracket

    if token.type == "LBRACE":
        if declaring and _ends_head(tokens, at):
            return OpenBracket(token.type, None, declaring)
        return OpenBracket(token.type, _callee_of_braces(tokens, at))
    return OpenBracket(token.type)


def _ends_head(tokens: Sequence[Token], at: int) -> bool:
    """Tell whether a brace ends the head of a declaration: no `=` stands between its word and the brace."""
    depth = 0
    for token in reversed(tokens[:at]):
        depth += (token.type in CLOSING) - (token.type in OPENING)
        if not depth and token.type == "EQUAL":
            return False
        if not depth and token.type in _OWNERS:
            return True
    return False


def _callee_of_braces(tokens: Sequence[Token], at: int) -> Token | None:
    """The stage that braces belong to: the name before them, or before its arguments."""
    depth = 0
    for token in reversed(tokens[:at]):
        depth += (token.type in CLOSING) - (token.type in OPENING)
        if depth or token.type in CLOSING or token.type in OPENING:
            continue
        if token.type == "NAME":
            return token
        return None
    return None


def _argument(bracket: OpenBracket, token: Token, tokens: Sequence[Token], at: int) -> None:
    """Count what stands in a bracket."""
    if token.type == "COMMA":
        bracket.position += bracket.named is None
        bracket.named, bracket.is_empty = None, True
        return
    if token.type == "EQUAL" and tokens[at - 1].type == "NAME" and bracket.opener == "LPAR":
        bracket.named = tokens[at - 1].text
        bracket.given.append(bracket.named)
    bracket.is_empty = False


def _wanted(reading: Reading, before: Sequence[Token], brackets: Sequence[OpenBracket], start: int) -> Wanted:
    if not before:
        return "first line"
    last = before[-1]
    if last.type == "ARCHLANG" or last.type in _NAMING:
        return "nothing"
    if last.type == "IMPORT" or (last.type == "DOT" and _in_import(before)):
        return "module"
    if last.type == "DOT":
        return "field"
    if last.type == "ARROW":
        return "stage"

    text = reading.source.text
    # A statement begins where nothing stands before it on its line.
    is_first = not text[text.rfind("\n", 0, start) + 1 : start].strip()
    if not brackets:
        return _outside(last, is_first, before)
    if brackets[-1].opener == "LPAR":
        return _in_parentheses(brackets[-1], last, before)
    if brackets[-1].opener == "LSQB":
        return "value"
    return _in_braces(brackets, last, is_first)


def _outside(last: Token, is_first: bool, before: Sequence[Token]) -> Wanted:
    if last.type == "EQUAL":
        return "flow"
    if _in_import(before) and not is_first:
        return "nothing"
    if is_first or last.type in ("RBRACE", "DOC", "NUMBER", "RPAR"):
        return "declaration"
    return _behind_operator(last)


def _in_parentheses(inner: OpenBracket, last: Token, before: Sequence[Token]) -> Wanted:
    begins = last.type in ("LPAR", "COMMA")
    if begins and _in_import(before):
        return "imported"
    if begins and not inner.owner and inner.callee is not None:
        return "argument"
    if begins and not inner.owner and not _in_import(before):
        return "flow"
    if last.type == "EQUAL":
        return "value"
    return _behind_operator(last)


def _in_braces(brackets: Sequence[OpenBracket], last: Token, is_first: bool) -> Wanted:
    in_train = brackets[-1].owner in ("TRAIN", "PHASE", "STEP")
    begins = last.type in ("LBRACE", "HEAD_BRACE", "SEMICOLON", "DOC") or (is_first and not _is_operator(last))
    if last.type == "OUTPUT" or (last.type == "EQUAL" and not in_train):
        return "flow"
    if last.type in ("EQUAL", "IN"):
        return "value"
    if begins and in_train:
        return "setting"
    if begins:
        return "statement"
    return _behind_operator(last)


def _behind_operator(last: Token) -> Wanted:
    if _is_operator(last):
        return "value"
    return "nothing"


def _is_operator(token: Token) -> bool:
    return token.type in {
        "PLUS", "MINUS", "STAR", "SLASH", "FLOOR", "PERCENT", "POWER", "EQUALS", "DIFFERS", "LESSTHAN", "MORETHAN",
        "AT_MOST", "AT_LEAST", "AND", "OR", "NOT", "IF", "IN", "AT", "WHERE", "COLON",
    }  # fmt: skip


def _in_import(before: Sequence[Token]) -> bool:
    """Tell whether the last declaration before a place is an import that may still go on there."""
    for token in reversed(before):
        if token.type in DECLARATION_WORDS:
            return token.type == "IMPORT"
        if token.type in ("RPAR", "RBRACE", "EQUAL"):
            return False
    return False
