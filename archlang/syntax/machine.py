"""The LALR machine: lark's tables for the grammar, read ready-made, since making them takes longer than a check.

The tables are JSON beside the grammar: data, no code. They carry a digest of the grammar and lark's version; if either
differs, the machine is made from the grammar. `python -m archlang.syntax` writes them anew; a test compares.
"""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import lark
from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from archlang.syntax.build_tree import TreeBuilder

TABLES = "archlang.tables.json"
OPTIONS: dict[str, Any] = {
    "parser": "lalr", "lexer": "basic", "start": ["file"], "maybe_placeholders": False, "keep_all_tokens": True,
}


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
