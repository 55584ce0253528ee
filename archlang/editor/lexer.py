"""A Pygments lexer: `.arch` in documentation, in notebooks and on a terminal, by the name `arch`.

>>> from archlang.editor.lexer import ArchLexer
>>> [(str(kind), text) for kind, text in ArchLexer().get_tokens("x -> relu") if text.strip()]
[('Token.Name', 'x'), ('Token.Operator', '->'), ('Token.Name.Builtin', 'relu')]
"""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, words  # type: ignore[import-untyped]
from pygments.token import (  # type: ignore[import-untyped]
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

from archlang.editor.words import (
    CONSTANTS,
    DECLARING,
    FLOW,
    FUNCTIONS,
    OPERATORS,
    SETTINGS,
    STAGES,
    STRUCTURES,
)

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


class ArchLexer(RegexLexer):  # type: ignore[misc]  # Pygments has no types
    """Words of the language and of the catalogue, literals, comments and doc strings. It knows no scopes."""

    name = "archlang"
    aliases: ClassVar[list[str]] = ["arch", "archlang"]
    filenames: ClassVar[list[str]] = ["*.arch"]
    mimetypes: ClassVar[list[str]] = ["text/x-archlang"]

    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            (r"\s+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (r'"""', String.Doc, "doc"),
            (r'"', String.Double, "string"),
            (r"(archlang)([ \t]+)([0-9]+)\b", bygroups(Keyword.Namespace, Whitespace, Number.Integer)),
            (rf"(block|network)(\s+)({_NAME})", bygroups(Keyword.Declaration, Whitespace, Name.Class)),
            (rf"(code|let|layer|input|phase|step)(\s+)({_NAME})",
             bygroups(Keyword.Declaration, Whitespace, Name.Variable)),
            (words(DECLARING, prefix=r"\b", suffix=r"\b"), Keyword.Declaration),
            (words(FLOW, prefix=r"\b", suffix=r"\b"), Keyword),
            (words(OPERATORS, prefix=r"\b", suffix=r"\b"), Operator.Word),
            (words(CONSTANTS, prefix=r"\b", suffix=r"\b"), Keyword.Constant),
            (rf"{_NAME}(?=[ \t]*=(?!=))", Name.Attribute),
            (words(STRUCTURES, prefix=r"\b", suffix=r"\b"), Name.Builtin.Pseudo),
            (words(STAGES, prefix=r"\b", suffix=r"\b"), Name.Builtin),
            (words(FUNCTIONS, prefix=r"\b", suffix=r"\b"), Name.Function),
            (words(SETTINGS, prefix=r"\b", suffix=r"\b"), Name.Constant),
            (r"archlang\b", Keyword),
            (_NAME, Name),
            (r"[0-9]+(?:x[0-9]+){1,2}\b", Number.Other),
            (r"[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?\b|[0-9]+[eE][+-]?[0-9]+\b", Number.Float),
            (r"[0-9]+\b", Number.Integer),
            (r"->|==|!=|<=|>=|//|\*\*|[<>+\-*/%=]", Operator),
            (r"[\[\](){},;:.]", Punctuation),
        ],
        "doc": [
            (r'"{3,5}', String.Doc, "#pop"),  # up to two quotes may stand before the three that close
            (r'[^"]+|"', String.Doc),
        ],
        "string": [
            (r'\\(?:["\\nt]|u\{[0-9A-Fa-f]{1,6}\})', String.Escape),
            (r'"', String.Double, "#pop"),
            (r'[^"\\\n]+', String.Double),
            (r"(?=\n)", String.Double, "#pop"),  # nobody has closed it: the next line is none of it
        ],
    }

    @staticmethod
    def analyse_text(text: str) -> float:
        """Tell how sure it is that a text is one of this language: the first line says it."""
        return float(text.startswith("archlang "))
