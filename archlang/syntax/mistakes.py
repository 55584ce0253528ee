"""The words for a text that does not fit the grammar: a row of the table of slips, or general words for the rest."""

from __future__ import annotations

from collections.abc import Callable

from archlang.diagnostics import Diagnostic, Fix, Label, error
from archlang.source import Span
from archlang.syntax.facts import Facts, Refusal
from archlang.syntax.mended import mended_line
from archlang.syntax.recovery import SourceFragment
from archlang.syntax.repair import repair
from archlang.syntax.slip import Slip, Where, pair_span
from archlang.syntax.slips import SLIPS
from archlang.syntax.words import describe


def explain(refusal: Refusal, fragment: SourceFragment) -> Diagnostic:
    """Make the diagnostic for the place at which the parser could not go on.

    Args:
        refusal: the token that does not fit, and those that would have.
        fragment: the tokens that were read, and the one that follows them in the file.
    """
    facts = Facts(refusal, fragment)

    for slip in SLIPS:
        if slip.when(facts):
            return _slip_diagnostic(slip, facts)
    return _general_diagnostic(facts)


def _slip_diagnostic(slip: Slip, facts: Facts) -> Diagnostic:
    secondary: tuple[Label, ...] = ()
    if slip.name == "brace-in-head" and facts.closed_head is not None:
        secondary = (Label(facts.closed_head, "these end the head"),)

    fix: Fix | None = None
    if slip.fix is not None:
        fix = slip.fix(facts)

    message = _filled(slip.message, facts)
    # The reader's own line says more than a form of it.
    if fix is not None and fix.text and (line := mended_line(fix)):
        help = f"write `{line}`"
    elif isinstance(slip.help, str):
        help = _filled(slip.help, facts)
    else:
        help = slip.help(facts)
    return error(slip.name, message, _place(slip.where, facts), slip.label, secondary=secondary, help=help, fix=fix)


def _filled(words: str, facts: Facts) -> str:
    # Not str.format: many messages show braces.
    words = words.replace("{line}", facts.line_token.text)
    return words.replace("{token}", facts.shown).replace("{previous}", facts.previous_shown)


def _place(where: Where | Callable[[Facts], Span], facts: Facts) -> Span:
    if callable(where):
        return where(facts)

    if where == "token":
        return facts.place
    # Two signs, not one, or another token than the one that does not fit.
    if where == "pair":
        return pair_span(facts)
    if where == "line":
        return facts.line_token.span
    if where == "previous":
        return facts.previous.span
    return facts.behind


def _general_diagnostic(facts: Facts) -> Diagnostic:
    expected = describe(facts.allowed)
    label = "nothing can follow"
    if expected:
        label = f"expected {expected}"

    help: tuple[str, ...] = ()
    fix = repair(facts)
    if fix is not None and (line := mended_line(fix)):
        help = (f"write `{line}`",)

    if facts.at_end:
        message = f"the file ends behind `{facts.previous_shown}`"
        return error("unexpected-end", message, facts.behind, label, help=help, fix=fix)
    if facts.is_gap:
        message = f"something is missing behind `{facts.previous_shown}`"
        notes = (f"`{facts.shown}` follows",)
        return error("unexpected-token", message, facts.behind, label, help=help, notes=notes, fix=fix)
    return error("unexpected-token", f"`{facts.shown}` cannot stand here", facts.place, label, help=help, fix=fix)
