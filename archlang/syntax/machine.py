"""The LALR machine: lark's tables for the grammar, read ready-made, since making them takes longer than a check.

The tables are JSON beside the grammar: data, no code. They carry a digest of the grammar and lark's version; if either
differs, the machine is made from the grammar. `python -m archlang.syntax` writes them anew; a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import lark
from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef
from lark.parse_tree_builder import ExpandSingleChild
from lark.parsers.lalr_analysis import Shift

from archlang.syntax.build_tree import TreeBuilder
from archlang.syntax.lexing import Token

TABLES = "archlang.tables.json"
OPTIONS: dict[str, Any] = {
    "parser": "lalr", "lexer": "basic", "start": ["file"], "maybe_placeholders": False, "keep_all_tokens": True,
}


@dataclass(frozen=True, slots=True)
class Reduction:
    """The end of a rule: the last `size` values become one, of the rule's `name`.

    `passes`: there is one, and it stays as it is. A single name climbs through ten such rules, one for each operator.
    """

    size: int
    name: str
    make: Callable[[list[Any]], Any]
    passes: bool


Table = Mapping[int, Mapping[str, int | Reduction]]
"""For each state and type of token the next state, or the rule that ends before the token."""


@dataclass(frozen=True)
class Actions:
    """The tables of the machine, with the states in which a file begins and ends, and ways taken before."""

    states: Table
    start: int
    end: int
    climbs: dict[tuple[int, int, str], int] = field(default_factory=dict)


def folder() -> Path:
    """The folder of the grammar: inside the package once it is installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "grammars"
    if inside.exists():
        return inside
    return package.parent / "grammars"


def grammar_text() -> str:
    """The grammar as written."""
    return (folder() / "archlang.lark").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def machine() -> Lark:
    """The machine that reads files, made once in a process."""
    grammar = grammar_text()
    tables: dict[str, Any] = {}
    path = folder() / TABLES
    if path.exists():
        tables = json.loads(path.read_text(encoding="utf-8"))

    # Tables of another grammar or lark are worse than none: they would read another language.
    if tables.get("made_of") != made_of(grammar):
        return Lark(grammar, transformer=TreeBuilder(), **OPTIONS)

    data, memo = tables["data"], tables["memo"]
    parser = data["parser"]["parser"]
    parser["states"] = {int(number): _with_numeric_keys(row) for number, row in parser["states"].items()}
    parser["tokens"] = _with_numeric_keys(parser["tokens"])

    # lark's own stand-alone parsers read their tables through this method.
    ready_made: Lark = Lark._load_from_dict(  # type: ignore[no-untyped-call]
        data, _with_numeric_keys(memo), transformer=TreeBuilder()
    )
    return ready_made


@lru_cache(maxsize=1)
def actions() -> Actions:
    """The tables as they are read for each token.

    lark itself finds what a rule makes by the hash of the rule, which is worked out anew each time; that took more time
    than all else of a long text.
    """
    conf = machine().parse_interactive().parser_state.parse_conf
    reductions: dict[int, Reduction] = {}
    states: dict[int, dict[str, int | Reduction]] = {}

    for state, row in conf.states.items():
        states[state] = {}
        for type_, (action, argument) in row.items():
            if action is Shift:
                states[state][type_] = argument
                continue
            if id(argument) not in reductions:
                size, make = len(argument.expansion), conf.callbacks[argument]
                passes = size == 1 and isinstance(make, ExpandSingleChild)
                reductions[id(argument)] = Reduction(size, argument.origin.name, make, passes)
            states[state][type_] = reductions[id(argument)]
    return Actions(states, conf.start_state, conf.end_state)


def read(tokens: Sequence[Token]) -> Any:
    """Return what the tokens of a file make, or the number of those before the first that does not fit.

    The end of the file counts as a token behind them all.
    """
    table = actions()
    states, stack = table.states, [table.start]
    values: list[Any] = []

    for count, token in enumerate(tokens):
        if not _reduced(table, stack, values, token.type):
            return count
        following = states[stack[-1]][token.type]
        assert isinstance(following, int)
        stack.append(following)
        values.append(token)

    if not _reduced(table, stack, values, "$END"):
        return len(tokens)
    return values[-1]


def _reduced(table: Actions, stack: list[int], values: list[Any], type_: str) -> bool:
    """End every rule that ends before a token of a type; return False where no such token may stand."""
    while True:
        state = stack[-1]
        if state == table.end and type_ == "$END":
            return True
        action = table.states[state].get(type_)
        if action is None:
            return False
        if isinstance(action, int):
            return True
        if action.passes:
            stack[-1] = _climbed(table, stack[-2], state, type_)
            continue

        # A rule may be empty, and `values[-0:]` would be all of them.
        parts: list[Any] = []
        if action.size:
            parts = values[-action.size :]
            del values[-action.size :], stack[-action.size :]
        values.append(action.make(parts))

        following = table.states[stack[-1]][action.name]
        assert isinstance(following, int)
        stack.append(following)


def _climbed(table: Actions, below: int, state: int, type_: str) -> int:
    """The state behind all rules that a single value passes through unchanged before a token of a type.

    `below` is the state under that of the value. One way is taken thousands of times in a file, so each is kept.
    """
    way = (below, state, type_)
    if way in table.climbs:
        return table.climbs[way]

    action = table.states[state].get(type_)
    while isinstance(action, Reduction) and action.passes:
        following = table.states[below][action.name]
        assert isinstance(following, int)
        state, action = following, table.states[following].get(type_)
    table.climbs[way] = state
    return state


def made_of(grammar: str) -> str:
    """The mark of the tables of a grammar: lark's version and a digest of the text."""
    return f"lark {lark.__version__}, grammar {sha256(grammar.encode()).hexdigest()}"


def tables_text() -> str:
    """The tables of the grammar as it is now, as JSON with sorted keys."""
    grammar = grammar_text()
    data, memo = Lark(grammar, **OPTIONS).memo_serialize([TerminalDef, Rule])
    return json.dumps({"made_of": made_of(grammar), "data": data, "memo": memo}, sort_keys=True, separators=(",", ":"))


def _with_numeric_keys(row: dict[str, Any]) -> dict[Any, Any]:
    """Turn keys back into the numbers that they were before JSON made texts of them."""
    restored: dict[Any, Any] = {}
    for key, value in row.items():
        if key.lstrip("-").isdigit():
            restored[int(key)] = value
        else:
            restored[key] = value
    return restored
