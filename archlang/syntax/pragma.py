"""The first line, `archlang 1`: the version of the language, and what tells these files from others in `.arch`."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import Diagnostic, error
from archlang.source import Source, Span
from archlang.syntax.lexing import Token

VERSION = 1


def check_pragma(source: Source, tokens: Sequence[Token]) -> Diagnostic | None:
    """What is wrong with the first line, if anything."""
    help = f"begin the file with the line `archlang {VERSION}`"
    if not tokens or tokens[0].type != "ARCHLANG":
        return error("missing-pragma", _without(tokens), Span(source, 0, len(source.line(1))), "", help=help)
    word = tokens[0].span
    if word.line != 1 or source.text[: word.start].strip():
        return error("missing-pragma", f"`archlang {VERSION}` is not the first line", word, "too late", help=help)
    number = tokens[1] if len(tokens) > 1 and not tokens[1].first else None
    if number is None or number.type != "NUMBER":
        place = Span(source, word.end, word.end)
        return error("missing-pragma", "the first line lacks its number", place, f"`{VERSION}` is missing", help=help)
    if number.text != str(VERSION):
        return error(
            "unsupported-version",
            f"this archlang reads version {VERSION} of the language",
            number.span,
            "another version",
            help=f"write `archlang {VERSION}`, or read the file with the archlang that it was written for",
        )
    if len(tokens) > 2 and not tokens[2].first:
        return error("missing-pragma", "the first line holds more than the version", tokens[2].span, "", help=help)
    return None


def _without(tokens: Sequence[Token]) -> str:
    return f"the first line is not `archlang {VERSION}`" if tokens else "the file is empty"
