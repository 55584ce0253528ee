"""The tables of the machine, made of the grammar by lark: for whoever changes the grammar.

States and rules are numbered by the grammar alone, so that the same grammar always makes the same file.
"""

from __future__ import annotations

import json
from typing import Any

from lark import Lark
from lark.parsers.lalr_analysis import Shift

OPTIONS: dict[str, Any] = {
    "parser": "lalr", "lexer": "basic", "start": ["file"], "maybe_placeholders": False, "keep_all_tokens": True,
}


def made(grammar: str) -> dict[str, Any]:
    """The tables of a grammar, as `machine.Machine` reads them."""
    lark = Lark(grammar, **OPTIONS)
    table = lark.parse_interactive().parser_state.parse_conf
    numbers = {rule: number for number, rule in enumerate(lark.rules)}
    order = _in_order(table.states, table.start_state)

    states: list[dict[str, int]] = []
    for state in order:
        row: dict[str, int] = {}
        for type_, (action, argument) in sorted(table.states[state].items()):
            if action is Shift:
                row[type_] = order[argument]
            else:
                row[type_] = -1 - numbers[argument]
        states.append(row)

    rules = [
        [rule.origin.name, [part.name for part in rule.expansion], bool(rule.options.expand1)] for rule in lark.rules
    ]
    start, end = order[table.start_state], order[table.end_state]
    return {"grammar": grammar, "start": start, "end": end, "rules": rules, "states": states}


def tables_text(grammar: str) -> str:
    """The tables of a grammar as JSON."""
    return json.dumps(made(grammar), separators=(",", ":"))


def _in_order(states: dict[Any, Any], start: Any) -> dict[Any, int]:
    """The number of each state, in the order in which a walk from the first one meets them."""
    order = {start: 0}
    waiting = [start]
    for state in waiting:  # which grows meanwhile
        for _, (action, following) in sorted(states[state].items(), key=lambda entry: entry[0]):
            if action is Shift and following not in order:
                order[following] = len(order)
                waiting.append(following)
    return order
