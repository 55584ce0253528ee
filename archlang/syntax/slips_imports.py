"""Slips of readers who come from Python and scripts in the imports of a file: their paths, their names, their signs."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import Fix
from archlang.source import Span
from archlang.syntax.facts import Facts, written
from archlang.syntax.lexing import WORDS, Token
from archlang.syntax.slip import Slip

STANDARD_BLOCKS = {
    "attention": "encoder", "backbone": "deep_stem", "boost": "boosted_unit", "coded": "coded_stage",
    "conv": "unit", "convnext": "convnext", "dense": "dense_layer", "heads": "pooled", "layers": "flattened",
    "mobile": "mbconv", "pce": "pce", "resnet": "basic", "segment": "aspp", "squeeze": "se_unit", "swin": "swin",
}
"""A block of each standard module, for imports that name none."""


# --- imports ---------------------------------------------------------------------------------------------------------


def _import_line(facts: Facts) -> tuple[Token, ...]:
    """The tokens of the line if it is an import, else none."""
    line = facts.line
    if len(line) > 1 and line[0].type == "IMPORT":
        return line
    return ()


def _import_text(facts: Facts) -> str:
    """The import that was meant: its path, and the names that the line holds, or one of the module's."""
    path, names = _path_and_names(_import_line(facts)[1:])
    if path in ("", "std"):
        path = "std.resnet"

    if not names:
        names = [STANDARD_BLOCKS.get(path.split(".")[-1], "name")]
    return f"import {path} ({', '.join(names)})"


def _path_and_names(line: Sequence[Token]) -> tuple[str, list[str]]:
    """Read `std.resnet.basic`, `basic from std.resnet`, `std.resnet: basic`, `std.resnet as r` and their like."""
    types = [token.type for token in line]
    if "FROM" in types:
        at = types.index("FROM")
        return written(line[at + 1 :]).rstrip(";"), _names(line[:at])

    end = 1  # the path is a text, or words with points between them; slashes were meant for those
    while types[:1] == ["NAME"] and types[end : end + 2] in (["DOT", "NAME"], ["SLASH", "NAME"]):
        end += 2
    words = [token.text.replace("/", ".") if token.type == "SLASH" else token.text for token in line[:end]]
    names = _names(line[end:])
    if "AS" in types[end : end + 1]:  # a module has no second name
        names = []
    if len(words) > 3 and words[0] == "std":  # `std.resnet.basic`
        names = [*words[4::2], *names]
        words = words[:3]
    return "".join(words), names


def _names(tokens: Sequence[Token]) -> list[str]:
    """The names among some tokens, each with its second name behind `as`."""
    names: list[str] = []
    for before, token in zip((None, *tokens), tokens, strict=False):
        if token.type == "NAME" and names and before is not None and before.type == "AS":
            names[-1] += f" as {token.text}"
        elif token.type == "NAME":
            names.append(token.text)
    return names


def _path_without_quotes(facts: Facts) -> str:
    """The path of `import ./blocks.arch (unit)`; empty for other lines."""
    line = _import_line(facts)
    if len(line) < 3 or line[1].type not in ("DOT", "SLASH"):
        return ""
    return "".join(token.text for token in _before_parenthesis(line[1:]))


def _before_parenthesis(tokens: Sequence[Token]) -> Sequence[Token]:
    at = next((at for at, token in enumerate(tokens) if token.type == "LPAR"), len(tokens))
    return tokens[:at]


def _path_span(facts: Facts) -> Span:
    path = _before_parenthesis(_import_line(facts)[1:])
    return path[0].span.to(path[-1].span)


def _is_other_import(facts: Facts) -> bool:
    """Recognise an import whose names do not stand in parentheses behind its path."""
    line = _import_line(facts)
    if not line or "IMPORT" not in facts.context:
        return False
    if facts.ended or facts.type not in ("LBRACE", "FROM", "COLON", "STAR", "COMMA", "AS", "IMPORT"):
        return facts.allowed <= {"LPAR", "DOT", "NAME"} and "LPAR" not in facts.context
    return "LPAR" not in facts.context or facts.type == "STAR"


def _other_import(facts: Facts) -> Fix | None:
    line = _import_line(facts)
    if not _path_and_names(line[1:])[1]:  # which names are wanted is the reader's to say
        return None
    return Fix(line[0].span.to(line[-1].span), _import_text(facts))


def _import_place(facts: Facts) -> Span:
    # Nothing may stand where the names are missing: then the gap is shown.
    if facts.ended or facts.first_of_line:
        return facts.behind
    return facts.place


def _is_reserved_module(facts: Facts) -> bool:
    """Recognise a reserved word in the path of an import."""
    in_path = "LPAR" not in facts.context and facts.previous_type == "DOT"
    return bool(_import_line(facts)) and in_path and facts.type.lower() in WORDS


IMPORTS: tuple[Slip, ...] = (
    Slip(
        _is_reserved_module,
        "`{token}` is a word of the language, and no module is called so",
        "give the file another name, or import it by its path: `import \"./blocks.arch\" (...)`",
        ("import my.block (unit)", "import lab.train.blocks (unit)"),
        name="reserved-word", label="reserved",
    ),
    Slip(
        lambda f: bool(_path_without_quotes(f)),
        "the path of a file stands in quotes",
        lambda f: f'write `import "{_path_without_quotes(f)}" (...)`',
        ("import ./blocks.arch (unit)", "import ../blocks.arch (unit)"),
        fix=lambda f: Fix(_path_span(f), f'"{_path_without_quotes(f)}"'),
    ),
    Slip(
        _is_other_import,
        "an import says which names it wants, in parentheses behind its path",
        lambda f: f"write `{_import_text(f)}`",
        ("import std.resnet { basic }", "import basic from std.resnet", "import std.resnet (*)", "import std.resnet",
         "import std.resnet.basic", "import std.resnet as r", 'import { unit } from "./a.arch"', "import std.*",
         'import "./a.arch"\nlet x = 1', "import std.conv: unit", "import my/blocks (unit)"),
        where=_import_place, fix=_other_import,
    ),
)  # fmt: skip
