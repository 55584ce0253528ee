"""The words of a text by what they mean: what an editor colours them by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archlang.editor.names import Binding
from archlang.editor.workspace import ArchText, OpenFiles
from archlang.source import Span
from archlang.syntax.lexing import SIGNS, WORDS, Token

TYPES = ("keyword", "function", "class", "variable", "parameter", "property", "enumMember", "number", "string",
         "comment", "operator", "namespace", "type", "macro")
"""Kinds of words, by the names that editors know. A stage is a function, a structure a macro, a block a class."""

MODIFIERS = ("declaration", "readonly", "defaultLibrary")
"""Further marks of a word: it is bound here, it is a static value, it is the catalogue's."""

_BY_SORT = {
    "import": "class", "let": "variable", "layer": "class", "block": "class", "code": "variable", "network": "type",
    "parameter": "parameter", "dial": "parameter", "tensor": "variable", "input": "variable", "size": "type",
    "loop": "parameter", "output": "variable",
}
_STATIC = {"let", "parameter", "dial", "loop", "size", "code"}


@dataclass(frozen=True)
class Coloured:
    """A part of the text on one line, what it is, and what is said of it besides."""

    span: Span
    type: str
    modifiers: tuple[str, ...] = ()


def coloured(files: OpenFiles, file: ArchText) -> list[Coloured]:
    """Every word, literal and comment of a text, in order; what spans lines is cut at their ends."""
    found = [Coloured(remark.comment.span, "comment") for remark in file.reading.remarks]
    arguments = {(one.span.start, one.span.end) for one in file.names.arguments}
    tokens = file.reading.tokens
    for at, token in enumerate(tokens):
        behind = ""
        if at + 1 < len(tokens):
            behind = tokens[at + 1].type
        one = _coloured(files, file, token, behind, (token.start, token.end) in arguments)
        if one is not None:
            found.append(one)
    return sorted((part for one in found for part in _lines(one)), key=lambda one: one.span.start)


def _coloured(files: OpenFiles, file: ArchText, token: Token, behind: str, is_argument: bool) -> Coloured | None:
    if token.type == "NAME":
        return _name(files, file, token, behind, is_argument)
    if token.type in ("NUMBER", "SIZE"):
        return Coloured(token.span, "number")
    if token.type in ("STRING", "DOC"):
        return Coloured(token.span, "string")
    if token.text in WORDS:
        return Coloured(token.span, "keyword")
    if token.text in SIGNS and token.text not in "()[]{},;:.":
        return Coloured(token.span, "operator")
    return None


def _name(files: OpenFiles, file: ArchText, token: Token, behind: str, is_argument: bool) -> Coloured | None:
    # What the file binds comes before the catalogue: a block may be called as a stage is.
    binding = file.names.meaning.get((token.start, token.end))
    if binding is not None:
        return Coloured(token.span, _BY_SORT[binding.sort], _modifiers(binding, token))
    if is_argument or behind == "EQUAL":
        return Coloured(token.span, "property")

    catalogue = files.catalogue
    if token.text in catalogue.ops and not catalogue.ops[token.text].internal:
        return Coloured(token.span, "function", ("defaultLibrary",))
    if token.text in catalogue.structures:
        return Coloured(token.span, "macro", ("defaultLibrary",))
    if catalogue.roles_of(token.text) or token.text in catalogue.words or token.text == "auto":
        return Coloured(token.span, "enumMember", ("defaultLibrary",))
    return None


def _modifiers(binding: Binding, token: Token) -> tuple[str, ...]:
    said = []
    if binding.span.start == token.start:
        said.append("declaration")
    if binding.sort in _STATIC:
        said.append("readonly")
    return tuple(said)


def _lines(one: Coloured) -> Iterator[Coloured]:
    """The parts of it on each line: most editors want no part over several."""
    source = one.span.source
    start = one.span.start
    for line in one.span.text.splitlines(keepends=True):
        text = line.rstrip("\r\n")
        if text:
            yield Coloured(Span(source, start, start + len(text)), one.type, one.modifiers)
        start += len(line)
