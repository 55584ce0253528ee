"""The LALR machine: reads tokens by tables that are ready-made, since making them takes longer than a check.

The tables are JSON beside the grammar: data, no code. They hold the text of the grammar that they are of; where it is
another one, they are made anew (`tables`). `python -m archlang.syntax` writes them; a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import Any

from archlang.dataclass import dataclass
from archlang.syntax.build_tree import TreeBuilder
from archlang.syntax.lexing import Token

TABLES = "archlang.tables.json"
END = "$END"
"""The type of what stands behind the last token."""


@dataclass(slots=True)
class HalfRead:
    """Parts that belong to a rule whose end is still to come. Rules with a name in `_` make these, and no node."""

    name: str
    items: list[Any]


@dataclass(frozen=True, slots=True)
class Reduction:
    """The end of a rule: the last `size` values become one.

    `make` makes the node of its parts; None: they stay half-read. `whole`: none of its parts is half-read. `single`: a
    part that is alone stays as it is. `passes`: there is one part, and always stays as it is. A name climbs through
    fifteen such rules, one for each operator.
    """

    name: str
    size: int
    make: Callable[[list[Any]], Any] | None
    whole: bool
    single: bool
    passes: bool


@dataclass(frozen=True)
class Machine:
    """The tables, with the states in which a file begins and ends, and ways taken before.

    A row of `states` holds for each type of token, and each name of a rule, what follows: the number of a state, or
    -1 - r where rule r ends before it.
    """

    states: Sequence[Mapping[str, int]]
    rules: Sequence[Reduction]
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
def machine() -> Machine:
    """The machine that reads files, made once in a process."""
    grammar = grammar_text()
    tables: dict[str, Any] = {}
    path = folder() / TABLES
    if path.exists():
        tables = json.loads(path.read_text(encoding="utf-8"))

    # Tables of another grammar are worse than none: they would read another language.
    if tables.get("grammar") != grammar:
        from archlang.syntax.tables import made

        tables = made(grammar)

    builder = TreeBuilder()
    lone = _lone(tables["rules"])
    rules = tuple(_reduction(builder, lone, *rule) for rule in tables["rules"])
    return Machine(tables["states"], rules, tables["start"], tables["end"])


def _lone(rules: Sequence[tuple[str, Sequence[str], bool]]) -> set[str]:
    """The half-read names that always hold a single whole part: as good as that part itself."""
    lone = {name for name, _, _ in rules if name.startswith("_")}
    while True:
        more = {
            name for name, parts, _ in rules
            if name in lone and (len(parts) != 1 or (parts[0].startswith("_") and parts[0] not in lone))
        }
        if not more:
            return lone
        lone -= more


def _reduction(builder: TreeBuilder, lone: set[str], name: str, parts: Sequence[str], single: bool) -> Reduction:
    make = None
    if not name.startswith("_"):
        make = getattr(builder, name)
    whole = all(part in lone or not part.startswith("_") for part in parts)
    # A bundle that always is of one is nothing but what is in it. Others keep their name, which explains mistakes.
    passes = len(parts) == 1 and (name in lone or (single and whole))
    return Reduction(name, len(parts), make, whole, single, passes)


def read(tokens: Sequence[Token]) -> Any:
    """Return what the tokens of a file make, or the number of those before the first that does not fit.

    The end of the file counts as a token behind them all.
    """
    table = machine()
    stack, values = [table.start], list[Any]()

    count = _advanced(table, tokens, stack, values)
    if count < len(tokens):
        return count

    _reduced(table, stack, values, END, table.states[stack[-1]].get(END))
    if stack[-1] != table.end:
        return count
    return values[-1]


def refused(tokens: Sequence[Token]) -> tuple[frozenset[str], tuple[Any, ...]]:
    """The types of tokens that may stand behind some that fit, and the values read by then."""
    table = machine()
    stack, values = [table.start], list[Any]()
    assert _advanced(table, tokens, stack, values) == len(tokens)

    types = (type_ for type_ in table.states[stack[-1]] if type_.isupper())
    return frozenset(type_ for type_ in types if _fits(table, list(stack), type_)), tuple(values)


def _advanced(table: Machine, tokens: Sequence[Token], stack: list[int], values: list[Any]) -> int:
    """Read tokens up to the first that does not fit; return the number of those before it."""
    states = table.states
    for count, token in enumerate(tokens):
        action = states[stack[-1]].get(token.type)
        # Most tokens end no rule: they need no call.
        if action is not None and action < 0:
            action = _reduced(table, stack, values, token.type, action)
        if action is None:
            return count

        stack.append(action)
        values.append(token)
    return len(tokens)


def _reduced(table: Machine, stack: list[int], values: list[Any], type_: str, action: int | None) -> int | None:
    """End every rule that ends before a token of a type; return the state behind it, None where it may not stand.

    `action` is what the table says of that token in the state reached.
    """
    states, rules = table.states, table.rules
    while action is not None and action < 0:
        rule = rules[-1 - action]
        if rule.passes:
            stack[-1] = _climbed(table, stack[-2], stack[-1], type_)
            action = states[stack[-1]].get(type_)
            continue

        # A rule may be empty, and `values[-0:]` would be all of them.
        parts: list[Any] = []
        size = rule.size
        if size:
            parts = values[-size:]
            del values[-size:], stack[-size:]
        if not rule.whole:
            parts = _taken_apart(parts)

        if rule.make is None:
            values.append(HalfRead(rule.name, parts))
        elif rule.single and len(parts) == 1:
            values.append(parts[0])
        else:
            values.append(rule.make(parts))
        state = states[stack[-1]][rule.name]
        stack.append(state)
        action = states[state].get(type_)
    return action


def _taken_apart(parts: list[Any]) -> list[Any]:
    """The parts of a rule, with those that are half-read taken apart."""
    items: list[Any] = []
    for part in parts:
        if not isinstance(part, HalfRead):
            items.append(part)
        elif items:
            items.extend(part.items)
        else:
            # A long row of items is read one by one. Its list is taken over: copied each time, it would be quadratic.
            items = part.items
    return items


def _climbed(table: Machine, below: int, state: int, type_: str) -> int:
    """The state behind all rules that a single value passes through unchanged before a token of a type.

    `below` is the state under that of the value. One way is taken thousands of times in a file, so each is kept.
    """
    way = (below, state, type_)
    if way in table.climbs:
        return table.climbs[way]

    action = table.states[state].get(type_)
    while action is not None and action < 0 and table.rules[-1 - action].passes:
        state = table.states[below][table.rules[-1 - action].name]
        action = table.states[state].get(type_)
    table.climbs[way] = state
    return state


def _fits(table: Machine, stack: list[int], type_: str) -> bool:
    """Tell whether a token of a type may stand next, by the states alone; the stack is used up."""
    while True:
        if stack[-1] == table.end and type_ == END:
            return True
        action = table.states[stack[-1]].get(type_)
        if action is None or action >= 0:
            return action is not None

        rule = table.rules[-1 - action]
        if rule.size:
            del stack[-rule.size :]
        stack.append(table.states[stack[-1]][rule.name])
