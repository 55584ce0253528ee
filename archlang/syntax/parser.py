"""Text to tree. Everything that may be wrong with a text comes out as an `ArchError`.

>>> from archlang.source import Source
>>> parse(Source("demo.arch", "archlang 1\\nlet widths = [32, 64]\\n")).declarations[0].name
'widths'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from lark import Token as LarkToken
from lark import UnexpectedInput
from lark.parsers.lalr_interactive_parser import InteractiveParser

from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.limits import DEFAULT, Limits
from archlang.source import Source, Span
from archlang.syntax import tree
from archlang.syntax.brackets import check_brackets, mark_heads
from archlang.syntax.checks import check_tree
from archlang.syntax.comments import attach
from archlang.syntax.lexing import Token, scan
from archlang.syntax.machine import machine
from archlang.syntax.mistakes import Refusal, explain
from archlang.syntax.pragma import check_pragma
from archlang.syntax.recovery import Piece, pieces


def decode(data: bytes, name: str, limits: Limits = DEFAULT) -> Source:
    """The source in some bytes; `not-utf8` or `file-too-large` where there is none. A byte order mark is skipped."""
    if len(data) > limits.file_bytes:
        raise ArchError(_too_large(Source(name, ""), len(data), limits))
    try:
        return Source(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as wrong:
        start = data[: wrong.start].decode("utf-8-sig", "replace")
        rest = data[wrong.start :].decode("utf-8", "replace")
        source = Source(name, start + rest)
        message = f"byte {data[wrong.start]:#04x} is not UTF-8"
        span = Span(source, len(start), len(start) + 1)
        raise ArchError(
            error("not-utf8", message, span, "here", help="save the file with the encoding UTF-8")
        ) from None


def parse(source: Source, limits: Limits = DEFAULT) -> tree.File:
    """The tree of a text, with its comments; raises one `ArchError` with every mistake found."""
    size = len(source.text.encode("utf-8", "surrogatepass"))
    if size > limits.file_bytes:
        raise ArchError(_too_large(source, size, limits))
    scanned = scan(source, limits)
    pragma = check_pragma(source, scanned.tokens)
    bracket = None
    if not any(d.name in ("unclosed-string", "too-many-tokens") for d in scanned.mistakes):
        bracket = check_brackets(scanned.tokens, limits)
    mistakes = [*scanned.mistakes, *(d for d in (pragma, bracket) if d)]
    tokens = mark_heads(scanned.tokens)
    if mistakes:
        raise ArchError(_sorted([*mistakes, *_refusals(tokens, mistakes, limits)]))
    file = _read(tokens)
    if isinstance(file, int):
        raise ArchError(_sorted(_refusals(tokens, [], limits) or [_misplaced(tokens, file)]))
    if found := check_tree(file, limits):
        raise ArchError(found)
    attach(file, scanned)
    return file


def parse_expr(text: str, name: str = "<expression>", limits: Limits = DEFAULT) -> tree.Expr:
    """The tree of a single expression, such as a dial's value on the command line.

    >>> parse_expr("3 * 4").operator
    '*'
    """
    prefix = "archlang 1\nlet value = "
    file = parse(Source(name, prefix + text), limits)
    match file.declarations:
        case (tree.Let(value=value),):
            return value
    span = file.declarations[1].span
    raise ArchError(error("unexpected-token", "one expression is wanted here", span, "more than one"))


def _read(tokens: Sequence[Token]) -> tree.File | int:
    """The tree of some tokens; or the index of the first that does not fit, their number where the end does not."""
    parser = machine().parse_interactive()
    read = 0
    try:
        for token in tokens:
            parser.feed_token(token)  # type: ignore[arg-type]  # the machine looks at `type` alone
            read += 1
        file = parser.feed_token(LarkToken("$END", ""))
    except UnexpectedInput:
        return read
    assert isinstance(file, tree.File)
    return file


def _refused(tokens: Sequence[Token], at: int) -> Refusal:
    """What was possible at the refused token: read again up to it, since the machine may reduce before it fails."""
    parser = machine().parse_interactive()
    for token in tokens[:at]:
        parser.feed_token(token)  # type: ignore[arg-type]  # as above
    allowed: set[str] = parser.accepts()  # type: ignore[no-untyped-call]  # untyped in lark
    return Refusal(tuple(tokens), at, frozenset(allowed), _context(parser))


def _context(parser: InteractiveParser) -> tuple[str, ...]:
    """What lies on the parser's stack: types of tokens, names of half-read rules, kinds of finished nodes."""
    stack: Sequence[Any] = parser.parser_state.value_stack
    return tuple(str(getattr(part, "data", getattr(part, "type", type(part).__name__))) for part in stack)


def _refusals(tokens: list[Token], known: list[Diagnostic], limits: Limits) -> list[Diagnostic]:
    """What is wrong with each declaration, and each statement in it, that holds none of the known mistakes."""
    found: list[Diagnostic] = []
    for piece in pieces(tokens, known):
        if len(found) >= limits.diagnostics:
            break
        file = _read(piece.tokens)
        if isinstance(file, int):
            inner = list(islice(filter(None, map(_refusal, piece.parts())), limits.diagnostics))
            found.extend(dict.fromkeys(inner or [explain(_refused(piece.tokens, file), piece)]))
        else:
            found.extend(check_tree(file, limits))
    return found


def _misplaced(tokens: Sequence[Token], at: int) -> Diagnostic:
    """What is wrong with a file each of whose declarations could stand alone: a doc string that stands second."""
    return explain(_refused(tokens, at), Piece(tuple(tokens[:2]), tuple(tokens[2:]), None))


def _refusal(piece: Piece) -> Diagnostic | None:
    read = _read(piece.tokens)
    return explain(_refused(piece.tokens, read), piece) if isinstance(read, int) else None


def _sorted(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    return sorted(diagnostics, key=lambda d: d.primary.span.start if d.primary else 0)


def _too_large(source: Source, size: int, limits: Limits) -> Diagnostic:
    message = f"the file has more than the {limits.file_bytes:,} bytes that are read"
    return error("file-too-large", message, Span(source, 0, 0), "", help="put blocks into files of their own")
