"""The lists of words in the Pygments lexer and in the TextMate grammar, as the language and the catalogue have them.

    python -m tests.editor.words

writes both anew; a test says when that is due.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from archlang.elaborate.scope import FUNCTIONS
from archlang.ops import CATALOGUE
from archlang.syntax.lexing import WORDS
from archlang.syntax.machine import grammar_text

ROOT = Path(__file__).resolve().parents[2]
LISTS = ROOT / "archlang" / "editor" / "words.py"
TEXTMATE = ROOT / "editors" / "vscode" / "syntaxes" / "arch.tmLanguage.json"

OPERATORS = ("and", "or", "not")
CONSTANTS = ("true", "false")
DECLARING = ("import", "let", "layer", "block", "code", "network", "train", "phase", "step", "input", "output")
FLOW = ("in", "for", "if", "else", "as", "at", "from", "where")


def reserved() -> tuple[str, ...]:
    """The reserved words as the grammar itself says them: every word in quotes, but for those of one letter."""
    rules = re.sub(r"//[^\n]*", "", grammar_text())
    return tuple(sorted(set(re.findall(r'"([a-z]+)"', rules))))


def lists() -> dict[str, tuple[str, ...]]:
    """Every list by its name. A name of several meanings stands in the first list that has it."""
    stages = {name for name, op in CATALOGUE.ops.items() if not op.internal}
    structures = set(CATALOGUE.structures)
    settings = {name for role, name in CATALOGUE.settings if role != "declaration"} | CATALOGUE.words | {"auto"}
    functions = set(FUNCTIONS)
    return {
        "DECLARING": DECLARING, "FLOW": FLOW, "OPERATORS": OPERATORS, "CONSTANTS": CONSTANTS,
        "STAGES": tuple(sorted(stages - structures)),
        "STRUCTURES": tuple(sorted(structures)),
        "FUNCTIONS": tuple(sorted(functions - stages - structures)),
        "SETTINGS": tuple(sorted(settings - stages - structures - functions - set(WORDS))),
    }


def module_text() -> str:
    """The text of the module with the lists."""
    parts = ['"""The words that highlighters know. `python -m tests.editor.words` writes this file from the catalogue.',
             "", "They are written out so that a highlighter starts without the catalogue.", '"""', ""]
    docs = {
        "DECLARING": "Reserved words that begin a declaration or a statement.", "FLOW": "The other reserved words.",
        "OPERATORS": "Reserved words that are operators.", "CONSTANTS": "Reserved words that are values.",
        "STAGES": "Operations.", "STRUCTURES": "Stages that give structure.", "FUNCTIONS": "Functions of numbers.",
        "SETTINGS": "Settings and bare words: routers, losses, optimisers, paddings.",
    }
    for name, words in lists().items():
        parts += [f"{name} = (", *_rows(words), ")", f'"""{docs[name]}"""', ""]
    return "\n".join(parts)


def _rows(words: tuple[str, ...]) -> list[str]:
    rows, row = [], "   "
    for word in words:
        piece = f' "{word}",'
        if len(row) + len(piece) > 118:
            rows.append(row)
            row = "   "
        row += piece
    return [*rows, row]


def grammar() -> dict[str, Any]:
    """The TextMate grammar with the lists as they are now."""
    found: dict[str, Any] = json.loads(TEXTMATE.read_text(encoding="utf-8"))
    for name, words in lists().items():
        found["repository"][name.lower()]["match"] = rf"\b(?:{'|'.join(words)})\b"
    return found


def grammar_json() -> str:
    """The text of the TextMate grammar."""
    return json.dumps(grammar(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    LISTS.write_text(module_text(), encoding="utf-8")
    TEXTMATE.write_text(grammar_json(), encoding="utf-8")
