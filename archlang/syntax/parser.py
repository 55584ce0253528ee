"""Text to tree. Everything that may be wrong with a text comes out as an `ArchError`.

A text passes four gates: spelling (`lexing`), brackets (`brackets`), grammar (`machine`), form (`checks`). A mistake at
one gate is reported together with those of the later gates that it cannot have caused.

>>> from archlang.source import Source
>>> parse(Source("demo.arch", "archlang 1\\nlet widths = [32, 64]\\n")).declarations[0].name
'widths'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import archlang.syntax.tree as tree
from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.limits import DEFAULT, Limits
from archlang.source import Source, Span
from archlang.syntax.brackets import check_brackets, mark_heads
from archlang.syntax.checks import check_tree
from archlang.syntax.comments import attach
from archlang.syntax.facts import Refusal
from archlang.syntax.lexing import Token, scan
from archlang.syntax.machine import HalfRead, read, refused
from archlang.syntax.pragma import check_pragma
from archlang.syntax.recovery import SourceFragment, declarations

_SWALLOWS_BRACKETS = ("unclosed-string", "too-many-tokens")
"""Mistakes that hide part of the text, so that brackets without a partner mean nothing."""


def decode(data: bytes, name: str, limits: Limits = DEFAULT) -> Source:
    """Read bytes as a source. A byte order mark is skipped.

    Args:
        data: the content of a file.
        name: the file as messages show it.
        limits: `file_bytes` bounds the size.

    Raises ArchError: `not-utf8`, `file-too-large`.
    """
    if len(data) > limits.file_bytes:
        raise ArchError(_too_large(Source(name, ""), limits))

    try:
        return Source(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as wrong:
        raise ArchError(_not_utf8(data, wrong.start, name)) from None


def parse(source: Source, limits: Limits = DEFAULT) -> tree.File:
    """Read a text as a tree with its comments. Raises one ArchError with every mistake found, in their order."""
    size = len(source.text.encode("utf-8", "surrogatepass"))
    if size > limits.file_bytes:
        raise ArchError(_too_large(source, limits))

    # Most files begin so, and need not be tried as another language's.
    if not source.text.startswith("archlang"):
        from archlang.syntax.foreign_file import foreign_file

        if foreign := foreign_file(source):
            raise ArchError(foreign)

    # Spelling, first line and brackets are judged together: none of their mistakes can cause one of the others.
    scanned = scan(source, limits)
    mistakes = list(scanned.mistakes)
    if not scanned.is_whole:  # brackets and statements without their end mean nothing
        raise ArchError(_first(mistakes, limits))
    if pragma := check_pragma(source, scanned.tokens):
        mistakes.append(pragma)
    brackets_count = not any(d.name in _SWALLOWS_BRACKETS for d in scanned.mistakes)
    if brackets_count and (bracket := check_brackets(scanned.tokens, limits)):
        mistakes.append(bracket)

    tokens = mark_heads(scanned.tokens)
    if mistakes:
        raise ArchError(_first([*mistakes, *_refusals(tokens, mistakes, limits)], limits))

    file = _read(tokens)
    if isinstance(file, int):
        raise ArchError(_first(_refusals(tokens, [], limits) or [_second_doc(tokens, file)], limits))

    if breaches := check_tree(file, limits):
        raise ArchError(_first(breaches, limits))

    # Comments last: they are no tokens, so the parser has not seen them.
    attach(file, scanned)
    return file


def parse_expr(text: str, name: str = "<expression>", limits: Limits = DEFAULT) -> tree.Expr:
    """Read a single expression, such as the value of a dial on the command line. Raises ArchError as `parse` does.

    >>> parse_expr("3 * 4").operator
    '*'
    """
    prefix = "archlang 1\nlet value = "
    file = parse(Source(name, prefix + text), limits)
    match file.declarations:
        case (tree.Let(value=value),):
            return value

    # The text went on with a declaration of its own, such as `3 let b = 4`.
    span = file.declarations[1].span
    raise ArchError(error("unexpected-token", "one expression is wanted here", span, "more than one"))


# --- the machine -----------------------------------------------------------------------------------------------------


def _read(tokens: Sequence[Token]) -> tree.File | int:
    """The tree of some tokens, or the index of the first that does not fit: their number if it is the end."""
    file = read(tokens)
    assert isinstance(file, tree.File | int)
    return file


def _refused(tokens: Sequence[Token], at: int) -> Refusal:
    """The state of the parser at the refused token.

    The tokens before it are read once more: a machine that has failed may have reduced rules on the way.
    """
    allowed, values = refused(tokens[:at])
    return Refusal(tuple(tokens), at, allowed, tuple(map(_word, values)))


def _word(value: object) -> str:
    """The name of a value on the parser's stack: a token's type, a half-read rule, the kind of a node."""
    if isinstance(value, Token):
        return value.type
    if isinstance(value, HalfRead):
        return value.name
    return type(value).__name__


# --- all mistakes of a file ------------------------------------------------------------------------------------------


def _refusals(tokens: list[Token], known: list[Diagnostic], limits: Limits) -> list[Diagnostic]:
    """The mistakes of each declaration, and of each statement in it, that holds none of the known ones."""
    mistakes: list[Diagnostic] = []
    for fragment in declarations(tokens, known):
        if len(mistakes) >= limits.diagnostics:  # a file of nothing but mistakes is not read to its end
            break

        file = _read(fragment.tokens)
        if isinstance(file, int):
            in_statements = filter(None, map(_refusal, fragment.statements()))
            refusals = list(islice(in_statements, limits.diagnostics))
            if not refusals:  # no body, or a mistake that no statement shows alone
                refusals = [_explained(_refused(fragment.tokens, file), fragment)]
            mistakes.extend(dict.fromkeys(refusals))  # each statement shows a wrong head again
        else:
            mistakes.extend(check_tree(file, limits))
    return mistakes


def _refusal(fragment: SourceFragment) -> Diagnostic | None:
    read = _read(fragment.tokens)
    if isinstance(read, int):
        return _explained(_refused(fragment.tokens, read), fragment)
    return None


def _second_doc(tokens: Sequence[Token], at: int) -> Diagnostic:
    """The mistake of a file whose declarations could all stand alone: a doc string that stands second."""
    return _explained(_refused(tokens, at), SourceFragment(tuple(tokens[:2]), tuple(tokens[2:]), None))


def _explained(refusal: Refusal, fragment: SourceFragment) -> Diagnostic:
    """The mistake that a refused text shows."""
    # Imported for a mistake alone: a text without one starts without the table of slips.
    from archlang.syntax.mistakes import explain

    return explain(refusal, fragment)


def _first(mistakes: Iterable[Diagnostic], limits: Limits) -> list[Diagnostic]:
    """The mistakes in the order of the text, up to one more than are shown, which tells that there are others."""
    ordered = sorted(mistakes, key=lambda d: d.primary.span.start if d.primary else 0)
    return ordered[: limits.diagnostics + 1]


# --- bytes -----------------------------------------------------------------------------------------------------------


def _not_utf8(data: bytes, at: int, name: str) -> Diagnostic:
    """The diagnostic for byte `at`, in a source whose undecodable bytes are shown as U+FFFD."""
    before = data[:at].decode("utf-8-sig", "replace")
    after = data[at:].decode("utf-8", "replace")
    source = Source(name, before + after)

    span = Span(source, len(before), len(before) + 1)
    message = f"byte {data[at]:#04x} is not UTF-8"
    return error("not-utf8", message, span, "here", help="save the file with the encoding UTF-8")


def _too_large(source: Source, limits: Limits) -> Diagnostic:
    message = f"the file has more than the {limits.file_bytes:,} bytes that are read"
    return error("file-too-large", message, Span(source, 0, 0), "", help="put blocks into files of their own")
