"""Edits that put tokens of a line into the brackets that they belong in."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import Fix
from archlang.syntax.facts import Facts, written
from archlang.syntax.lexing import Token
from archlang.syntax.recovery import OPENING

_CLOSING = frozenset({"RPAR", "RSQB", "RBRACE"})


def up_to(tokens: Sequence[Token], *types: str) -> Sequence[Token]:
    """The tokens before one of some types, or before a bracket that closes something around them."""
    depth = 0
    for at, token in enumerate(tokens):
        if depth == 0 and token.type in types:
            return tokens[:at]
        depth += (token.type in OPENING) - (token.type in _CLOSING)
        if depth < 0:
            return tokens[:at]
    return tokens


def names_in_parentheses(facts: Facts) -> Fix | None:
    """The names of `for k, c in rows`."""
    names = [facts.previous, *up_to(facts.rest_of_line, "IN")]
    if any(token.type not in ("NAME", "COMMA") for token in names):
        return None
    return Fix(names[0].span.to(names[-1].span), f"({written(names)})")


def branches_in_braces(facts: Facts) -> Fix | None:
    """The stages of `if test stage else stage`, or of `for name in list stage`."""
    rest = facts.rest_of_line
    if rest and rest[0].text == "then":
        rest = rest[1:]
    first = up_to(rest, "ELSE", "SEMICOLON")
    if not first:
        return None

    text, last = f"{{ {written(first)} }}", first[-1]
    behind = rest[len(first) :]
    if behind and behind[0].type == "ELSE":
        second = up_to(behind[1:], "ARROW", "SEMICOLON")
        if not second or second[0].type in ("IF", "LBRACE"):
            return None
        text, last = f"{text} else {{ {written(second)} }}", second[-1]
    return Fix(facts.place.to(last.span), text)


def sizes_in_brackets(facts: Facts) -> Fix | None:
    """The sizes of an input as `3x32x32` or in parentheses."""
    if facts.type == "SIZE":
        return Fix(facts.place, f"[{', '.join(facts.text.split('x'))}]")
    inner = up_to(facts.rest_of_line[1:], "RPAR")
    if facts.type != "LPAR" or not inner:
        return None
    closing = facts.rest_of_line[len(inner) + 1 : len(inner) + 2]
    if not closing:
        return None
    return Fix(facts.place.to(closing[0].span), f"[{written(inner)}]")


def settings_in_braces(facts: Facts) -> Fix | None:
    """The settings of `train(loss = ..., batch = 3)`."""
    behind = [token for token in facts.tokens if token.start > facts.place.start]
    rest, settings = list(behind), []
    while rest:
        setting = up_to(rest, "COMMA")
        if not setting:
            break
        settings.append(written(setting))
        last = rest[len(setting) : len(setting) + 1]
        rest = rest[len(setting) + 1 :]
        if last and last[0].type == "RPAR":
            return Fix(facts.place.to(last[0].span), f" {{ {'; '.join(settings)} }}")
    return None


def arguments_in_parentheses(facts: Facts) -> Fix | None:
    """The arguments of `conv[3x3, 8]`."""
    if facts.type != "COMMA" or facts.context_of_head[:1] != ("LSQB",):
        return None
    opened = next((at for at in reversed(range(facts.at)) if facts.tokens[at].type == "LSQB"), 0)
    name, inner = facts.tokens[opened - 1], up_to(facts.tokens[opened + 1 :], "RSQB")
    closing = facts.tokens[opened + 1 + len(inner) : opened + 2 + len(inner)]
    if name.type != "NAME" or name.end != facts.tokens[opened].start or not closing:
        return None
    return Fix(facts.tokens[opened].span.to(closing[0].span), f"({written(inner)})")


def bundle_in_parentheses(facts: Facts) -> Fix | None:
    """The members of `x = a, b -> concat`."""
    members = [facts.previous, *up_to(facts.rest_of_line, "ARROW", "SEMICOLON")]
    if any(token.type not in ("NAME", "COMMA") for token in members) or members[-1].type != "NAME":
        return None
    return Fix(members[0].span.to(members[-1].span), f"({written(members)})")
