"""A text as far as it can be read: its tokens, and a tree of all its declarations and statements that are finished.

While somebody types, most texts are wrong: a bracket is open, a flow ends in `->`. What is unfinished is cut back to the
last arrow before the place that cannot be read, or left out; all the rest is read as it stands. A name that an
unfinished part binds means nothing elsewhere: no shape is shown that the finished text might not have.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from archlang.editor.pieces import (
    Body,
    begins_statement,
    bound_in,
    declarations_in,
    marked_wrong,
    pieces_of,
    prefixes,
    without_pragma,
)
from archlang.limits import DEFAULT, Limits
from archlang.source import Source, Span
from archlang.syntax.brackets import check_brackets, mark_heads
from archlang.syntax.checks import check_tree
from archlang.syntax.lexing import Remark, Token, scan
from archlang.syntax.machine import read
from archlang.syntax.pragma import check_pragma
from archlang.syntax.tree import File

HIDDEN = "\N{EMPTY SET}"
"""The sign before a name that an unfinished part binds. No name that can be written begins so."""


@dataclass(frozen=True)
class Reading:
    """What can be read of a text.

    tokens    all of its words and signs
    remarks   its comments
    tree      its declarations, those of unfinished parts as far as they go: for names, the outline, places
    firm      the same for the compiler: names that unfinished parts bind are unknown in it
    is_whole  whether nothing had to be cut; `tree` and `firm` are then what the compiler reads
    """

    source: Source
    tokens: tuple[Token, ...] = ()
    remarks: tuple[Remark, ...] = ()
    tree: File = field(default_factory=lambda: File(()))
    firm: File = field(default_factory=lambda: File(()))
    is_whole: bool = False

    def is_finished(self, span: Span) -> bool:
        """Tell whether a part of the tree stands in the text to its end: what was cut ends behind the text."""
        return span.end <= len(self.source.text)


def reading_of(source: Source, limits: Limits = DEFAULT) -> Reading:
    """Read a text as far as it goes. Never raises; a text that is too large is not looked at."""
    if len(source.text) > limits.file_bytes:
        return Reading(source)

    scanned = scan(source, limits)
    remarks = tuple(scanned.remarks)
    tokens = tuple(scanned.tokens)
    if not scanned.is_whole or len(tokens) > limits.tokens:
        return Reading(source, tokens, remarks)

    sound = not scanned.mistakes and not check_pragma(source, scanned.tokens)
    if sound and not check_brackets(scanned.tokens, limits):
        file = read(mark_heads(scanned.tokens))
        if isinstance(file, File) and not check_tree(file, limits):
            return Reading(source, tokens, remarks, file, file, is_whole=True)
    return _Repair(source, tokens, limits).reading(marked_wrong(scanned), remarks)


class _Repair:
    """The walk over a text with mistakes in its form: each declaration, then each of its statements."""

    def __init__(self, source: Source, tokens: Sequence[Token], limits: Limits) -> None:
        self.source, self.written, self.limits = source, tuple(tokens), limits
        behind = Span(source, len(source.text), len(source.text) + 1)  # no part that is cut seems to be finished
        self.closer = Token("RBRACE", "}", behind)
        self.pragma = (Token("ARCHLANG", "archlang", Span(source, 0, 0)), Token("NUMBER", "1", Span(source, 0, 0), 1))
        self.kept: list[Token] = []
        self.firm: list[Token] = []
        self.hidden: set[str] = set()

    def reading(self, tokens: Sequence[Token], remarks: tuple[Remark, ...]) -> Reading:
        """Read what can be read of tokens, in which each misspelt one is marked."""
        for declaration in declarations_in(without_pragma(tokens)):
            self._declaration(declaration)

        tree = firm = self._file(self.kept)
        if self.hidden:
            firm = self._file(self._without_hidden())
        return Reading(self.source, self.written, remarks, tree or File(()), firm or File(()))

    def _file(self, tokens: Sequence[Token]) -> File | None:
        """The tree of a file of these tokens; None where they make none."""
        file = read(mark_heads([*self.pragma, *tokens]))
        if isinstance(file, File) and not check_tree(file, self.limits):
            return file
        return None

    def _declaration(self, tokens: Sequence[Token]) -> None:
        """Keep a declaration, or as much of it as can be read."""
        if self._file(tokens) is not None:
            self._keep(tokens)
            return

        body = pieces_of(tokens)
        if body is None:
            self._cut(tokens, (), ())
        else:
            self._body(body, tokens)

    def _body(self, body: Body, tokens: Sequence[Token]) -> None:
        """Keep the head of a declaration and each of its statements, or as much of one as can be read."""
        closing = body.closing or self.closer
        if isinstance(read([*self.pragma, *body.head, closing]), int):
            self.hidden |= bound_in(tokens)
            return

        kept, firm = len(self.kept), len(self.firm)
        self._keep(body.head)
        doubtful = not body.statements
        for statement in body.statements:
            if self._file([*body.short_head, *statement, closing]) is not None:
                self._keep(statement)
            else:
                self._cut(statement, body.short_head, (closing,))
            doubtful = doubtful or not begins_statement(statement)
        self._keep([closing])

        # Statements that may stand alone need not stand together, such as flows beside statements; and some braces must
        # hold something.
        doubtful = doubtful or len(self.kept) == kept + len(body.head) + 1
        if doubtful and self._file(self.kept[kept:]) is None:
            del self.kept[kept:], self.firm[firm:]
            self.hidden |= bound_in(tokens)

    def _keep(self, tokens: Sequence[Token]) -> None:
        self.kept += tokens
        self.firm += tokens

    def _cut(self, tokens: Sequence[Token], head: Sequence[Token], behind: Sequence[Token]) -> None:
        """Keep the longest beginning of a statement that ends before an arrow, its braces closed; or nothing."""
        names = bound_in(tokens)
        self.hidden |= names
        for beginning, open_braces in prefixes(tokens):
            closed = [*beginning, *[self.closer] * open_braces]
            if self._file([*head, *closed, *behind]) is not None:
                self.kept += closed
                # Bound under a name that nobody can write: its value is not known before it is finished.
                self.firm += [_hidden(token, names, 2 * HIDDEN) for token in closed]
                return

    def _without_hidden(self) -> list[Token]:
        """The tokens for the compiler: a name that an unfinished part binds stands for nothing."""
        return [_hidden(token, self.hidden, HIDDEN) for token in self.firm]


def _hidden(token: Token, names: Collection[str], sign: str) -> Token:
    if token.type == "NAME" and token.text in names:
        return replace(token, text=sign + token.text, value=None)
    return token


