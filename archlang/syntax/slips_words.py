"""Slips with words: reserved ones used as names, those of other languages, misspelt ones, and bindings gone wrong."""

from __future__ import annotations

from archlang.diagnostics import Fix, suggestions
from archlang.source import Span
from archlang.syntax.facts import WORD_TYPES, Facts, written
from archlang.syntax.slip import Slip, foreign, insert_behind_previous, line_start_becomes, token_becomes

_WITHOUT_EQUAL = {
    "phase": "phase all { epochs = 10 }", "step": "step first { loss = ...; optimizer = ... }", "output": "output flow",
    "train": "train { ... }",
}
_DECLARING = ("import", "let", "block", "code", "network", "train")
_STATING = ("input", "output", "let", "layer", "phase", "step")
_CALLED_DECLARATIONS = ("function", "fn", "func", "module", "model", "net")


def _equal_behind_word(facts: Facts) -> bool:
    """Recognise `phase = ...`: the word begins a statement here, and is not meant as a name."""
    if facts.type != "EQUAL" or not facts.previous.first:
        return False
    if facts.previous_type in ("PHASE", "STEP"):  # in a network they are names that are taken
        return "TRAIN" in facts.context
    return facts.previous_type in ("OUTPUT", "TRAIN")


def _misspelt_declaration(facts: Facts) -> bool:
    if facts.type != "NAME" or not facts.at_file_level or facts.next_type in ("EQUAL", "DOT"):
        return False
    return bool(suggestions(facts.text, _DECLARING))


def _misspelt_statement(facts: Facts) -> bool:
    line = facts.line
    # Between declarations no statement stands, however near its first word is to one.
    if facts.at_file_level or len(line) < 2 or line[0].type != "NAME" or line[1].type not in ("NAME", "IN"):
        return False
    return bool(suggestions(line[0].text, _STATING))


def _near_word(facts: Facts) -> str:
    """The word of the language that a name at the beginning of a line may have been meant to be."""
    if facts.at_file_level:
        return suggestions(facts.text, _DECLARING)[0]
    return suggestions(facts.line_token.text, _STATING)[0]


def _is_capitalised_word(facts: Facts) -> bool:
    """Recognise `In` or `Output` where the word in small letters could stand."""
    word = facts.text.lower()
    return facts.type == "NAME" and facts.text != word and word.upper() in facts.allowed & WORD_TYPES


def _capitalised_line(facts: Facts) -> str:
    """The word of the language that begins a line in capitals; empty for others."""
    word = facts.line_token
    lower = word.text.lower()
    if word.type == "NAME" and word.text != lower and lower in (*_DECLARING, *_STATING) and len(facts.line) > 1:
        return lower
    return ""


def _flow_of_line(facts: Facts) -> str:
    """The flow that begins the line, where a statement must stand."""
    if not facts.first_of_line or facts.type not in ("IN", "LPAR") or "OUTPUT" not in facts.allowed:
        return ""
    line = [token for token in facts.tokens if token.start >= facts.place.start]
    return written([token for token in line if token.span.line == facts.place.line and token.type != "RBRACE"])


def _is_dashed_name(facts: Facts) -> bool:
    touches = facts.token is not None and facts.previous.end == facts.token.start
    # `layer-1` begins with a word of the language, and is meant as a name all the same.
    named = facts.stray or facts.previous_type == "LAYER"
    return named and facts.type == "MINUS" and touches


def _one_name(facts: Facts) -> str:
    """Say how the parts of a bundle are named, and how a tensor is cut where one of its methods was called."""
    names = [token.text for token in facts.line if token.type == "NAME"]
    if names[-1] in ("shape", "size") and len(names) > 3:
        tensor = names[-2]
        return f"sizes are read where they are wanted: `{tensor}.channels`, `{tensor}.height`, `{tensor}.width`"
    help = f"write `parts = ...`: a bundle keeps one name, and `parts[0]` stands for `{names[0]}`, `parts[1]` for "
    help += f"`{names[1]}`"

    texts = {token.text for token in (*facts.line, *facts.rest_of_line)}
    if texts & {"chunk", "split", "unbind", "tensor_split"}:
        help += "; `parts = x -> split(2)` cuts a tensor"
    return help


def _equals_for_colon(facts: Facts) -> Fix:
    place = facts.place
    if facts.next is not None and facts.next.type == "EQUAL" and facts.next.start == place.end:  # `:=`
        place = place.to(facts.next.span)
        return Fix(place, "=")
    return Fix(place, " =")


def _without_type(facts: Facts) -> Fix | None:
    """Leave out the type of `let width: int = 32`."""
    equal = next((token for token in facts.rest_of_line if token.type == "EQUAL"), None)
    if equal is None:
        return None
    return Fix(Span(facts.place.source, facts.place.start, equal.start), " ")


RESERVED: tuple[Slip, ...] = (
    Slip(
        _equal_behind_word,
        "`{previous}` begins a statement and takes no `=`",
        lambda f: f"write `{_WITHOUT_EQUAL[f.previous_text]}`",
        ("train { a = 1\n phase = all { epochs = 2 } }", "network N { input x: [3]\n output = x }",
         "train = { loss = x }"),
        where="pair", name="reserved-word", fix=token_becomes(""),
    ),
    # --- reserved words used as names ---
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
        lambda f: f.type == "FROM" and f.previous_type == "EQUAL" and "FROM" not in f.allowed and not f.ended,
        "a `let` and a `code` are read `from` a file, a tensor is not",
        "write `let rows = from \"file.csv\"` or `code name = from \"file.csv\"`",
        ('network N {\n input x: [3]\n rows = from "rows.csv"\n output x }',),
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
        lambda f: f.type == "STEP" and f.next_type == "LPAR" and f.previous_type == "EQUAL",
        "`step` begins a part of a phase; the curve that falls at some epochs is called `steps`",
        "write `steps(30, 60, by = 0.1)`, with the epochs at which it falls",
        ("train { phase all { epochs = 90; lr = step(30) } }",),
        name="reserved-word", label="reserved",
    ),
    Slip(
        lambda f: f.type in WORD_TYPES and "NAME" in f.allowed and not f.first_of_line and not f.ended,
        "`{token}` is a word of the language, so nothing can be called that",
        "choose another name, such as `{token}_`",
        ("let x = let", "let step = 3", "block b(at) = relu", "block b = conv(3) as in", "let x = f(from = 3)"),
        name="reserved-word", label="reserved",
    ),
)  # fmt: skip


STATEMENTS: tuple[Slip, ...] = (
    Slip(
        _is_capitalised_word,
        "`{token}` is written in small letters",
        lambda f: f"write `{f.text.lower()}`",
        ("block b = for c In [1, 2] { conv(3x3, c) }", "Network N { input x: [3]\n output x }"),
        fix=lambda f: Fix(f.place, f.text.lower()),
    ),
    Slip(
        lambda f: bool(_capitalised_line(f)),
        "`{line}` is written in small letters",
        lambda f: f"write `{_capitalised_line(f)}`",
        ("network N { input x: [3]\n Output x }",),
        where="line", fix=lambda f: Fix(f.line_token.span, _capitalised_line(f)),
    ),
    Slip(
        lambda f: bool(_flow_of_line(f)) and not f.ended,
        "a flow by itself is no statement",
        lambda f: f"hand it out: write `output {_flow_of_line(f)}`",
        ("block b {\n x = in -> relu\n in -> gelu\n}",),
        fix=lambda f: Fix(Span(f.place.source, f.place.start, f.place.start), "output "),
    ),
    Slip(
        lambda f: f.type == "LBRACE" and f.at_file_level and f.first_of_line,
        "braces belong to a declaration, and its word is missing before them",
        "write `network Name {`, `block name {` or `train {`",
        ("let x = 1\n{ loss = 1 }",),
    ),
    Slip(
        lambda f: f.type == "LBRACE" and f.previous_type in ("PHASE", "STEP") and f.allowed == {"NAME"},
        "a name stands between `{previous}` and its braces",
        lambda f: f"write `{f.previous_text} all {{ ... }}`",
        ("train { loss = 1\n phase { epochs = 3 } }",),
        fix=insert_behind_previous(" all"),
    ),
    # --- words of other languages ---
    # They are plain names here, so the parser goes on for a word or two before it stumbles.
    Slip(
        foreign(*_CALLED_DECLARATIONS),
        "a part is declared with `block`, a whole with `network`",
        "write `block name(parameters) = flow` or `network name { ... }`",
        ("model { x = 1 }", "let x = 1\nfunction f() { }"),
        where="line",
    ),
    Slip(
        lambda f: f.at_file_level and f.line_token.type == "LAYER" and len(f.line) > 1 and f.line[1].type == "LBRACE",
        "a part is declared with `block`, a whole with `network`",
        "write `block name(parameters) = flow` or `network name { ... }`",
        ("layer { x = 1 }",),
        where="line",
    ),
    Slip(
        foreign("const", "var", "val", "set"),
        "`{line}` is no word of the language: a value is named with `let`",
        lambda f: f"write `let {f.line[1].text if len(f.line) > 1 else 'name'} = ...`",
        ("const x = 3", "var y = 2"),
        where="line", fix=line_start_becomes("let"),
    ),
    Slip(
        lambda f: f.previous_type == "NAME" and f.previous_text in ("elif", "elsif", "elseif"),
        "there is no `{previous}`: a second test is written `else if`",
        "write `else if test { ... }`",
        ("block b(s) = if s { relu } elif s { gelu }", "network N { x = in -> if s { relu }\n elif s { gelu } }"),
        where="previous", fix=lambda f: Fix(f.previous.span, "else if"),
    ),
    Slip(
        lambda f: f.text in ("elif", "elsif", "elseif"),
        "there is no `{token}`: a second test is written `else if`",
        "write `else if test { ... }`",
        ("let y = if s { relu } elif",),
        fix=token_becomes("else if"),
    ),
    # --- statements outside of the braces they belong in ---
    Slip(
        lambda f: f.type in ("INPUT", "OUTPUT", "PHASE", "STEP") and f.at_file_level,
        "`{token}` stands in the braces of a declaration",
        "`input` and `output` belong in a `network`, `phase` and `step` in a `train`",
        ("input x: [3]", "let x = 1\noutput x", "phase all { epochs = 1 }"),
    ),
    Slip(
        lambda f: f.type == "LAYER" and f.at_file_level,
        "`layer` stands in the body of a network or of a block",
        "a stage for all networks is a `let` or a `block`; its weights are declared where they are held",
        ("layer head = conv(3x3, 8)", "let x = 1\nlayer head = relu"),
    ),
    Slip(
        lambda f: f.type == "LPAR" and f.context[-2:] == ("LAYER", "NAME"),
        "a `layer` has no parameters: it holds weights of one size",
        lambda f: f"write `layer {f.previous_text} = stage`; what takes parameters is a `block`",
        ("network N { input x: [3]\n layer head(c) = linear(c)\n output x -> head }",),
        where="previous",
    ),
    Slip(
        lambda f: f.type == "LBRACE" and f.context[-2:] == ("LAYER", "NAME"),
        "a `layer` is one stage, behind `=`",
        lambda f: f"write `layer {f.previous_text} = stage -> stage`; what needs statements is a `block`",
        ("network N { input x: [3]\n layer head { relu }\n output x -> head }",),
        where="previous",
    ),
    Slip(
        lambda f: f.type == "NAME" and f.at_file_level and f.next_type == "EQUAL",
        "a bare `=` stands in the braces of a declaration; outside of them a value is named with `let`",
        "write `let {token} = ...`",
        ("widths = [1, 2]", "let x = 1\ny = 2"),
        fix=lambda f: Fix(f.place, f"let {f.text}"),
    ),
    Slip(
        lambda f: f.type in ("TRAIN", "NETWORK", "BLOCK", "CODE", "IMPORT") and f.first_of_line and not f.at_file_level
        and not f.ended,
        "`{token}` does not stand inside other braces",
        "put it outside, behind the brace that closes the declaration around it",
        ("network N { input x: [3]\n output x\n train { loss = 1 } }", "block b {\n block c = relu\n output in }"),
    ),
    Slip(
        _misspelt_declaration,
        "`{token}` begins no declaration",
        lambda f: f"did you mean `{_near_word(f)}`?",
        ("netwrok N { input x: [3] }", "let x = 1\nblok b = relu"),
        fix=lambda f: Fix(f.place, _near_word(f)),
    ),
    Slip(
        _misspelt_statement,
        "`{line}` begins no statement",
        lambda f: f"did you mean `{_near_word(f)}`?",
        ("network N {\n inptu x: [3]\n output x }", "network N {\n input x: [3]\n ouput x }"),
        where="line", fix=lambda f: Fix(f.line_token.span, _near_word(f)),
    ),
    # --- bindings ---
    Slip(
        lambda f: f.type == "COLON" and f.context[-2:] == ("LET", "NAME"),
        "a value has no type: what it is, its text says",
        "write `let {previous} = ...`",
        ("let width: int = 32",),
        fix=_without_type,
    ),
    Slip(
        lambda f: len(f.line) > 3 and [t.type for t in f.line[:3]] == ["NAME", "COMMA", "NAME"] and not f.at_file_level,
        "one name stands left of `=`",
        lambda f: _one_name(f),
        ("network N { input x: [3]\n a, b = x\n output a }",),
        where="line",
    ),
    Slip(
        _is_dashed_name,
        "a name holds letters, digits and `_`, and no `-`",
        lambda f: f"write `{f.previous_text}_{f.next.text if f.next else ''}`, here and where it is used",
        ("network N { input x: [3]\n layer-1 = x -> relu\n output x }",),
        where="previous",
    ),
    Slip(
        lambda f: f.stray and f.type == "COLON",
        "`:` stands behind the name of an input only; a tensor gets its name with `=`",
        "write `{previous} = ...`",
        ("network N { input x: [3]\n y: x -> relu\n output y }",
         "network N { input x: [3]\n y := x -> relu\n output y }"),
        fix=lambda f: _equals_for_colon(f),
    ),
    Slip(
        lambda f: f.stray and f.type in ("PLUS", "MINUS", "STAR", "SLASH") and f.next_type == "EQUAL",
        "a name is bound once and does not change",
        "give the result a name of its own, such as `y = {previous} -> add(other)`",
        ("network N { input x: [3]\n x += x\n output x }",),
        where="previous",
    ),
    # Steps below one another, as a list of layers is written elsewhere: no name is meant.
    Slip(
        lambda f: f.stray_name and f.type == "NAME" and f.first_of_line and not f.ended and "LBRACE" in f.context,
        "the steps of a flow have `->` between them, on lines of their own too",
        "write `{previous} -> {token}`",
        ("block b {\n conv(3x3, 8)\n batch_norm\n relu }",),
        where="previous", fix=insert_behind_previous(" ->"),
    ),
    Slip(
        lambda f: f.stray_name and f.type == "NAME" and not f.ended and "LBRACE" in f.context,
        "nothing stands between `{previous}` and `{token}`",
        "write `{previous} = {token} ...` for a name of the flow, or `{previous} -> {token}` for a step",
        ("network N { input x: [3]\n y x -> relu\n output y }",),
        where="previous", fix=insert_behind_previous(" ="),
    ),
)  # fmt: skip
