"""The first line, `archlang 1`: the version of the language. It tells these files from others that end in `.arch`."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import Diagnostic, error
from archlang.source import Source, Span
from archlang.syntax.lexing import Token

VERSION = 1


def check_pragma(source: Source, tokens: Sequence[Token]) -> Diagnostic | None:
    """Find the fault of the first line, if it has one.

    Args:
        source: the whole text.
        tokens: all tokens of the text; there may be none.
    """
    help = f"begin the file with the line `archlang {VERSION}`"

    if not tokens:
        return error("missing-pragma", "the file is empty", Span(source, 0, len(source.line(1))), "", help=help)
    if tokens[0].type != "ARCHLANG":
        message = f"the first line is not `archlang {VERSION}`"
        return error("missing-pragma", message, Span(source, 0, len(source.line(1))), "", help=help)

    # A comment may not stand before it either: other programs look at the first line alone.
    word = tokens[0].span
    if word.line != 1 or source.text[: word.start].strip():
        return error("missing-pragma", f"`archlang {VERSION}` is not the first line", word, "too late", help=help)

    if len(tokens) < 2 or tokens[1].first or tokens[1].type != "NUMBER":
        place = Span(source, word.end, word.end)
        return error("missing-pragma", "the first line lacks its number", place, f"`{VERSION}` is missing", help=help)

    # The spelling is compared, not the value: `1.0` is no version.
    number = tokens[1]
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
