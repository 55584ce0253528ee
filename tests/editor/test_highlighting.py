"""The Pygments lexer and the TextMate grammar: their words are the language's, and every file here passes."""

from __future__ import annotations

import json
import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from pygments.token import Error, Keyword, Name, String

from archlang.editor.lexer import ArchLexer
from archlang.syntax.lexing import WORDS
from tests.editor import words

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("specs", "examples", "archlang")
FILES = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.arch")]
GRAMMAR = json.loads(words.TEXTMATE.read_text(encoding="utf-8"))


def test_the_lists_are_those_of_the_catalogue() -> None:
    advice = "`python -m tests.editor.words` writes them anew"
    assert words.LISTS.read_text(encoding="utf-8") == words.module_text(), advice
    assert words.TEXTMATE.read_text(encoding="utf-8") == words.grammar_json(), advice


def test_the_reserved_words_are_those_of_the_grammar() -> None:
    listed = {*words.DECLARING, *words.FLOW, *words.OPERATORS, *words.CONSTANTS, "archlang"}
    assert listed == set(words.reserved()) == set(WORDS)


def lexed(text: str) -> list[tuple[Any, str]]:
    return list(ArchLexer(stripnl=False, ensurenl=False).get_tokens(text))


def test_every_file_is_lexed_without_an_error_and_nothing_is_lost() -> None:
    assert len(FILES) > 100
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        found = lexed(text)
        assert "".join(part for _, part in found) == text
        assert [part for kind, part in found if kind is Error] == [], path


def test_words_are_lexed_by_what_they_are() -> None:
    text = 'block unit(c) = in -> conv(3x3, c) -> each { relu } # end "x\n'
    found = {part: kind for kind, part in lexed(text)}
    assert (found["block"], found["unit"], found["in"]) == (Keyword.Declaration, Name.Class, Keyword)
    assert (found["conv"], found["each"]) == (Name.Builtin, Name.Builtin.Pseudo)
    assert all(kind is String.Doc for kind, _ in lexed('"""a "word" and two at the end"""""'))
    assert any(kind is Error for kind, _ in lexed("let a = €"))


def test_pygments_finds_the_lexer_once_archlang_is_installed() -> None:
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points."pygments.lexers"]\narch = "archlang.editor.lexer:ArchLexer"' in declared
    found = [point for point in entry_points(group="pygments.lexers") if point.value.startswith("archlang")]
    assert all(point.load() is ArchLexer for point in found)


# --- TextMate: as much of its rules as this grammar uses ------------------------------------------------------------


def rules(patterns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All patterns, those that are included in their places."""
    found = []
    for one in patterns:
        if "include" in one:
            found += rules([GRAMMAR["repository"][one["include"][1:]]])
        elif "match" in one or "begin" in one:
            found.append(one)
        else:
            found += rules(one["patterns"])
    return found


RULES = [(re.compile(one.get("match") or one["begin"]), one) for one in rules(GRAMMAR["patterns"])]


def scopes(line: str, open_rule: dict[str, Any] | None) -> tuple[list[tuple[str, str]], dict[str, Any] | None]:
    """The scopes of a line, and the rule that goes on behind it."""
    found, at = [], 0
    while at < len(line):
        if open_rule is not None:
            end = re.compile(open_rule["end"]).search(line, at)
            stop = len(line) if end is None else end.end()
            found.append((open_rule["name"], line[at:stop]))
            at, open_rule = stop, open_rule if end is None else None
            continue
        matches = [(match.start(), number) for number, (pattern, _) in enumerate(RULES)
                   if (match := pattern.search(line, at)) and match.group()]
        if not matches:
            found.append(("", line[at:]))
            break
        start, number = min(matches)
        if start > at:
            found.append(("", line[at:start]))
        pattern, rule = RULES[number]
        match = pattern.search(line, at)
        assert match is not None
        if "begin" in rule:
            open_rule = rule
        names = [rule.get("name", ""), *(one["name"] for one in rule.get("captures", {}).values())]
        found.append((names[-1], match.group()))
        at = match.end()
    return found, open_rule


def test_the_textmate_grammar_leaves_no_word_without_a_scope() -> None:
    for path in FILES:
        open_rule = None
        for line in path.read_text(encoding="utf-8").split("\n"):
            found, open_rule = scopes(line, open_rule)
            if open_rule is not None and open_rule["end"].endswith("|$"):
                open_rule = None
            assert "".join(part for _, part in found) == line
            assert not [part for scope, part in found if not scope and part.strip()], (path, line)


@pytest.mark.parametrize(("line", "part", "scope"), [
    ("  x = image -> conv(3x3, 8)", "conv", "support.function"),
    ("  x = image -> conv(3x3, 8)", "3x3", "constant.numeric"),
    ("# network", "# network", "comment"), ("  y = x -> each { relu }", "each", "keyword.other.structure"),
    ("network N {", "network N", "entity.name"), ("  lr = 0.1", "lr", "variable.parameter"),
    ("  a = conv2 -> in_it", "conv2", "variable.other"),
])
def test_textmate_scopes(line: str, part: str, scope: str) -> None:
    found = {text: name for name, text in scopes(line, None)[0]}
    assert found[part].startswith(scope)


def test_the_extension_names_files_that_are_there() -> None:
    folder = ROOT / "editors" / "vscode"
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    named = [package["main"], *(one["path"] for one in package["contributes"]["grammars"]),
             *(one["configuration"] for one in package["contributes"]["languages"])]
    assert all((folder / name).is_file() for name in named)
    json.loads((folder / "language-configuration.json").read_text(encoding="utf-8"))
    client = (folder / "extension.js").read_text(encoding="utf-8")
    assert all(f'"{one["command"]}"' in client for one in package["contributes"]["commands"])
