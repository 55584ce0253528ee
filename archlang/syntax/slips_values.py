"""Slips with heads and values: parts that are missing, and parts side by side with nothing between them."""

from __future__ import annotations

from archlang.diagnostics import Fix
from archlang.source import Span
from archlang.syntax.enclosing import (
    arguments_in_parentheses,
    branches_in_braces,
    names_in_parentheses,
    settings_in_braces,
    sizes_in_brackets,
)
from archlang.syntax.facts import Facts
from archlang.syntax.slip import Slip, insert_behind_previous, token_becomes


def _head_without_brace(facts: Facts) -> bool:
    """Recognise a stage behind the head of an `if` or a `for`, where the brace that ends the head must stand."""
    in_head = "IF" in facts.context_of_head or "FOR" in facts.context_of_head
    return in_head and "HEAD_BRACE" in facts.allowed and facts.starts_value and not facts.ended


def _joined_size(facts: Facts) -> Fix | None:
    """`3x3` for `3 x 3`: the number before, the letter, and the number behind."""
    if facts.text != "x" or facts.next is None or facts.next.type != "NUMBER":
        return None
    return Fix(facts.previous.span.to(facts.next.span), f"{facts.previous_text}x{facts.next.text}")


def _bare_arguments(facts: Facts) -> str:
    """The arguments that stand bare behind a stage: `3x3, 64` of `conv 3x3, 64 -> relu`."""
    taken: list[str] = []
    for token in facts.rest_of_line:
        if token.type not in ("NUMBER", "SIZE", "STRING", "NAME", "COMMA"):
            break
        taken.append(token.text)
    return "".join(taken).rstrip(",").replace(",", ", ")


HEADS: tuple[Slip, ...] = (
    # --- the heads of declarations and of `if` and `for` ---
    Slip(
        lambda f: f.type == "EQUAL" and f.context[-2:] == ("FOR", "NAME"),
        "`for` takes its values with `in`",
        lambda f: f"write `for {f.previous_text} in [...] {{ ... }}`",
        ("block b = for c = [8, 16] { conv(3x3, c) }",),
        fix=token_becomes("in"),
    ),
    Slip(
        lambda f: f.type == "COMMA" and f.context[-2:] == ("FOR", "NAME"),
        "several names of a `for` stand in parentheses",
        lambda f: f"write `for ({f.previous_text}, ...) in rows {{ ... }}`",
        ("block b = for k, c in [[3, 8]] { conv(k, c) }",),
        fix=names_in_parentheses,
    ),
    Slip(
        _head_without_brace,
        "the stages of an `if` or a `for` stand in braces, `{ }`",
        "write `if test { stage } else { stage }` or `for name in list { stage }`",
        ("block b(s) = if s == 1 relu else gelu", "block b(s) = if s == 1 then relu",
         "block b = for c in [1, 2] conv(3x3, c)"),
        fix=branches_in_braces,
    ),
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
        "the type of an input follows `:`, not `=`",
        "write `input {previous}: [channels, height, width]`",
        ("network N { input x = [3, 32, 32] output x }",),
        fix=lambda f: Fix(f.behind.to(f.place), ":") if f.next_type == "LSQB" else None,
    ),
    Slip(
        lambda f: f.context[-2:] in (("NAME", "COLON"),) and f.allowed == {"LSQB"} and not f.ended,
        "the type of an input is a list of sizes",
        "write `[3, 32, 32]` for three channels of 32 x 32",
        ("network N { input x: 3x32x32 output x }", "network N { input x: (3, 32) output x }"),
        fix=sizes_in_brackets,
    ),
    Slip(
        lambda f: f.context[-1:] == ("TRAIN",) and f.type == "LPAR",
        "the settings of a `train` stand in braces",
        "write `train { loss = ...; optimizer = ... }`",
        ("train(loss = 1, batch = 3)",),
        fix=settings_in_braces,
    ),
    Slip(
        lambda f: f.context[-1:] == ("TRAIN",) and f.type == "NAME",
        "a `train` has no name",
        "write `train { ... }`; a file has one at most",
        ("train quick { loss = x }",),
        fix=token_becomes(""),
    ),
    Slip(
        lambda f: f.type == "EQUAL" and "NETWORK" in f.context and "LBRACE" in f.allowed and "LBRACE" not in f.context,
        "a network is written with braces",
        "write `network name { input ...; output ... }`; a `block` may be one flow behind `=`",
        ("network N = conv(3)", "network N(a = 1) = conv(3)"),
    ),
)  # fmt: skip


VALUES: tuple[Slip, ...] = (
    Slip(
        lambda f: arguments_in_parentheses(f) is not None,
        "arguments stand in parentheses, `( )`",
        "write `conv(3x3, 64)`",
        ("block b = conv[3x3, 8]",),
        fix=arguments_in_parentheses,
    ),
    # --- expressions ---
    Slip(
        lambda f: f.type == "EQUAL" and "EQUALS" in f.allowed,
        "only a plain name stands left of `=`",
        "equal is written `==`",
        ("block b { x[0] = in -> relu\n output x }", "let x = a = b", "network N { a.b = c }"),
    ),
    Slip(
        lambda f: f.type == "NAME" and f.next_type == "EQUAL" and "COMMA" in f.allowed and not f.first_of_line,
        "arguments have `,` between them",
        "write `, {token} = ...`",
        ("block b = conv(3x3, 32 stride = 2)", "block b = conv(3x3, c stride = 2)", "let s = sgd(0.1 momentum = 0.9)"),
        fix=insert_behind_previous(","),
    ),
    Slip(
        lambda f: f.previous_type == "NUMBER" and f.type == "NAME" and f.text.startswith("x") and not f.first_of_line,
        "a size is written in one word",
        "write `3x3`",
        ("let k = 3 x 3", "block b = conv(3 x 3, 64)"),
        fix=lambda f: _joined_size(f),
    ),
    Slip(
        lambda f: f.previous_type == "NUMBER" and f.type in ("NAME", "FOR", "IF", "LPAR") and "STAR" in f.allowed
        and not f.first_of_line,
        "a repetition or a product needs its `*`",
        "write `{previous} * {token}`",
        ("block b = 3 relu", "let x = 3 (2 + 1)"),
        fix=insert_behind_previous(" *"),
    ),
    Slip(
        lambda f: f.type in ("NUMBER", "SIZE", "STRING") and f.previous_type == "NAME" and "LPAR" in f.allowed
        and not f.first_of_line,
        "arguments stand in parentheses",
        lambda f: f"write `{f.previous_text}({_bare_arguments(f)})`",
        ("block b = conv 3x3", "block b = dropout 0.1 -> relu"),
    ),
    # --- two things side by side, with nothing between them ---
    # A name behind a complete flow could begin `name = ...`, so the parser takes it and stumbles over the next token.
    Slip(
        lambda f: f.stray_name and "_ends_in_flow" in f.context,
        "two steps have `->` between them, two branches `;`",
        "write `->` before `{previous}`, or `;` if it is a branch of `parallel` or a step of `layers`",
        ("block b = parallel { conv(1)\n relu -> gelu }", "block b = parallel { conv(1)\n relu }"),
        where="previous",
    ),
    Slip(
        lambda f: f.stray_name and "_ends_in_statement" in f.context,
        "a flow stands among statements",
        "hand it out with `output`, or give it a name: `name = ...`",
        ("block b { x = in -> relu\n gelu -> relu }", "network N { input x: [3]\n conv(3) }"),
        where="previous", name="mixed-body", label="this flow",
    ),
    Slip(
        lambda f: f.stray_word and "ARROW" not in f.allowed,
        "two steps have `->` between them",
        "write `->` before `{previous}`",
        ("network N { y = x relu\n output y }", "block b { y = in -> conv(3) relu -> gelu\n output y }"),
        where="previous", fix=lambda f: Fix(Span(f.previous.span.source, f.previous.start, f.previous.start), "-> "),
    ),
    # Rows that fit almost any pair of values, so they stand last.
    Slip(
        lambda f: "COMMA" in f.allowed and f.starts_value and not f.ended,
        "two values have `,` between them",
        "write `,` before `{token}`",
        ("let x = [1 2]", "let x = f(a b)", "let x = [\n  a\n  b\n]", "block b(c d) = relu", "import std.a (b c)"),
        fix=insert_behind_previous(","),
    ),
    Slip(
        lambda f: "ARROW" in f.allowed and f.starts_value and not f.first_of_line and not f.ended,
        "two steps have `->` between them",
        "write `->` before `{token}`",
        ("let y = x relu", "block b = conv(3) relu -> gelu"),
        fix=insert_behind_previous(" ->"),
    ),
    Slip(
        lambda f: f.context[-1:] == ("ELSE",),
        "`else` is followed by braces or by another `if`",
        "write `else { ... }`",
        ("block b(s) = if s { relu } else gelu",),
        where="behind",
    ),
)  # fmt: skip
