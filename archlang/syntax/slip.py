"""A row of the table of slips, and the readings of a place and the edits that rows share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from archlang.dataclass import dataclass
from archlang.diagnostics import Fix
from archlang.source import Span
from archlang.syntax.facts import Facts

Where = Literal["token", "pair", "previous", "behind", "line"]
"""The token that does not fit, the pair of signs it is one of, the token before, the place behind that, or the first
token of the line."""

Words = str | Callable[[Facts], str]
"""Words of a message: fixed, with `{token}` and `{previous}` for the tokens here, or made from the facts."""


@dataclass(frozen=True)
class Slip:
    """One well-known mistake.

    `when` recognises it. `message` and `help` may hold `{token}`, `{previous}` and `{line}`: the token that does not
    fit, the one before it, and the first of the line. `where` chooses the place to underline, `name` is the kind of the
    diagnostic, `label` stands beside the place, `fix` makes the edit that mends it, and `examples` are texts with this
    mistake, without their first line.
    """

    when: Callable[[Facts], bool]
    message: str
    help: Words
    examples: tuple[str, ...]
    where: Where | Callable[[Facts], Span] = "token"
    name: str = "unexpected-token"
    label: str = ""
    fix: Callable[[Facts], Fix | None] | None = None


# --- readings --------------------------------------------------------------------------------------------------------


def pair(facts: Facts, first: str, second: str) -> bool:
    """Recognise two signs that stand side by side here, without a space between them."""
    here, before, after = facts.token, facts.previous, facts.next
    if here is None:
        return False

    if facts.type == second and before.type == first and before.end == here.start:
        return True
    return facts.type == first and after is not None and after.type == second and here.end == after.start


def pair_span(facts: Facts) -> Span:
    """The place of two signs that stand side by side here."""
    here, after = facts.place, facts.next
    if facts.previous.end == here.start:
        return facts.previous.span.to(here)
    if after is not None and after.start == here.end:
        return here.to(after.span)
    return here


def foreign(*words: str) -> Callable[[Facts], bool]:
    """Recognise a word of another language that begins a line, where the parser took it for a name."""

    def when(facts: Facts) -> bool:
        word = facts.line_token
        if word.type != "NAME" or word.text not in words:
            return False
        # `model = ...` and `layer.x` are no such words, though the line may hold another mistake.
        return facts.line[1:] == () or facts.line[1].type not in ("EQUAL", "DOT", "MINUS", "COLON", "ARROW")

    return when


# --- edits -----------------------------------------------------------------------------------------------------------


def token_becomes(text: str) -> Callable[[Facts], Fix | None]:
    """Put a text in place of the token that does not fit."""
    return lambda facts: Fix(facts.place, text)


def line_start_becomes(text: str) -> Callable[[Facts], Fix | None]:
    """Put a text in place of the first token of the line."""
    return lambda facts: Fix(facts.line_token.span, text)


def pair_becomes(text: str) -> Callable[[Facts], Fix | None]:
    """Put a text in place of two signs side by side."""
    return lambda facts: Fix(pair_span(facts), text)


def insert_behind_previous(text: str) -> Callable[[Facts], Fix | None]:
    """Put a text behind the token before."""
    return lambda facts: Fix(facts.behind, text)
