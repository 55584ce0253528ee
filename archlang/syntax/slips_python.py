"""Slips of readers who come from Python and its frameworks: statements, words and signs that stand for others here.

The names of PyTorch and Keras are a matter of meaning, not of form: `elaborate/habits` knows them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from archlang.diagnostics import Fix
from archlang.source import Span
from archlang.syntax.facts import WORD_TYPES, Facts, written
from archlang.syntax.indented import in_braces
from archlang.syntax.lexing import Token
from archlang.syntax.slip import Slip, foreign, line_start_becomes

_MODULES = ("torch", "torchvision", "timm", "tensorflow", "keras", "jax", "flax", "numpy", "os", "sys", "math")
_NOT_WRITTEN = ("forward", "__init__", "call", "__call__")


# --- readings of a place ---------------------------------------------------------------------------------------------


def _is_ternary(facts: Facts) -> bool:
    """Recognise `a if test else b`: an `if` in the middle of a line whose `else` comes before any brace."""
    if facts.type != "IF" or facts.ended or facts.first_of_line:
        return False

    for token in facts.rest_of_line:
        if token.type in ("LBRACE", "HEAD_BRACE"):
            return False
        if token.type == "ELSE":
            return True
    return False


def _is_statement_head(facts: Facts) -> bool:
    """Recognise `for` or `if` at the beginning of a line where only statements may stand."""
    return facts.type in ("FOR", "IF") and facts.first_of_line and not facts.ended and facts.type not in facts.allowed


def _is_attribute_of_self(facts: Facts) -> bool:
    line = facts.line
    return len(line) > 3 and line[0].text == "self" and line[1].type == "DOT" and line[3].type == "EQUAL"


def _is_growing_list(facts: Facts) -> bool:
    line = facts.line
    return len(line) > 2 and line[1].type == "DOT" and line[2].text in ("add", "append", "extend", "add_module")


def _is_python_import(facts: Facts) -> bool:
    line = facts.line
    return len(line) > 1 and line[0].type in ("IMPORT", "FROM") and line[1].text in _MODULES


def _slashes(facts: Facts) -> Token | None:
    """The `//` of `x = flow // two words`: its first word was read as a divisor, the second one fits no more."""
    line = facts.line
    if facts.first_of_line:  # a comment of words that want more reaches to the next line
        line = tuple(t for t in facts.tokens if t.span.line == facts.previous.span.line)
    for slashes, first, second in zip(line, line[1:], line[2:], strict=False):
        words = first.type == "NAME" and (second.type in ("NAME", "NUMBER") or second.type in WORD_TYPES)
        if slashes.type == "FLOOR" and words and second.start <= facts.place.start:
            return slashes
    return None


def _is_prefixed_string(facts: Facts) -> bool:
    adjacent = facts.token is not None and facts.previous.end == facts.token.start
    return facts.type == "STRING" and adjacent and facts.previous_text.lower() in ("f", "r", "b", "u")


# --- words made from the facts ---------------------------------------------------------------------------------------


def _choice(facts: Facts) -> str:
    """The mend of a conditional expression, with its own test in it."""
    test = written(_until(facts.rest_of_line[1:], "ELSE"))
    return f"choose between whole stages: `if {test} {{ ... }} else {{ ... }}`, with all that each of them needs"


def _step_of_flow(facts: Facts) -> str:
    head = written(_until(facts.rest_of_line, "COLON", "LBRACE", "HEAD_BRACE"))
    name, stage = _rebound(facts)
    # The first words in the braces tell that an output was meant.
    behind = [t for t in facts.tokens if t.start > facts.place.start]
    opened = next((i for i, t in enumerate(behind) if t.type in ("LBRACE", "HEAD_BRACE")), len(behind))
    if facts.type == "IF" and [t.type for t in behind[opened + 1 : opened + 4]] == ["OUTPUT", "NAME", "EQUAL"]:
        called = behind[opened + 2].text
        return f"an output under a test is one whose flow stands in braces: `output {called} = {head} {{ ... }}`"
    if name:
        step = f"`{name}_out = {name} -> {head} {{ {stage} }}`"
        return f"a name is bound once, and a tensor flows through it: {step}; read `{name}_out` behind it"
    return f"let a tensor flow through it: `y = x -> {head} {{ ... }}`"


def _rebound(facts: Facts) -> tuple[str, str]:
    """The name and the stage of `x = x -> stage`, the one statement behind the head; empty for others."""
    lines = [t for t in facts.tokens if t.start > facts.place.start and t.span.line > facts.place.line]
    if len(lines) < 5 or [t.type for t in lines[:4]] != ["NAME", "EQUAL", "NAME", "ARROW"]:
        return "", ""
    if lines[0].text != lines[2].text:
        return "", ""

    line = [t for t in lines[4:] if t.span.line == lines[0].span.line]
    return lines[0].text, written(_until(line, "RBRACE", "SEMICOLON"))


def _network_instead_of_class(facts: Facts) -> str:
    name = _word_behind(facts, "class") or "Name"
    return f"write `network {name} {{ ... }}`, with its inputs, flows and outputs in the braces; a part is a `block`"


def _block_instead_of_def(facts: Facts) -> str:
    name = _word_behind(facts, facts.line_token.text) or "name"
    if name in _NOT_WRITTEN:
        return f"`{name}` is not written: the flows in the braces of a network are it"

    parameters = _parameters(facts)
    return f"write `block {name}{parameters} = flow`, or with braces `block {name}{parameters} {{ ... output flow }}`"


def _until(tokens: Sequence[Token], *types: str) -> list[Token]:
    """The tokens before the first one of some types."""
    return list(takewhile(lambda token: token.type not in types, tokens))


def _word_behind(facts: Facts, word: str) -> str:
    line = facts.line
    if len(line) > 1 and line[0].text == word and line[1].type == "NAME":
        return line[1].text
    return ""


def _parameters(facts: Facts) -> str:
    """The parameters of a `def`, without `self`."""
    names = []
    for token in facts.line[2:]:
        if token.type in ("RPAR", "COLON"):
            break
        if token.type == "NAME" and token.text != "self":
            names.append(token.text)
    if not names:
        return ""
    return f"({', '.join(names)})"


def _output_instead_of_return(facts: Facts) -> str:
    value = written(_until(facts.line[1:], "RBRACE"))
    return f"write `output {value or 'value'}`"


def _attribute(facts: Facts) -> str:
    name = facts.line[2].text
    if [token.type for token in facts.line[4:5]] == ["LSQB"]:
        steps = f"use its stages by their numbers, `x -> {name}[0] -> {name}[1]`"
        return f"write `let {name} = [...]`; {steps}, or repeat in a flow: `x -> for c in [16, 32] {{ stage }}`"

    stage = f"write `let {name} = stage`, and use it as a step: `x -> {name}`"
    return f"{stage}; a tensor is bound with `{name} = x -> stage`"


def _std_import(facts: Facts) -> str:
    """The import of `from std.resnet import basic`, as it is written here."""
    path = _until(facts.line[1:], "IMPORT")
    names = written(facts.line[len(path) + 2 :]).strip("()")
    return f"import {written(path)} ({names or 'projection'})"


def _sum_of_texts(facts: Facts) -> str:
    """The sum of an f-string's parts, in parentheses: `("conv" + c)`."""
    parts = re.split(r"\{([^{}]*)\}", facts.text.strip('"'))
    words = [part if at % 2 else f'"{part}"' for at, part in enumerate(parts) if part]
    if len(words) < 2:
        return "".join(words) or '""'
    return f"({' + '.join(words)})"


def _joined_text(facts: Facts) -> str:
    return f"write `{_sum_of_texts(facts)}`"


# --- edits -----------------------------------------------------------------------------------------------------------


def _delete_line(facts: Facts) -> Fix:
    line = facts.line
    return Fix(line[0].span.to(line[-1].span), "")


def _keep_import(facts: Facts) -> Fix:
    line = facts.line
    return Fix(line[0].span.to(line[-1].span), _std_import(facts))


def _let_for_self(facts: Facts) -> Fix:
    line = facts.line
    return Fix(line[0].span.to(line[1].span), "let ")


def _block_for_def(facts: Facts) -> Fix | None:
    """`block` for `def`, whose body is put into braces where indentation shows it."""
    line = facts.line
    if facts.at_file_level and line[-1].type == "COLON" and len(line) > 2 and "self" not in {t.text for t in line}:
        word = "network" if line[1].text[:1].isupper() else "block"
        head = f"{word} {written(line[1:-1]).removesuffix('()')}".replace("=", " = ")
        body = in_braces(line[-1].span)
        if body is not None:
            return Fix(line[0].span.to(body.span), f"{head}{body.text}")
    if any(token.type == "COLON" for token in line) or not any(token.type in ("EQUAL", "LBRACE") for token in line):
        return None
    return Fix(facts.line_token.span, "block")


def _cut_comment(facts: Facts) -> Span | None:
    """The `//` of a comment in which a word was taken for the beginning of a statement."""
    before = facts.previous.span
    start = before.source.text.rfind("\n", 0, before.start) + 1
    at = before.source.text.find(" // ", start, before.start)
    if at < 0 or facts.previous_type not in WORD_TYPES or not facts.is_gap:
        return None
    return Span(before.source, at + 1, at + 3)


def _slashes_span(facts: Facts) -> Span:
    slashes = _slashes(facts)
    if slashes is not None:
        return slashes.span
    cut = _cut_comment(facts)
    assert cut is not None  # the row has recognised one of them
    return cut


def _hash_for_slashes(facts: Facts) -> Fix:
    return Fix(_slashes_span(facts), "#")


PYTHON: tuple[Slip, ...] = (
    # --- statements ---
    Slip(
        _is_python_import,
        "nothing is imported from Python: all operations are known without an import",
        "delete this line; blocks are imported by `import std.resnet (basic)` or `import \"./blocks.arch\" (unit)`",
        ("import torch", "import torch.nn as nn", "from torch import nn", "import numpy as np\nlet x = 1"),
        where="line", fix=_delete_line,
    ),
    Slip(
        lambda f: f.type == "FROM" and f.at_file_level and f.next_type in ("NAME", "STRING"),
        "an import begins with `import`",
        lambda f: f"write `{_std_import(f)}`",
        ("from std.resnet import projection", "from std.resnet import basic, projection"),
        fix=_keep_import,
    ),
    Slip(
        foreign("class"),
        "`class` is Python's; a network is declared with `network`, a part of it with `block`",
        _network_instead_of_class,
        ("class Net(nn.Module):\n  x = 1", "class Net { }", "let x = 1\nclass Net:"),
        where="line",
    ),
    Slip(
        foreign("def"),
        "`def` is Python's; a network is declared with `network`, a part with parameters with `block`",
        _block_instead_of_def,
        ("def f(x) = relu", "network N {\n def forward(self, x):\n  return x }", "def unit(c) { output in }"),
        where="line", fix=_block_for_def,
    ),
    Slip(
        foreign("return", "yield"),
        "`{line}` is Python's; a result is handed out with `output`",
        _output_instead_of_return,
        ("block b { x = in -> relu\n return x }", "return x"),
        where="line", fix=line_start_becomes("output"),
    ),
    Slip(
        foreign("print", "assert", "raise", "pass", "del", "global"),
        "`{line}` is a statement of a program, and a file is data: nothing is carried out",
        "delete this line; `archlang info FILE` shows the types of all tensors, `where` says what an input must be",
        ("block b {\n x = in -> relu\n assert x\n output x }", "network N { input x: [3]\n print(x)\n output x }"),
        where="line", fix=_delete_line,
    ),
    Slip(
        foreign("while", "with", "try"),
        "a file is data and no program: it has declarations and flows, and no statements to carry out",
        "repeat with `n * stage` or `for name in list { stage }`; choose with `if test { stage }`",
        ("while x { }", "block b {\n x = in -> relu\n try x\n output x }"),
        where="line",
    ),
    Slip(
        _is_statement_head,
        "`{token}` is a step of a flow, with its stage in braces, and no statement",
        _step_of_flow,
        ("network N { input x: [3]\n for i in range(3):\n  x = 1 }",
         "network N { input x: [3]\n if deep { x -> relu }\n output x }",
         "network N { input x: [3]\n if deep { output aux = x -> relu }\n output x }"),
    ),
    Slip(
        _is_attribute_of_self,
        "there is no `self`: names belong to the braces in which they are bound",
        _attribute,
        ("network N { input x: [3]\n self.conv1 = conv(3x3, 8)\n output x }",
         "block b {\n self.c = relu\n output in }"),
        where="line", fix=_let_for_self,
    ),
    Slip(
        _is_growing_list,
        "a network is a flow, and no list to which layers are added",
        "let a tensor flow through the stages, one behind the other: `y = x -> stage -> stage`",
        ("network N { input x: [3]\n model.add(relu)\n output x }",),
        where="line",
    ),
    # --- expressions ---
    Slip(
        _is_ternary,
        "there is no `a if test else b`: the test stands first, and both sides stand in braces",
        _choice,
        ("block b(d) = conv(3x3, 8, stride = 2 if d else 1)",
         "network N(d = true) { y = x -> relu if d else x\n output y }",
         "let n = 1 if deep else 2"),
    ),
    Slip(
        lambda f: "lambda" in [token.text for token in f.line if token.start <= f.place.start],
        "there is no `lambda`: a stage with parameters is a `block`",
        "declare it outside the network: `block name(c) = flow`",
        ("let f = lambda c: conv(3x3, c)", "network N { input x: [3]\n y = x -> (lambda z: z)\n output y }"),
    ),
    Slip(
        _is_prefixed_string,
        "an f-string or another prefix means nothing here: texts are joined by `+`",
        _joined_text,
        ('block b = conv(3x3, 8) as f"conv{c}"', 'let a = f(r"x")'),
        fix=lambda f: Fix(f.previous.span.to(f.place), _sum_of_texts(f)),
    ),
    Slip(
        lambda f: _slashes(f) is not None or _cut_comment(f) is not None,
        "a comment is written with `#`",
        "`//` divides and floors; begin the comment with `#`",
        ("let x = 1 // the first one", "network N { input x: [3]\n y = x -> relu // my favourite stage\n output y }"),
        where=_slashes_span, fix=_hash_for_slashes,
    ),
)  # fmt: skip
