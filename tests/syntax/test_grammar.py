"""The grammar: no conflicts, the same words and signs as the lexer's, precedence, spans."""

from __future__ import annotations

import logging
import re

import lark
import pytest

from archlang.source import Source
from archlang.syntax import dump, grammar_text, parse, parse_expr, print_expr, tree, walk
from archlang.syntax.lexing import SIGNS, WORDS, scan
from archlang.syntax.machine import TABLES, folder, refused
from archlang.syntax.machine import machine as fresh
from archlang.syntax.tables import OPTIONS, tables_text
from tests.syntax.test_comments import SOURCES


@pytest.fixture(scope="module")
def machine() -> lark.Lark:
    return lark.Lark(grammar_text(), parser="lalr", lexer="basic", start=["file"], maybe_placeholders=False)


def test_there_is_no_conflict(caplog: pytest.LogCaptureFixture) -> None:
    lark.logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.DEBUG, lark.logger.name):
            lark.Lark(grammar_text(), parser="lalr", lexer="basic", start=["file"], debug=True)
    finally:
        lark.logger.removeHandler(caplog.handler)
    assert [record.message for record in caplog.records if "onflict" in record.message] == []


def test_the_tables_are_those_of_the_grammar() -> None:
    written = (folder() / TABLES).read_text()
    assert written == tables_text(grammar_text()) + "\n", "write them anew: python -m archlang.syntax"


def test_tables_of_another_grammar_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    # `let` is another word in it: the old tables would refuse it.
    grammar = grammar_text().replace('let: "let" NAME', 'let: "let" "code" NAME')
    monkeypatch.setattr("archlang.syntax.machine.grammar_text", lambda: grammar)
    made = fresh.__wrapped__()
    (behind_let,) = {row["LET"] for row in made.states if row.get("LET", -1) >= 0}
    assert set(made.states[behind_let]) == {"CODE"}


REFUSED = ["let", "let a = ", "block b(", "network N { x = ", "let a = [1, 2", "block b = in -> f(1) as", "train {"]


@pytest.mark.parametrize("text", REFUSED)
def test_what_may_follow_is_what_lark_says(text: str) -> None:
    tokens = scan(Source("test.arch", "archlang 1\n" + text)).tokens
    parser = lark.Lark(grammar_text(), **OPTIONS).parse_interactive()
    for token in tokens:
        parser.feed_token(lark.Token(token.type, token.text))
    assert refused(tokens)[0] == parser.accepts()


def test_a_conflict_would_be_seen(caplog: pytest.LogCaptureFixture) -> None:
    lark.logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.DEBUG, lark.logger.name):
            lark.Lark('file: "a" file "a" file | "b" | file "a"', parser="lalr", start=["file"], debug=True)
    except lark.exceptions.GrammarError:
        return
    finally:
        lark.logger.removeHandler(caplog.handler)
    assert any("onflict" in record.message for record in caplog.records)


def test_words_and_signs_are_the_lexers(machine: lark.Lark) -> None:
    fixed = {t.pattern.value: t.name for t in machine.terminals if isinstance(t.pattern, lark.lexer.PatternStr)}
    assert fixed == {**SIGNS, **{word: word.upper() for word in WORDS}}
    comment = re.search(r"// Reserved words:(.*?)\.\n", grammar_text(), re.DOTALL)
    assert comment is not None
    assert comment[1].replace("//", "").split() == list(WORDS)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_tokens_are_what_the_grammar_says(machine: lark.Lark, source: Source) -> None:
    patterns = {t.name: t.pattern.to_regexp() for t in machine.terminals}
    for token in scan(source).tokens:
        assert re.fullmatch(patterns[token.type], token.text)
    by_lark = [(str(t), t.start_pos) for t in machine.lex(source.text)]
    assert by_lark == [(token.text, token.start) for token in scan(source).tokens]


PRECEDENCE = [
    ("a -> b as c -> d", "a -> (b as c) -> d"),
    ("a or b as c", "(a or b) as c"),
    ("a or b and c or d", "(a or (b and c)) or d"),
    ("not a and b", "(not a) and b"),
    ("not a == b", "not (a == b)"),
    ("a + b == c * d", "(a + b) == (c * d)"),
    ("a - b - c", "(a - b) - c"),
    ("a / b // c % d * e", "(((a / b) // c) % d) * e"),
    ("a + b * c", "a + (b * c)"),
    ("-a * b", "(-a) * b"),
    ("a * -b", "a * (-b)"),
    ("- - a", "-(-a)"),
    ("-a at b", "-(a at b)"),
    ("3 * 3x1 at (1, 2)", "3 * (3x1 at (1, 2))"),
    ("-a.b[c](d)", "-(((a.b)[c])(d))"),
    ("3 * f(1) { a }", "3 * (f(1) { a })"),
    ("2 * for c in d { e }", "2 * (for c in d { e })"),
    ("if a { b } else if c { d } else { e }", "if a { b } else if c { d } else { e }"),
]


def bare(node: tree.TreeNode) -> str:
    """A dump without parentheses: those of the second column only show what belongs together."""
    lines = dump(node).replace("inner: ", "").split("\n")
    return " ".join(line.strip() for line in lines).replace("Parens ", "")


@pytest.mark.parametrize(("text", "meaning"), PRECEDENCE)
def test_precedence(text: str, meaning: str) -> None:
    def plain(written: str) -> str:
        return re.sub(r"(\w+(\[\d+\])?): ", "", bare(parse_expr(written)))

    assert plain(text) == plain(meaning)
    assert print_expr(parse_expr(text)).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_spans_hold_each_other_and_begin_and_end_at_words(source: Source) -> None:
    tokens = scan(source).tokens
    starts, ends = {token.start for token in tokens}, {token.end for token in tokens}
    for node in walk(parse(source)):
        if not isinstance(node, tree.File):
            assert node.span.start in starts and node.span.end in ends, node
        for child in [one for one in walk(node) if one is not node][:5]:
            assert node.span.start <= child.span.start <= child.span.end <= node.span.end


def test_spans_are_exact() -> None:
    text = "archlang 1\nblock b(c) = in -> conv( 3x3 , c )  as q -> if c == 1 { relu } # end\n"
    (block,) = parse(Source("test.arch", text)).declarations
    assert isinstance(block, tree.Block)
    assert block.span.text == text[11:-7]
    assert block.name_span.text == "b"
    assert isinstance(block.body, tree.Flow)
    named, test = block.body.steps[1:]
    assert isinstance(named, tree.As) and isinstance(test, tree.If)
    assert named.span.text == "conv( 3x3 , c )  as q"
    assert named.name_span.text == "q"
    assert named.step.span.text == "conv( 3x3 , c )"
    assert test.then.span.text == "{ relu }"
    assert test.test.span.text == "c == 1"


def test_semicolons_and_last_commas_may_stand() -> None:
    text = "let a = [1, 2,];\nblock b(c,) { x = in; ; y = x output f(x, y,); };\nblock d = parallel { a; b; }\n"
    assert len(parse(Source("test.arch", "archlang 1\n" + text)).declarations) == 3
