"""The LALR machine: lark's tables for the grammar, read ready-made, since working them out takes longer than a check.

The tables are JSON beside the grammar: data, no code. They carry a digest of the grammar and lark's version; where
either differs, the machine is made from the grammar. `python -m archlang.syntax` writes them anew; a test compares.
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

from archlang.syntax.build_tree import Builder

TABLES = "archlang.tables.json"
OPTIONS: dict[str, Any] = {
    "parser": "lalr", "lexer": "basic", "start": ["file"], "maybe_placeholders": False, "keep_all_tokens": True,
}


def folder() -> Path:
    """Where the grammar lies: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "grammars"
    return inside if inside.exists() else package.parent / "grammars"


def grammar_text() -> str:
    """The grammar as written."""
    return (folder() / "archlang.lark").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def machine() -> Lark:
    """The machine that reads files."""
    grammar = grammar_text()
    path = folder() / TABLES
    tables = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if tables.get("made_of") != made_of(grammar):
        return Lark(grammar, transformer=Builder(), **OPTIONS)
    data, memo = tables["data"], tables["memo"]
    parser = data["parser"]["parser"]
    parser["states"] = {int(number): _numbered(row) for number, row in parser["states"].items()}
    parser["tokens"] = _numbered(parser["tokens"])
    made: Lark = Lark._load_from_dict(data, _numbered(memo), transformer=Builder())  # type: ignore[no-untyped-call]
    return made  # read as lark's own stand-alone parsers read their tables


def made_of(grammar: str) -> str:
    """What tables belong to: lark's version and a digest of the grammar."""
    return f"lark {lark.__version__}, grammar {sha256(grammar.encode()).hexdigest()}"


def tables_text() -> str:
    """The tables of the grammar as it is now, as JSON with sorted keys."""
    grammar = grammar_text()
    data, memo = Lark(grammar, **OPTIONS).memo_serialize([TerminalDef, Rule])
    return json.dumps({"made_of": made_of(grammar), "data": data, "memo": memo}, sort_keys=True, separators=(",", ":"))


def _numbered(row: dict[str, Any]) -> dict[Any, Any]:
    """Keys as the numbers that they were before JSON made texts of them."""
    return {int(key) if key.lstrip("-").isdigit() else key: value for key, value in row.items()}
