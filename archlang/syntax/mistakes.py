"""What is said of a text that does not fit the grammar."""

from __future__ import annotations

from dataclasses import dataclass

from archlang.diagnostics import Diagnostic, error
from archlang.source import Span
from archlang.syntax.lexing import Token
from archlang.syntax.recovery import Piece


@dataclass(frozen=True)
class Refusal(Exception):
    token: Token | None
    previous: Token | None
    before: Token | None
    allowed: frozenset[str]
    context: tuple[str, ...]


def explain(refusal: Refusal, piece: Piece) -> Diagnostic | None:
    token = refusal.token or refusal.previous
    return error("unexpected-token", "unexpected", token.span)
