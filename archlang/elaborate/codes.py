"""Codes: designed with bounded work, written in place, or read from a table; and what they promise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from archlang.diagnostics import ArchError, Diagnostic, Label
from archlang.elaborate.arguments import given_for
from archlang.elaborate.context import Build
from archlang.elaborate.placing import signature, signature_of
from archlang.elaborate.values import Env, Given, Poisoned
from archlang.ops.coded import CONTRACT
from archlang.ops.kinds import String
from archlang.ops.model import Arg, Setting
from archlang.ops.values import CodeValue
from archlang.source import Span
from archlang.syntax.tree import Argument, Call, CodeDeclaration, Expr, From, Name, Truth

if TYPE_CHECKING:
    from archlang.codes.contract import Contract

_WORDS = (Arg("words", String(), doc="a string of 0 and 1 for each class", many=True), *CONTRACT)
STEPS = 20_000
"""Steps that even the smallest search takes: a hundredth of a second."""

_FLAGS = frozenset({"balanced", "equal", "duplicates"})


def written(b: Build, expr: Call, env: Env) -> CodeValue:
    """`words("1100", "0011", distance = 4)`. Raises `Poisoned`."""
    from archlang.codes.code import Code as Words
    from archlang.codes.code import faults_of_words
    from archlang.codes.contract import faults

    given = given_for(b, signature("words", _WORDS), _flagged(expr.arguments or ()), expr.span, env)
    rows = tuple(given["words"])
    places = dict(enumerate(given.places.get("words", ())))

    # Rows of several lengths make no code that a contract could be held against.
    mistakes = faults_of_words(rows) or faults(Words(rows), _contract(given), expr.span, places)
    if mistakes:
        raise _reported(b, mistakes, expr.span)
    return CodeValue(rows, shared=given["duplicates"])


def from_table(b: Build, expr: From, env: Env) -> CodeValue:
    """`from "table.csv" (distance = 4)`. Raises `Poisoned`."""
    from archlang.codes.table import read

    given = given_for(b, signature("from", CONTRACT), _flagged(expr.arguments or ()), expr.span, env)
    table = b.files.get(id(expr))
    if table is None:  # it could not be read, and that is reported
        raise Poisoned

    try:
        code = read(table.data, table.name, _contract(given), b.limits)
    except ArchError as problem:
        raise _reported(b, problem.diagnostics, expr.span) from None
    return _kept(b, expr, CodeValue(code.words, code.names, shared=given["duplicates"]))


def designed(b: Build, setting: Setting, expr: Expr, arguments: Sequence[Argument], env: Env) -> CodeValue:
    """`design(classes = 10, branches = 10, active = 3)`. Raises `Poisoned`."""
    from archlang.codes import bounded_design
    from archlang.codes.contract import Contract, faults

    # In a block or an argument the search would run again for each copy of it.
    if not (b.active and isinstance(b.active[-1], CodeDeclaration)):
        raise b.refuse("misplaced-statement", "a code is designed in a declaration of its own", expr.span,
                       help="`code name = design(...)` beside the network, then `branches(name)`")

    given = given_for(b, signature_of(setting), _flagged(arguments), expr.span, env)
    sizes = given["classes"], given["branches"], given["active"]
    _count(b, sizes, given["distance"], expr.span)
    try:
        code = bounded_design(*sizes, distance=given["distance"], seed=given["seed"], span=expr.span).code
    except ArchError as problem:
        raise _reported(b, problem.diagnostics, expr.span) from None

    # The search is for sizes and a distance; whether its code is balanced too shows only here.
    mistakes = faults(code, Contract(*sizes, given["distance"], given["balanced"]), expr.span)
    if mistakes:
        raise _reported(b, mistakes, expr.span)
    return _kept(b, expr, CodeValue(code.words))


def _count(b: Build, sizes: tuple[int, int, int], distance: int | None, span: Span) -> None:
    """Count the work of a design before it begins. Raises `Poisoned`."""
    from archlang.codes.designing import bounded_steps, refuse_impossible, takes_too_long

    steps = bounded_steps(*sizes, distance)
    if steps:
        steps += STEPS
    try:
        refuse_impossible(*sizes, distance, span)  # what no code can do takes no search
        if steps > b.limits.search_steps:
            raise takes_too_long(*sizes, distance, span)
    except ArchError as problem:
        raise _reported(b, problem.diagnostics, span) from None

    classes, branches, active = sizes
    what = f"designing a code for {classes} classes of {active} in {branches} branches"
    b.search(steps, what, span, "design it once, by `archlang codes design`, and read it from its table")


def _kept(b: Build, expr: Expr, code: CodeValue) -> CodeValue:
    """Remember what a table or a search gave: a network as one file has the words in their place."""
    b.codes[id(expr)] = code
    return code


def _reported(b: Build, mistakes: Iterable[Diagnostic], span: Span) -> Poisoned:
    """Report mistakes, those without a place at `span`, and return what to raise after them."""
    for mistake in mistakes:
        if mistake.primary is None:
            mistake = replace(mistake, primary=Label(span, ""))
        b.report(mistake)
    return Poisoned()


def _contract(given: Given) -> Contract:
    from archlang.codes.contract import Contract

    return Contract(**{arg.name: given[arg.name] for arg in CONTRACT})


def _flagged(arguments: Sequence[Argument]) -> tuple[Argument, ...]:
    """A bare `balanced` means `balanced = true`."""
    written_out = []
    for argument in arguments:
        value = argument.value
        if argument.name is None and isinstance(value, Name) and value.text in _FLAGS:
            argument = replace(argument, name=value.text, value=Truth(True, span=value.span))
        written_out.append(argument)
    return tuple(written_out)
