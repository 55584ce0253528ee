"""Slips of readers who come from scripts and configuration files: imports of other forms, calls, keys with a colon."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import Fix
from archlang.source import Span
from archlang.syntax.facts import Facts, written
from archlang.syntax.lexing import Token
from archlang.syntax.slip import Slip, pair, pair_span

_TRAINED = ("compile", "fit", "train", "backward", "step", "zero_grad", "train_on_batch")
_DECLARED = {"train": "train", "training": "train", "trainer": "train", "optimizer": "train", "optim": "train",
             "loss": "train"}
_HOW_TO_TRAIN = (
    "say how it is trained in braces of their own, "
    "`train { loss = cross_entropy(logits, label); optimizer = adam(lr = 0.001); phase all { epochs = 10 } }`, "
    "and run `archlang train FILE`"
)
_BRACED = ("each", "shared", "parallel", "layers", "residual")
_OPENING, _CLOSING = ("LPAR", "LSQB", "LBRACE", "HEAD_BRACE"), ("RPAR", "RSQB", "RBRACE")


# --- calls and keys --------------------------------------------------------------------------------------------------


def _is_call_of_script(facts: Facts) -> bool:
    """Recognise `model.fit(...)`, `main()` outside of all braces."""
    types = [token.type for token in facts.line]
    if facts.type != "NAME" or not facts.at_file_level or not facts.first_of_line:
        return False
    return types[:4] == ["NAME", "DOT", "NAME", "LPAR"] or types[:2] == ["NAME", "LPAR"]


def _instead_of_call(facts: Facts) -> str:
    called = [token.text for token in facts.line[:3] if token.type == "NAME"]
    if set(called) & set(_TRAINED):
        return _HOW_TO_TRAIN
    return "delete this line; `archlang info FILE` shows the network, `archlang train FILE` trains it"


def _is_key(facts: Facts) -> bool:
    """Recognise `model:` outside of all braces: the key of a configuration file."""
    return facts.type == "NAME" and facts.at_file_level and facts.next_type == "COLON"


def _declaration_for_key(facts: Facts) -> str:
    if _DECLARED.get(facts.text.lower()):
        return _HOW_TO_TRAIN
    return "write `network Name { input image: [3, 32, 32] ... output image -> stage -> stage }`"


def _is_setting_with_colon(facts: Facts) -> bool:
    """Recognise `loss: value` in the braces of a `train` or a network."""
    begins = facts.previous.first or facts.context[-2:-1] == ("LBRACE",)
    return facts.type == "COLON" and facts.context[-1:] == ("NAME",) and begins and not facts.stray


def _opens_dictionary(facts: Facts) -> bool:
    """Recognise `{` where a value must stand, but for a call's arguments, which have a row of their own."""
    if facts.context_of_head[:1] == ("LPAR",):
        return False
    return facts.type == "LBRACE" and {"NAME", "NUMBER", "LPAR"} <= facts.allowed and not facts.ended


def _instead_of_dictionary(facts: Facts) -> str:
    if "TRAIN" in facts.context:
        return "write each by itself: `name = value` for a setting, `phase warm { epochs = 5 }` for each phase"
    if "OUTPUT" in facts.context:
        return "hand each out by itself, with a name of its own: `output aux = flow`"
    return "write each argument by itself: `conv(3x3, 8, stride = 2)`"


# --- lists and heads -------------------------------------------------------------------------------------------------


def _comprehension(facts: Facts) -> tuple[Token, ...]:
    """The tokens of `stage for c in list` inside brackets, with its `for`; none if the line holds none."""
    line = facts.rest_of_line
    if facts.type == "STAR":  # `*[stage for c in list]`
        if [token.type for token in line[1:2]] != ["LSQB"]:
            return ()
        return _inside(line[2:])
    if facts.type != "FOR" or facts.previous_type in _OPENING or not _in_brackets(facts):
        return ()
    return _inside(line)


def _in_brackets(facts: Facts) -> bool:
    return facts.context_of_head[:1] in (("LSQB",), ("LPAR",))


def _inside(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """The tokens up to the bracket that closes them."""
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token.type in _OPENING) - (token.type in _CLOSING)
        if depth < 0:
            return tuple(tokens[:at])
    return tuple(tokens)


def _has_comprehension(facts: Facts) -> bool:
    return "FOR" in [token.type for token in _comprehension(facts)]


def _loop(facts: Facts) -> str:
    """The loop over the same list, with the same stage, as a step of a flow."""
    tokens = _comprehension(facts)
    at = [token.type for token in tokens].index("FOR")
    loop, stage = written(tokens[at:]), written(tokens[:at])
    if not stage:  # it stands before the `for`, behind the bracket
        stage = _before_here(facts)
    return f"values make a list, `[{loop} {{ {stage} }}]`; a stage is repeated in a flow, `x -> {loop} {{ {stage} }}`"


def _before_here(facts: Facts) -> str:
    """The text from the bracket around this place to here."""
    tokens = [token for token in facts.tokens if token.start < facts.place.start]
    depth = 0
    for at in reversed(range(len(tokens))):
        depth += (tokens[at].type in _CLOSING) - (tokens[at].type in _OPENING)
        if depth < 0:
            return written(tokens[at + 1 :])
    return "stage"


# --- words with the wrong signs behind them --------------------------------------------------------------------------


def _lacks_braces(facts: Facts) -> bool:
    """Recognise `each conv(3x3, 8)`: a stage that takes braces, and a stage behind it."""
    names = [facts.previous_text, facts.tokens[facts.at - 2].text]
    named = names[0] in _BRACED and facts.previous_type == "NAME"
    stray = facts.stray and names[1] in _BRACED  # the stage was taken for the name of a binding
    return ((named and facts.starts_value) or stray) and not facts.first_of_line and not facts.ended


def _in_braces(facts: Facts) -> str:
    word = facts.previous_text
    flow = written(_until_arrow(facts.rest_of_line))
    if word not in _BRACED:
        word, flow = facts.tokens[facts.at - 2].text, facts.previous_text + flow
    return f"write `{word} {{ {flow} }}`"


def _until_arrow(tokens: Sequence[Token]) -> tuple[Token, ...]:
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token.type in _OPENING) - (token.type in _CLOSING)
        if depth < 0 or (not depth and token.type in ("ARROW", "SEMICOLON", "COMMA")):
            return tuple(tokens[:at])
    return tuple(tokens)


def _is_further_input(facts: Facts) -> bool:
    return facts.type == "COMMA" and facts.line[:1] != () and facts.line[0].type == "INPUT" and _names_behind(facts)


def _names_behind(facts: Facts) -> bool:
    return [token.type for token in facts.rest_of_line[1:3]] == ["NAME", "COLON"]


def _wrong_equal(facts: Facts) -> Span:
    if facts.type == "EQUALS":
        return facts.place
    return pair_span(facts)


def _typed_input(facts: Facts) -> str:
    """The input with the numbers of its line as sizes."""
    numbers = [token.text for token in facts.rest_of_line if token.type == "NUMBER"]
    return f"write `input {facts.previous_text}: [{', '.join(numbers) or '3, 32, 32'}]`"


def _phase_with_settings(facts: Facts) -> str:
    """The settings of `phase(epochs = 3, lr = cosine)` in braces."""
    settings: list[str] = []
    rest = list(_inside(facts.rest_of_line[1:]))
    while rest:
        setting = _until_arrow(rest)
        settings.append(written(setting))
        rest = rest[len(setting) + 1 :]
    return f"phase all {{ {'; '.join(settings) or 'epochs = 10'} }}"


def _phase_in_braces(facts: Facts) -> Fix | None:
    inner = _inside(facts.rest_of_line[1:])
    behind = facts.rest_of_line[len(inner) + 1 :]
    if not inner or not behind:
        return None
    return Fix(facts.previous.span.to(behind[0].span), _phase_with_settings(facts))


def _is_head_in_brackets(facts: Facts) -> bool:
    return facts.type == "LSQB" and facts.context[-2:] in (("NETWORK", "NAME"), ("BLOCK", "NAME"))


def _head_in_parentheses(facts: Facts) -> Fix | None:
    inner = _inside(facts.rest_of_line[1:])
    behind = facts.rest_of_line[len(inner) + 1 :]
    if not inner or not behind:
        return None
    return Fix(facts.place.to(behind[0].span), f"({written(inner)})")


def _parameters_in_parentheses(facts: Facts) -> str:
    inner = written(_inside(facts.rest_of_line[1:])) or "name = value"
    return f"write `{facts.context[-2].lower()} {facts.previous_text}({inner})`"


SCRIPTS: tuple[Slip, ...] = (
    Slip(
        _is_call_of_script,
        "a file declares a network and calls nothing",
        _instead_of_call,
        ('model.compile(optimizer="adam")', "let x = 1\nmodel.fit(x, y, epochs = 5)", "main()"),
        where="line",
    ),
    Slip(
        _is_key,
        "a declaration has a word, a name and braces; keys with a colon and indentation mean nothing here",
        _declaration_for_key,
        ("model:\n  name: relu", "optimizer: adam"),
    ),
    Slip(
        _is_setting_with_colon,
        "a name gets its value with `=`, not with `:`",
        "write `{previous} = ...`",
        ("train { loss: 3 }", "network N {\n y: 3\n input x: [3]\n output x }"),
        fix=lambda f: Fix(f.place, " ="),
    ),
    Slip(
        _has_comprehension,
        "a list that is calculated has its `for` first and its value in braces",
        _loop,
        ("let a = [conv(3x3, c) for c in [8, 16]]", "block b = f(*[conv(3x3, c) for c in [8, 16]])"),
    ),
    Slip(
        _opens_dictionary,
        "there are no dictionaries: a value is a number, a word, a list or a stage",
        _instead_of_dictionary,
        ("train { phases = [{ epochs: 5 }] }", "let x = { a: 1 }"),
    ),
    Slip(
        lambda f: f.stray and (f.type == "EQUALS" or pair(f, "LESSTHAN", "MINUS")),
        "a name is bound with `=`",
        "write `{previous} = ...`",
        ("network N { input x: [3]\n y == x -> relu\n output y }",
         "network N { input x: [3]\n y <- x -> relu\n output y }"),
        where=_wrong_equal, fix=lambda f: Fix(_wrong_equal(f), "="),
    ),
    Slip(
        lambda f: f.type == "LPAR" and f.context[-2:] == ("INPUT", "NAME"),
        "the type of an input follows a colon",
        _typed_input,
        ("network N { input x(shape = [3])\n output x }",),
    ),
    Slip(
        _lacks_braces,
        "the flows of this stage stand in braces",
        _in_braces,
        ("block b = each conv(3x3, 8)", "network N { input x: [3]\n y = x -> shared conv(1) -> mean\n output y }"),
    ),
    Slip(
        lambda f: f.type == "COLON" and f.previous_type == "OUTPUT",
        "no `:` stands behind `output`",
        lambda f: f"write `output {written(f.rest_of_line[1:])}`",
        ("network N { input x: [3]\n output: x }",),
        fix=lambda f: Fix(f.place, ""),
    ),
    Slip(
        _is_further_input,
        "each input is declared by itself",
        lambda f: f"write `input {f.next.text if f.next else 'name'}: [...]` on a line of its own",
        ("network N { input x: [3]\n input y: [3], z: [4]\n output x }",),
        fix=lambda f: Fix(f.place, "; input"),
    ),
    Slip(
        lambda f: f.type == "LPAR" and f.previous_type == "PHASE",
        "a phase has a name, and its settings stand in braces",
        lambda f: f"write `{_phase_with_settings(f)}`",
        ("train { loss = 1\n phase(epochs = 3, lr = cosine) }",),
        fix=_phase_in_braces,
    ),
    Slip(
        _is_head_in_brackets,
        "parameters stand in parentheses",
        _parameters_in_parentheses,
        ("network N[a = 1] { input x: [3] output x }", "block b[c] = conv(3x3, c)"),
        fix=_head_in_parentheses,
    ),
)  # fmt: skip
