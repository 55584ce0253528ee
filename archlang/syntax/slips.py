"""The table of well-known slips: texts that do not fit the grammar, the words for each, and the mend.

The table is read from top to bottom and the first row that fits speaks. So the order matters: a row about a certain
sign stands before one that would fit any. Each row brings wrong texts of its own; a test feeds them to the parser and
asks for the message of the row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from archlang.syntax.facts import WORD_TYPES, Facts

Where = Literal["token", "previous", "behind", "line"]
"""The token that does not fit, the one before it, the place right behind that, or the first token of the line."""


@dataclass(frozen=True)
class Slip:
    """One well-known mistake.

    `when` recognises it. `message` and `help` may hold `{token}` and `{previous}`: the token that does not fit and the
    one before it. `where` chooses the place to underline, `name` is the kind of the diagnostic, `label` stands beside
    the place, and `examples` are texts with this mistake, without their first line.
    """

    when: Callable[[Facts], bool]
    message: str
    help: str
    examples: tuple[str, ...]
    where: Where = "token"
    name: str = "unexpected-token"
    label: str = ""


def _comparison(facts: Facts) -> bool:
    """Recognise a second comparison: behind the first one more of a sum may follow, but no further comparison."""
    signs = {"EQUALS", "DIFFERS", "LESSTHAN", "MORETHAN", "AT_MOST", "AT_LEAST"}
    return facts.type in signs and "STAR" in facts.allowed and facts.type not in facts.allowed


def _pair(facts: Facts, first: str, second: str) -> bool:
    """Recognise two signs that stand side by side here, without a space between them."""
    here, before, after = facts.token, facts.previous, facts.next
    if here is None:
        return False

    if facts.type == second and before.type == first and before.end == here.start:
        return True
    return facts.type == first and after is not None and after.type == second and here.end == after.start


def _foreign(*words: str) -> Callable[[Facts], bool]:
    """Recognise a word of another language that was taken for a name, here or just before."""

    def when(facts: Facts) -> bool:
        return (facts.type == "NAME" and facts.text in words and facts.first_of_line) or facts.lonely in words

    return when


_CALLED_DECLARATIONS = ("def", "class", "function", "fn", "func", "module", "layer", "model", "net")

SLIPS: tuple[Slip, ...] = (
    # --- reserved words used as names ---
    # First of all, since almost every later row would take such a word for the beginning of something.
    Slip(
        lambda f: f.type == "EQUAL" and f.previous_type in WORD_TYPES and "EQUAL" not in f.allowed,
        "`{previous}` is a word of the language, so nothing can be called that",
        "choose another name, such as `{previous}_`",
        ("train { step = 3 }", "let let = 3", "network N { input = 3 }"),
        where="previous", name="reserved-word", label="reserved",
    ),
    Slip(
        lambda f: f.type in WORD_TYPES and f.next_type == "EQUAL" and f.type not in f.allowed and not f.ended,
        "`{token}` is a word of the language, so nothing can be called that",
        "choose another name, such as `{token}_`",
        ("network N {\n input x: [3]\n from = x\n output x }", "let x = f(at = 3)", "from = 3"),
        name="reserved-word", label="reserved",
    ),
    Slip(
        # Before the general rows for words: here `from` is meant as the word it is.
        lambda f: f.type == "FROM" and f.previous_type == "EQUAL" and "LET" in f.context,
        "only a `code` is read `from` a file",
        "write `code name = from \"file.csv\"`",
        ('let words = from "words.csv"',),
    ),
    Slip(
        lambda f: f.type == "ELSE" and not f.ended,
        "this `else` has no `if`",
        "`else` stands right behind the braces of an `if`",
        ("block b = else { relu }", "block b = each { relu } else { gelu }"),
    ),
    Slip(
        lambda f: f.type == "OUTPUT" and f.next_type in ("COMMA", "RPAR", "ARROW") and not f.first_of_line,
        "`output` hands a value out; it is no name to read it by",
        "name the flow, `logits = ...`, hand it out with `output logits`, and read `logits`",
        ("train { loss = cross_entropy(output, label) }", "train { loss = mse(output) }"),
        name="reserved-word", label="reserved",
    ),
    Slip(
        lambda f: f.type in WORD_TYPES and "NAME" in f.allowed and not f.first_of_line and not f.ended,
        "`{token}` is a word of the language, so nothing can be called that",
        "choose another name, such as `{token}_`",
        ("let x = let", "let step = 3", "block b(at) = relu", "block b = conv(3) as in", "let x = f(from = 3)"),
        name="reserved-word", label="reserved",
    ),
    # --- signs of other languages ---
    # The lexer reads `=>`, `/*` and `**` as two signs each.
    Slip(
        lambda f: _pair(f, "EQUAL", "MORETHAN"),
        "an arrow is written `->`",
        "write `->`; at least is `>=`",
        ("block b = conv(3) => relu", "network N { x => conv(3) }"),
    ),
    Slip(
        lambda f: _pair(f, "SLASH", "STAR"),
        "a comment is written with `#`",
        "begin each line of the comment with `#`",
        ("/* a comment */ let x = 1", "let x = 1 /* one */"),
    ),
    Slip(
        # The parser may stumble over any word of the comment; the line tells that it is one.
        lambda f: f.line_token.type == "FLOOR",
        "a comment is written with `#`",
        "`//` divides and floors; begin the comment with `#`",
        ("// a comment\nlet x = 1", "let x = 1\n// the first one", "network N {\n // one\n input x: [3]\n output x }"),
        where="line",
    ),
    Slip(
        lambda f: _pair(f, "STAR", "STAR"),
        "there is no power",
        "multiply: `c * c`",
        ("let x = 3 ** 2",),
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
        lambda f: f.type == "EQUAL" and ("IF" in f.context_of_head or "WHERE" in f.context_of_head),
        "`=` gives a name; equal is written `==`",
        "write `==`",
        ("block b(s) = if s = 1 { relu }", "network N { input x: [3, H] where H = 3 output x }"),
    ),
    # --- words of other languages ---
    # They are plain names here, so the parser goes on for a word or two before it stumbles.
    Slip(
        _foreign("return", "yield"),
        "a result is handed out with `output`",
        "write `output value`",
        ("block b { x = in -> relu\n return x }", "return x"),
        where="line",
    ),
    Slip(
        _foreign(*_CALLED_DECLARATIONS),
        "a part is declared with `block`, a whole with `network`",
        "write `block name(parameters) = flow` or `network name { ... }`",
        ("def f(x) = relu", "class Net { }", "let x = 1\nfunction f() { }"),
        where="line",
    ),
    Slip(
        _foreign("const", "var", "val", "set"),
        "a value is named with `let`",
        "write `let name = value`",
        ("const x = 3", "var y = 2"),
        where="line",
    ),
    Slip(
        lambda f: f.previous_type == "NAME" and f.previous_text in ("elif", "elsif", "elseif"),
        "a second test is written `else if`",
        "write `else if test { ... }`",
        ("block b(s) = if s { relu } elif s { gelu }", "network N { x = in -> if s { relu }\n elif s { gelu } }"),
        where="previous",
    ),
    Slip(
        lambda f: f.text in ("elif", "elsif", "elseif"),
        "a second test is written `else if`",
        "write `else if test { ... }`",
        ("let y = if s { relu } elif",),
    ),
    Slip(
        lambda f: f.type == "FROM" and f.at_file_level,
        "an import begins with `import`",
        "write `import std.resnet (projection)`",
        ("from std.resnet import projection",),
    ),
    # --- statements outside of the braces they belong in ---
    Slip(
        lambda f: f.type in ("INPUT", "OUTPUT", "PHASE", "STEP") and f.at_file_level,
        "`{token}` stands in the braces of a declaration",
        "`input` and `output` belong in a `network`, `phase` and `step` in a `train`",
        ("input x: [3]", "let x = 1\noutput x", "phase all { epochs = 1 }"),
    ),
    Slip(
        lambda f: f.type == "NAME" and f.at_file_level and f.next_type == "EQUAL",
        "a bare `=` stands in the braces of a declaration",
        "outside of them write `let {token} = ...`",
        ("widths = [1, 2]", "let x = 1\ny = 2"),
    ),
    # --- separators ---
    Slip(
        lambda f: f.type == "COMMA" and "SEMICOLON" in f.allowed,
        "flows and statements have `;` between them, not `,`",
        "write `;`, or leave the `,` out",
        ("block b = parallel { relu, gelu }", "train { a = 1, b = 2 }"),
    ),
    Slip(
        lambda f: f.type == "SEMICOLON" and "COMMA" in f.allowed,
        "inside `( )` and `[ ]` a `,` stands between two values",
        "write `,`",
        ("let x = [1; 2]", "block b = conv(3x3; 64)"),
    ),
    Slip(
        lambda f: f.type == "COLON" and bool({"LBRACE", "HEAD_BRACE"} & f.allowed),
        "a body stands in braces",
        "write `{ ... }` instead of `:`",
        ("network N: input x", "block b(s) = if s: relu", "train: loss = 1"),
    ),
    # --- the heads of declarations and of `if` and `for` ---
    Slip(
        lambda f: f.type == "LBRACE" and f.closed_head is not None,
        "the head of an `if` or a `for` has no braces of its own",
        "put what needs braces into parentheses: `if (stage { ... }) == x { ... }`",
        ("block b = if each { relu } { gelu }", "block b = for c in words { relu } { conv(c) }",
         "block b = if each { relu } == 3 { gelu }"),
        name="brace-in-head", where="token", label="so these are a second pair",
    ),
    Slip(
        lambda f: f.type == "EQUAL" and f.context[-2:] == ("INPUT", "NAME"),
        "the type of an input follows a colon",
        "write `input {previous}: [channels, height, width]`",
        ("network N { input x = [3, 32, 32] output x }",),
    ),
    Slip(
        lambda f: f.context[-2:] in (("NAME", "COLON"),) and f.allowed == {"LSQB"} and not f.ended,
        "the type of an input is a list of sizes",
        "write `[3, 32, 32]` for three channels of 32 x 32",
        ("network N { input x: 3x32x32 output x }", "network N { input x: (3, 32) output x }"),
    ),
    Slip(
        lambda f: f.context[-1:] == ("TRAIN",) and f.type == "NAME",
        "a `train` has no name",
        "write `train { ... }`; a file has one at most",
        ("train quick { loss = x }",),
    ),
    Slip(
        lambda f: f.type == "EQUAL" and "NETWORK" in f.context and "LBRACE" in f.allowed and "LBRACE" not in f.context,
        "a network is written with braces",
        "write `network name { input ...; output ... }`; a `block` may be one flow behind `=`",
        ("network N = conv(3)", "network N(a = 1) = conv(3)"),
    ),
    Slip(
        lambda f: "IMPORT" in f.context and "LPAR" not in f.context and f.allowed <= {"LPAR", "DOT", "NAME"},
        "an import says which names it wants",
        "write `import std.resnet (projection)`",
        ("import std.resnet", 'import "./a.arch"\nlet x = 1', "import std.resnet as r", "import std.*"),
        where="behind", label="names in parentheses are missing",
    ),
    # --- expressions ---
    Slip(
        lambda f: f.type == "EQUAL" and "EQUALS" in f.allowed,
        "only a plain name stands left of `=`",
        "equal is written `==`",
        ("block b { x[0] = in -> relu\n output x }", "let x = a = b", "network N { a.b = c }"),
    ),
    Slip(
        lambda f: f.previous_type == "NUMBER" and f.type == "NAME" and f.text.startswith("x") and not f.first_of_line,
        "a size is written in one word",
        "write `3x3`",
        ("let k = 3 x 3", "block b = conv(3 x 3, 64)"),
    ),
    Slip(
        lambda f: f.previous_type == "NUMBER" and f.type in ("NAME", "FOR", "IF", "LPAR") and "STAR" in f.allowed
        and not f.first_of_line,
        "a repetition or a product needs its `*`",
        "write `{previous} * {token}`",
        ("block b = 3 relu", "let x = 3 (2 + 1)"),
    ),
    Slip(
        lambda f: f.type in ("NUMBER", "SIZE", "STRING") and f.previous_type == "NAME" and "LPAR" in f.allowed
        and not f.first_of_line,
        "arguments stand in parentheses",
        "write `{previous}({token})`",
        ("block b = conv 3x3", "block b = dropout 0.1 -> relu"),
    ),
    # --- two things side by side, with nothing between them ---
    # A name behind a complete flow could begin `name = ...`, so the parser takes it and stumbles over the next token.
    Slip(
        lambda f: f.stray_name and "_ends_in_flow" in f.context,
        "a `;` is missing between two flows",
        "write `;` before `{previous}`, or `->` if it is the next step",
        ("block b = parallel { conv(1)\n relu -> gelu }", "block b = parallel { conv(1)\n relu }"),
        where="previous",
    ),
    Slip(
        lambda f: f.stray_name and "_ends_in_statement" in f.context,
        "a flow stands among statements",
        "hand it out with `output`, or give it a name: `name = ...`",
        ("block b { x = in -> relu\n gelu -> relu }", "network N { input x: [3]\n conv(3) }"),
        where="previous", name="mixed-body",
    ),
    Slip(
        lambda f: f.stray_word and "ARROW" not in f.allowed,
        "two steps have `->` between them",
        "write `->` before `{previous}`",
        ("network N { y = x relu\n output y }", "block b { y = in -> conv(3) relu -> gelu\n output y }"),
        where="previous",
    ),
    # Rows that fit almost any pair of values, so they stand last.
    Slip(
        lambda f: "COMMA" in f.allowed and f.starts_value and not f.ended,
        "two values have `,` between them",
        "write `,` before `{token}`",
        ("let x = [1 2]", "let x = f(a b)", "let x = [\n  a\n  b\n]", "block b(c d) = relu", "import std.a (b c)"),
    ),
    Slip(
        lambda f: "ARROW" in f.allowed and f.starts_value and not f.first_of_line and not f.ended,
        "two steps have `->` between them",
        "write `->` before `{token}`",
        ("let y = x relu", "block b = conv(3) relu -> gelu"),
    ),
    Slip(
        lambda f: f.context[-1:] == ("ELSE",),
        "`else` is followed by braces or by another `if`",
        "write `else { ... }`",
        ("block b(s) = if s { relu } else gelu",),
        where="behind",
    ),
)  # fmt: skip
