"""Terminals of the grammar in words that a reader of messages knows."""

from __future__ import annotations

from collections.abc import Collection

from archlang.syntax.lexing import SIGNS, WORDS

_VALUE = {
    "NAME", "NUMBER", "SIZE", "STRING", "TRUE", "FALSE", "IN", "LPAR", "LSQB", "IF", "FOR", "MINUS", "PLUS", "NOT",
}  # fmt: skip
_CONTINUED = {
    "STAR", "SLASH", "FLOOR", "PERCENT", "POWER", "PLUS", "MINUS", "EQUALS", "DIFFERS", "LESSTHAN", "MORETHAN",
    "AT_MOST", "AT_LEAST", "AND", "OR", "AT", "AS", "LPAR", "LSQB", "LBRACE", "DOT",
}  # fmt: skip
_STATEMENT = {"LET", "LAYER", "INPUT", "OUTPUT", "PHASE", "STEP", "NAME"}
_DECLARATION = {"IMPORT", "LET", "BLOCK", "CODE", "NETWORK", "TRAIN"}

_SHOWN = {
    **{type: f"`{sign}`" for sign, type in SIGNS.items()},
    **{word.upper(): f"`{word}`" for word in WORDS},
    "HEAD_BRACE": "`{`", "NAME": "a name", "NUMBER": "a number", "SIZE": "a size", "STRING": "a string",
    "DOC": "a doc string", "$END": "the end of the file",
}  # fmt: skip

# After a complete value a parser allows some twenty terminals, which nobody wants to read one by one.
_GROUPS = (
    ({"NUMBER", "STRING"}, _VALUE, "a value"),
    ({"STAR", "DOT"}, _CONTINUED, "more of the value"),
    ({"STAR"}, _CONTINUED, "an operator"),
    ({"IMPORT", "NETWORK"}, _DECLARATION | {"DOC"}, "a declaration"),
    ({"LET", "OUTPUT"}, _STATEMENT, "a statement"),
)
"""If all terminals of the first set are allowed, the words stand for all of the second."""


def describe(allowed: Collection[str]) -> str:
    """Say in a few words which terminals may stand somewhere.

    >>> describe({"NAME", "STRING"})
    'a name or a string'
    >>> describe({"RPAR", "COMMA"})
    '`)` or `,`'
    """
    left, words = set(allowed), []
    for signs, covered, name in _GROUPS:
        if signs <= left:
            words.append(name)
            left -= covered
    words.extend(sorted(_SHOWN[type] for type in left - {"COMMENT"}))

    if len(words) <= 1:
        return "".join(words)
    return f"{', '.join(words[:-1])} or {words[-1]}"
