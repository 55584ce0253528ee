"""A text as far as it can be read: its tokens, and a tree of all its declarations and statements that are finished.

While somebody types, most texts are wrong: a bracket is open, a flow ends in `->`. What is unfinished is cut back to
the last arrow before the place that cannot be read, or left out; all the rest is read as it stands. A name that an
unfinished part binds means nothing elsewhere: no shape is shown that the finished text might not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from archlang.editor.pieces import (
    BodyPieces,
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


REPAIRED = 5_000
"""Words and signs of the longest text that is repaired: it is read several times at every key, some 300 lines."""


@dataclass(frozen=True)
class Reading:
    """A text as far as it can be read.

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

    # In the order of the compiler's own gates: spelling, first line, brackets, grammar, form.
    sound = not scanned.mistakes and not check_pragma(source, scanned.tokens)
    if sound and not check_brackets(scanned.tokens, limits):
        file = read(mark_heads(scanned.tokens))
        if isinstance(file, File) and not check_tree(file, limits):
            return Reading(source, tokens, remarks, file, file, is_whole=True)
    if len(tokens) > REPAIRED:
        return Reading(source, tokens, remarks)
    return _Repair(source, tokens, limits).reading(marked_wrong(scanned), remarks)


class _Repair:
    """The walk over a text with mistakes in its form: each declaration, then each of its statements."""

    def __init__(self, source: Source, tokens: Sequence[Token], limits: Limits) -> None:
        self.source, self.written, self.limits = source, tuple(tokens), limits
        behind = Span(source, len(source.text), len(source.text) + 1)  # no part that is cut seems to be finished
        self.closer = Token.at(behind, "RBRACE", "}")
        place = Span(source, 0, 0)
        self.pragma = (Token.at(place, "ARCHLANG", "archlang"), Token.at(place, "NUMBER", "1", 1))
        self.kept: list[_Kept] = []
        self.hidden: set[str] = set()

    def reading(self, tokens: Sequence[Token], remarks: tuple[Remark, ...]) -> Reading:
        """Read what can be read of tokens, in which each misspelt one is marked."""
        for declaration in declarations_in(without_pragma(tokens)):
            self._declaration(declaration)

        tree = self._joined([kept.file for kept in self.kept])
        # Nothing unfinished binds a name: both trees are one.
        firm = tree
        if self.hidden:
            firm = self._joined([self._without_hidden(kept) for kept in self.kept])
        return Reading(self.source, self.written, remarks, tree, firm)

    def _joined(self, files: Sequence[File | None]) -> File:
        """One file of the declarations of several."""
        declarations = [item for file in files if file is not None for item in file.declarations]
        return File(tuple(declarations), span=Span(self.source, 0, len(self.source.text)))

    def _file(self, tokens: Sequence[Token]) -> File | None:
        """The tree of a file of these tokens; None where they make none."""
        file = read(mark_heads([*self.pragma, *tokens]))
        if isinstance(file, File) and not check_tree(file, self.limits):
            return file
        return None

    def _declaration(self, tokens: Sequence[Token]) -> None:
        """Keep a declaration, or as much of it as can be read."""
        file = self._file(tokens)
        if file is not None:
            self.kept.append(_Kept(file, tuple(tokens)))
            return

        body = pieces_of(tokens)
        # A whole that cannot be read falls into statements, where it has any.
        pieces: list[_Piece] = []
        if body is None:
            pieces.append(self._cut(tokens, (), ()))
        elif isinstance(read([*self.pragma, *body.head, body.closing or self.closer]), File):
            closing = body.closing or self.closer
            pieces += [_Piece(body.head), *self._statements(body, closing), _Piece((closing,))]

        kept = _Kept(None, tuple(token for piece in pieces for token in piece.tokens),
                     frozenset(token.start for piece in pieces for token in piece.bound))
        kept = replace(kept, file=self._file(kept.tokens))
        # Statements that may stand alone need not stand together, such as flows beside statements.
        if kept.file is None:
            self.hidden |= bound_in(tokens)
        else:
            self.kept.append(kept)

    def _statements(self, body: BodyPieces, closing: Token) -> Iterator[_Piece]:
        """Each statement of a body, or as much of one as can be read."""
        for statement in body.statements:
            if self._file([*body.short_head, *statement, closing]) is not None:
                yield _Piece(statement)
            else:
                yield self._cut(statement, body.short_head, (closing,))

    def _cut(self, tokens: Sequence[Token], head: Sequence[Token], behind: Sequence[Token]) -> _Piece:
        """The longest beginning of a statement that ends before an arrow, its braces closed; or nothing."""
        names = bound_in(tokens)
        self.hidden |= names
        for beginning, open_braces in prefixes(tokens):
            closed = (*beginning, *[self.closer] * open_braces)
            if self._file([*head, *closed, *behind]) is not None:
                return _Piece(closed, tuple(token for token in beginning if token.text in names))
        return _Piece(())

    def _without_hidden(self, kept: _Kept) -> File | None:
        """A declaration for the compiler: a name that an unfinished part binds stands for nothing in it."""
        if not any(token.type == "NAME" and token.text in self.hidden for token in kept.tokens):
            return kept.file

        tokens = []
        for token in kept.tokens:
            sign = HIDDEN
            # Bound under a name that nobody can write: its value is not known before it is finished.
            if token.start in kept.bound:
                sign = 2 * HIDDEN
            if token.type == "NAME" and token.text in self.hidden:
                token = replace(token, text=sign + token.text)
            tokens.append(token)
        return self._file(tokens)


@dataclass(frozen=True)
class _Kept:
    """A declaration as far as it can be read: its tree, its tokens, and where unfinished parts of it bind names."""

    file: File | None
    tokens: tuple[Token, ...]
    bound: frozenset[int] = frozenset()


@dataclass(frozen=True)
class _Piece:
    """Tokens that stay of a part of a declaration; `bound`: the names in it that it binds, where it is unfinished."""

    tokens: Sequence[Token]
    bound: tuple[Token, ...] = ()
