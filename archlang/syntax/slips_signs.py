"""Slips with signs: those of other languages, and separators of the wrong kind."""

from __future__ import annotations

import re

from archlang.diagnostics import Fix
from archlang.source import Span
from archlang.syntax.enclosing import bundle_in_parentheses
from archlang.syntax.facts import Facts
from archlang.syntax.indented import in_braces_by_indent
from archlang.syntax.slip import Slip, line_start_becomes, pair, pair_becomes, token_becomes


def _comparison(facts: Facts) -> bool:
    """Recognise a second comparison: behind the first one more of a sum may follow, but no further comparison."""
    signs = {"EQUALS", "DIFFERS", "LESSTHAN", "MORETHAN", "AT_MOST", "AT_LEAST"}
    return facts.type in signs and "STAR" in facts.allowed and facts.type not in facts.allowed


def _equal_in_test(facts: Facts) -> bool:
    """Recognise `=` in the test of an `if` or a `where`, in parentheses or not."""
    if facts.type != "EQUAL":
        return False
    if "IF" in facts.context_of_head or "WHERE" in facts.context_of_head:
        return True

    opening = len(facts.context) - len(facts.context_of_head)
    return facts.context_of_head[:1] == ("LPAR",) and facts.context[:opening][-1:] == ("IF",)


def _listed_outputs(facts: Facts) -> str:
    first, second = facts.previous_shown, facts.next
    further = second.text if second else "other"
    return f"write `output {first}` and, with a name of its own, `output second = {further}`"


def _in_output(facts: Facts) -> bool:
    return facts.type == "COMMA" and facts.line[:1] != () and facts.line[0].type == "OUTPUT"


def _is_bundle(facts: Facts) -> bool:
    """Recognise `x = a, b` in braces: what follows the comma is no further `name = value`."""
    if facts.type != "COMMA" or facts.context_of_head[1:3] != ("NAME", "EQUAL"):
        return False
    rest = [token.type for token in facts.rest_of_line]
    if len(rest) == 1:  # a `,` at the end of a line separates statements
        return False
    return "SEMICOLON" in facts.allowed and rest[2:3] != ["EQUAL"]


def _in_arguments(facts: Facts) -> bool:
    """Recognise a place directly inside the parentheses of a call, and not of a declaration."""
    if facts.context_of_head[:1] != ("LPAR",):
        return False
    before = facts.context[: len(facts.context) - len(facts.context_of_head)]
    return before[-2:-1] not in (("BLOCK",), ("NETWORK",))


def _text_behind(facts: Facts) -> str:
    if facts.next is None:
        return ""
    return facts.next.text


def _sliced(facts: Facts) -> str:
    """The stage that takes the part of the first axis behind the batch: `x -> slice(0, stop = 16)` for `x[:, :16]`."""
    inner = "".join(token.text for token in facts.rest_of_line).partition("]")[0]
    batch, _, part = inner.partition(",")

    found = re.fullmatch(r"(\d*):(\d*)", part)
    if batch != ":" or found is None or not found[2]:
        return "x -> slice(0, stop = 4)"
    name = next((token.text for token in reversed(facts.tokens[: facts.at]) if token.type == "NAME"), "x")
    return f"{name} -> slice({found[1] or 0}, stop = {found[2]})"


def _in_parameters(facts: Facts) -> bool:
    """Recognise a place directly inside the parentheses of a declaration."""
    if facts.context_of_head[:1] != ("LPAR",):
        return False
    before = facts.context[: len(facts.context) - len(facts.context_of_head)]
    return before[-2:-1] in (("BLOCK",), ("NETWORK",))


def _share(facts: Facts) -> str:
    """The number of `50%`."""
    value = facts.tokens[facts.at - 2].value
    if not isinstance(value, int | float):
        return "0.5"
    return f"{value / 100:g}"


def _dashes(facts: Facts) -> Span | None:
    """The `--` of a comment that begins the line; a word of it may have been taken for a statement."""
    for span in (facts.place, facts.previous.span):
        line = span.source.line(span.line)
        if line.lstrip().startswith("-- "):
            start = span.source.starts[span.line - 1] + line.index("--")
            return Span(span.source, start, start + 2)
    return None


SIGNS: tuple[Slip, ...] = (
    # --- signs of other languages ---
    # The lexer reads `=>` and `/*` as two signs each.
    Slip(
        lambda f: pair(f, "EQUAL", "MORETHAN"),
        "an arrow is written `->`",
        "write `->`; at least is `>=`",
        ("block b = conv(3) => relu", "network N { x => conv(3) }"),
        where="pair", fix=pair_becomes("->"),
    ),
    Slip(
        lambda f: pair(f, "MORETHAN", "MORETHAN"),
        "an arrow is written `->`",
        "write `->`",
        ("block b = conv(3) >> relu", "network N { input x: [3]\n y = x >> relu\n output y }"),
        where="pair", fix=pair_becomes("->"),
    ),
    Slip(
        lambda f: pair(f, "LESSTHAN", "MORETHAN"),
        "different is written `!=`",
        "write `!=`",
        ("block b(s) = if s <> 1 { relu }",),
        where="pair", fix=pair_becomes("!="),
    ),
    Slip(
        lambda f: f.previous_type == "PERCENT" and f.type in ("RPAR", "COMMA", "RBRACE"),
        "a share is written as a number from 0 to 1, without `%`",
        lambda f: f"write `{_share(f)}`",
        ("block b = dropout(50%)", "block b = f(50%, 3)"),
        where="previous", fix=lambda f: Fix(f.tokens[f.at - 2].span.to(f.previous.span), _share(f)),
    ),
    Slip(
        lambda f: f.type == "MINUS" and f.previous_type == "NAME" and _text_behind(f).isidentifier()
        and f.context[-2:-1] in (("BLOCK",), ("NETWORK",), ("INPUT",), ("LET",), ("CODE",), ("LAYER",)),
        "a name consists of letters, digits and `_`",
        lambda f: f"write `{f.previous_text}_{_text_behind(f)}`",
        ("block se-block(r = 4) = conv(3)", "network my-net { input x: [3]\n output x }"),
        fix=lambda f: Fix(f.place, "_"),
    ),
    Slip(
        lambda f: f.type == "COLON" and f.context_of_head[:1] == ("LSQB",),
        "there are no slices in square brackets",
        lambda f: (f"a part of a tensor is taken by a stage: `{_sliced(f)}`, along `axis = height` or another axis; "
                   "an item of a list is `widths[0]`, and a loop runs over some: `for i in range(1, len(widths))`"),
        ("network N { input x: [3]\n y = x[:, 0]\n output y }", "network N { input x: [3]\n y = x[1:]\n output y }"),
    ),
    Slip(
        lambda f: pair(f, "SLASH", "STAR"),
        "a comment is written with `#`",
        "begin each line of the comment with `#`",
        ("/* a comment */ let x = 1", "let x = 1 /* one */"),
    ),
    Slip(
        lambda f: _dashes(f) is not None,
        "a comment is written with `#`, not with `--`",
        "begin the comment with `#`",
        ("-- a comment\nlet x = 1", "network N {\n input x: [3]\n -- one\n output x }"),
        where=lambda f: _dashes(f) or f.place, fix=lambda f: Fix(_dashes(f) or f.place, "#"),
    ),
    Slip(
        # The parser may stumble over any word of the comment; the line tells that it is one.
        lambda f: f.line_token.type == "FLOOR",
        "a comment is written with `#`",
        "`//` divides and floors; begin the comment with `#`",
        ("// a comment\nlet x = 1", "let x = 1\n// the first one", "network N {\n // one\n input x: [3]\n output x }"),
        where="line", fix=line_start_becomes("#"),
    ),
    Slip(
        lambda f: f.type in ("STAR", "POWER") and f.previous_type in ("LPAR", "COMMA") and _in_arguments(f),
        "arguments are not unpacked by `*` or `**`",
        "write each of them by itself: `name = value`",
        ("block b = conv(3x3, 8, **options)", "let x = f(*values)"),
    ),
    Slip(
        lambda f: f.type == "DOC",
        "a doc string does not belong here",
        "it stands right after the first line, before a declaration (not an `import`), or first inside its braces",
        ('block b = each { """no""" relu }', 'let x = """no"""', '"""a"""\n"""b"""\n"""c"""\nlet x = 1'),
    ),
    Slip(
        lambda f: _comparison(f) and f.type == "MORETHAN",
        "comparisons do not chain; a flow is written with `->`",
        "write `a -> b -> c`; of numbers, `a > b and b > c`",
        ("let x = 3 > 2 > 1", "network N { input x: [3]\n output x > relu > relu }"),
    ),
    Slip(
        _comparison,
        "comparisons do not chain",
        "write `a < b and b < c`",
        ("let x = 1 < 2 < 3", "let x = a == b == c"),
    ),
    Slip(
        _equal_in_test,
        "`=` gives a name; equal is written `==`",
        "write `==`",
        ("block b(s) = if s = 1 { relu }", "network N { input x: [3, H] where H = 3 output x }",
         "block b(s) = if (s = 1) { relu }"),
        fix=token_becomes("=="),
    ),
)  # fmt: skip


SEPARATORS: tuple[Slip, ...] = (
    # --- separators ---
    Slip(
        _in_output,
        "an `output` hands out one value",
        _listed_outputs,
        ("network N { input x: [3]\n output x, x }",),
    ),
    Slip(
        _is_bundle,
        "several values with `,` between them make a bundle, which stands in parentheses",
        "write `name = (a, b)`",
        ("network N { input x: [3]\n y = x, x -> concat\n output y }",),
        fix=bundle_in_parentheses,
    ),
    Slip(
        lambda f: f.type == "COMMA" and "SEMICOLON" in f.allowed and any(one.type == "WHERE" for one in f.line),
        "what is known of sizes has `and` between its parts, not `,`",
        "write `and`",
        ("network N { input x: [3, H, W] where H >= 8, W >= 8\n output x }",),
        fix=token_becomes(" and"),
    ),
    Slip(
        lambda f: f.type == "COMMA" and "SEMICOLON" in f.allowed,
        "flows and statements have `;` between them, not `,`",
        "write `;`, or leave the `,` out",
        ("block b = parallel { relu, gelu }", "train { a = 1, b = 2 }"),
        fix=token_becomes(";"),
    ),
    Slip(
        lambda f: f.type == "SEMICOLON" and "COMMA" in f.allowed,
        "inside `( )` and `[ ]` a `,` stands between two values",
        "write `,`",
        ("let x = [1; 2]", "block b = conv(3x3; 64)"),
        fix=token_becomes(","),
    ),
    Slip(
        lambda f: f.type == "COLON" and f.previous_type == "NAME" and _in_parameters(f),
        "a parameter has no type: its uses say what it may be",
        "write `{previous}` alone, or with a default: `{previous} = 3`",
        ("block b(c: int) = conv(3x3, c)", "network N(classes: int = 10) {\n input x: [3]\n output x }"),
        where="pair", fix=lambda f: Fix(f.place.to(f.next.span), "") if f.next is not None else None,
    ),
    Slip(
        lambda f: f.type == "COLON" and f.previous_type == "NAME" and _in_arguments(f),
        "an argument gets its value with `=`, not with `:`",
        "write `{previous} = ...`",
        ("block b = conv(3x3, 8, stride: 2)", "let x = f(a: 1)"),
        fix=token_becomes(" ="),
    ),
    Slip(
        lambda f: f.type == "LBRACE" and _in_arguments(f),
        "there are no dictionaries: arguments have names",
        "write each argument by itself: `name = value`",
        ("block b = conv(3x3, 8, {stride: 2})", 'let x = f({"a": 1})'),
    ),
    Slip(
        lambda f: f.type == "COLON" and bool({"LBRACE", "HEAD_BRACE"} & f.allowed),
        "a body stands in braces, and no `:` stands before it",
        "write `{ ... }` instead of `:`",
        ("network N: input x", "block b(s) = if s: relu", "train: loss = 1"),
        fix=in_braces_by_indent,
    ),
)  # fmt: skip
